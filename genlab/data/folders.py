"""Any folder of images."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor

from genlab.data.augmentation import Augmentation
from genlab.data.cache import DecodedImages, decoded
from genlab.data.files import FolderFiles, is_image
from genlab.data.framing import Framing, height_and_width
from genlab.data.loading import ImageDataModule
from genlab.data.places import cache_folder, find_folder
from genlab.data.splits import split_by_folder
from genlab.data.tensors import ImageTensors
from genlab.errors import GenlabError


class ImageFolder(ImageDataModule):
    """The images in a folder and its subfolders, decoded once into a cache (`genlab.data.cache`).

    With subfolders `train` and `test`, and perhaps `val`, these are the splits; without `val`, a tenth of the training
    images is for validation. Else a tenth of all is for validation and a tenth for testing, drawn by `seed`. If images
    lie in subfolders below that, each is a class, in alphabetical order, as in torchvision's ImageFolder.

    Args:
        folder: a path, or a name in `data_dir`.
        data_dir: folder of data sets; by default the environment's GENLAB_DATA_DIR, else ./data.
        image_size: height and width in pixels, or one number for a square, that images are cropped and resized to: the
            largest box of these proportions at the centre.
        crop: height and width in pixels, or one number, of the centre to take that box from; by default all.
        channels: 3 for colour, 1 for grey; images are converted.
        flip: mirror half of the training images left to right.
        enlarge: resize training images by this factor and crop them back at a random place.
        skip_unreadable: leave images out that cannot be decoded, rather than stop.
        batch_size: images per batch and process.
        num_workers: processes that put batches together; none is fastest unless augmentation is costly.
        seed: of the split and of the order of batches.

    Raises GenlabError for a folder that is missing.
    """

    def __init__(
        self,
        folder: str,
        data_dir: str | None = None,
        image_size: int | tuple[int, int] = 64,
        crop: int | tuple[int, int] | None = None,
        channels: Literal[1, 3] = 3,
        flip: bool = False,
        enlarge: float = 1.0,
        skip_unreadable: bool = False,
        batch_size: int = 64,
        num_workers: int = 0,
        seed: int = 0,
    ) -> None:
        super().__init__(batch_size, num_workers, seed)
        self.save_hyperparameters(logger=False)
        self.cache_dir = cache_folder(data_dir)
        self.image_shape = (channels, *height_and_width(image_size))
        self.framing = Framing(self.image_shape, None if crop is None else height_and_width(crop))
        self.augmentation = Augmentation(flip, enlarge)
        self.skip_unreadable = skip_unreadable
        self.folder = find_folder(folder, data_dir)
        self.has_splits = (self.folder / "train").is_dir()
        self.class_names = _classes(self.folder / "train" if self.has_splits else self.folder)
        """The names of the classes, in the order of their labels; none without subfolders."""
        self.num_classes = len(self.class_names)

    def prepare_data(self) -> None:
        """Decode the images."""
        self._decode(FolderFiles(self.folder))

    def setup(self, stage: str | None = None) -> None:
        """Open all three splits."""
        files = FolderFiles(self.folder)
        content = self._decode(files)
        places = [name.split("/") for name in files.names]
        images = ImageTensors(content.images, {"label": self._labels(places)} if self.class_names else {})
        rows = split_by_folder([place[0] for place in places], content.readable, self.folder, self.seed)
        train_set, self.val_set, self.test_set = map(images.subset, rows)
        self.train_set = train_set.transformed(self.augmentation)

    def _decode(self, files: FolderFiles) -> DecodedImages:
        return decoded(files, self.framing, self.cache_dir, skip_unreadable=self.skip_unreadable)

    def _labels(self, places: Sequence[Sequence[str]]) -> Tensor:
        """The class of each image, by the parts of its path."""
        depth = 1 if self.has_splits else 0
        for place in places:
            if place[depth] not in self.class_names:
                raise GenlabError(
                    f"{self.folder.joinpath(*place)} lies in none of the class folders {', '.join(self.class_names)}"
                )
        return torch.tensor([self.class_names.index(place[depth]) for place in places])


def _classes(folder: Path) -> tuple[str, ...]:
    """The subfolders of a folder that has no images beside them."""
    names = {name.split("/")[0] for name in FolderFiles(folder).names}
    return () if any(is_image(name) for name in names) else tuple(sorted(names))
