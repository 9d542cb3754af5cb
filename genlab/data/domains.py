"""Unpaired domains, such as horses and zebras."""

from pathlib import PurePosixPath
from typing import Literal

from genlab.data.base import DomainDataModule
from genlab.data.batches.splits import split_by_folder
from genlab.data.batches.tensors import DomainTensors, ImageTensors
from genlab.data.decoded import DecodedDataModule
from genlab.data.files.berkeley import download_missing
from genlab.data.files.image_files import FolderFiles
from genlab.data.files.places import find_folder
from genlab.facts import DOMAINS
from genlab.ranges import between


class FolderDomains(DecodedDataModule, DomainDataModule):
    """Domains in folders laid out as CycleGAN's: `trainA`, `trainB`, `testA`, `testB`, or `train/A` and so on.

    `valA` and `valB` are for validation; without them, a tenth of the training images is held out. The data sets of the
    paper (`horse2zebra`, `apple2orange`, `monet2photo` and others) are downloaded when missing. Images are decoded once
    into a cache (`genlab.data.files.cache`).

    Args:
        folder: a path, or a name in `data_dir`.
        data_dir: folder of data sets; by default the environment variable GENLAB_DATA_DIR, else ./data.
        image_size: height and width in pixels, or one number for a square.
        channels: 3 for colour, 1 for grey; images are converted.
        flip: mirror half of the training images left to right.
        enlarge: resize training images by this factor and crop them back to size at a random position.
        skip_unreadable: leave out images that cannot be decoded, instead of stopping.
        batch_size: images of each domain per batch and process.
        num_workers: number of processes that assemble batches; 0 is fastest unless augmentation is costly.
        seed: seed of the validation split and of the order of batches.
        num_domains: number of domains; with 3 there are `trainC` and `testC` too.

    Raises:
        GenlabError: for numbers out of range, and for an empty folder name.
    """

    def __init__(
        self,
        folder: str,
        data_dir: str | None = None,
        image_size: int | tuple[int, int] = 256,
        channels: Literal[1, 3] = 3,
        flip: bool = True,
        enlarge: float = 286 / 256,
        skip_unreadable: bool = False,
        batch_size: int = 1,
        num_workers: int = 0,
        seed: int = 0,
        num_domains: int = 2,
    ) -> None:
        between(2, len(DOMAINS), num_domains=num_domains)
        super().__init__(data_dir, image_size, channels, flip, enlarge, skip_unreadable, batch_size, num_workers, seed)
        self.save_hyperparameters(logger=False)
        self.a_shape = self.image_shape
        self.num_domains, self.domain_names = num_domains, DOMAINS[:num_domains]
        self.folder = find_folder(folder, data_dir)

    def prepare_data(self) -> None:
        """Download what is missing, and decode the images."""
        download_missing(self.folder)
        self.decoded((FolderFiles(self.folder), self.framing))

    def setup(self, stage: str | None = None) -> None:
        """Open all three splits."""
        files = FolderFiles(self.folder)
        (content,) = self.decoded((files, self.framing))
        images = ImageTensors(content.path)
        places = ["".join(PurePosixPath(name).parts[:-1]) for name in files.names]  # trainA/1.jpg or train/A/1.jpg
        domains = [
            split_by_folder(
                places,
                content.readable,
                self.folder,
                self.seed,
                called=(f"train{domain}", f"val{domain}", f"test{domain}"),
            )
            for domain in "".join(self.domain_names).upper()
        ]
        train_set, self.val_set, self.test_set = (
            DomainTensors(*map(images.subset, rows)) for rows in zip(*domains, strict=True)
        )
        self.train_set = train_set.transformed(self.augmentation)
