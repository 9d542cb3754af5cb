"""Two unpaired domains, such as horses and zebras."""

from pathlib import PurePosixPath
from typing import Literal

from genlab.data.base import BatchDataModule, ImageDataModule
from genlab.data.batches.augmentation import Augmentation
from genlab.data.batches.splits import shuffled, split_by_folder
from genlab.data.batches.tensors import DomainTensors, ImageTensors
from genlab.data.files.berkeley import download_missing
from genlab.data.files.cache import DecodedImages, decoded, require_readable
from genlab.data.files.framing import Framing, height_and_width
from genlab.data.files.image_files import FolderFiles
from genlab.data.files.places import cache_folder, find_folder
from genlab.data.pairs import PairDataModule
from genlab.errors import GenlabError
from genlab.types import Shape


class DomainDataModule(BatchDataModule):
    """A DataModule whose batches are `genlab.types.DomainBatch`. Its `image_shape` is that of domain b.

    Domains may be of unequal size: an epoch goes once through the larger one, and pairings are new every epoch.
    """

    a_shape: Shape
    """(C, H, W) of domain a."""
    domain_names: tuple[str, str] = ("a", "b")
    """What domains a and b are called."""
    aligned: bool = False
    """Whether `a[i]` and `b[i]` of validation and test batches show the same: then translation can be scored."""
    train_set: DomainTensors
    val_set: DomainTensors
    test_set: DomainTensors


class FolderDomains(DomainDataModule):
    """Domains in folders as CycleGAN has them: `trainA`, `trainB`, `testA`, `testB`, or `train/A` and so on.

    `valA` and `valB` are for validation; without them, a tenth of the training images is. The data sets
    of the paper (`horse2zebra`, `apple2orange`, `monet2photo` and others) are downloaded when they are missing. Images
    are decoded once into a cache (`genlab.data.files.cache`).

    Args:
        folder: a path, or a name in `data_dir`.
        data_dir: folder of data sets; by default the environment's GENLAB_DATA_DIR, else ./data.
        image_size: height and width in pixels, or one number for a square.
        channels: 3 for colour, 1 for grey; images are converted.
        flip: mirror half of the training images left to right.
        enlarge: resize training images by this factor and crop them back at a random place.
        skip_unreadable: leave images out that cannot be decoded, rather than stop.
        batch_size: draws from both domains per batch and process.
        num_workers: processes that put batches together; none is fastest unless augmentation is costly.
        seed: of the validation split and of the order of batches.
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
    ) -> None:
        super().__init__(batch_size, num_workers, seed)
        self.save_hyperparameters(logger=False)
        self.folder = find_folder(folder, data_dir)
        self.cache_dir = cache_folder(data_dir)
        self.image_shape = self.a_shape = (channels, *height_and_width(image_size))
        self.augmentation = Augmentation(flip, enlarge)
        self.skip_unreadable = skip_unreadable

    def prepare_data(self) -> None:
        """Download what is missing, and decode the images."""
        download_missing(self.folder)
        self._decode(FolderFiles(self.folder))

    def setup(self, stage: str | None = None) -> None:
        """Open all three splits."""
        files = FolderFiles(self.folder)
        content = self._decode(files)
        images = ImageTensors(content.path)
        places = ["".join(PurePosixPath(name).parts[:-1]) for name in files.names]  # trainA/1.jpg or train/A/1.jpg
        a, b = (
            split_by_folder(
                places,
                content.readable,
                self.folder,
                self.seed,
                called=(f"train{domain}", f"val{domain}", f"test{domain}"),
            )
            for domain in "AB"
        )
        train_set, self.val_set, self.test_set = (
            DomainTensors(images.subset(of_a), images.subset(of_b)) for of_a, of_b in zip(a, b, strict=True)
        )
        self.train_set = train_set.transformed(self.augmentation)

    def _decode(self, files: FolderFiles) -> DecodedImages:
        content = decoded(files, Framing(self.image_shape), self.cache_dir)
        if not self.skip_unreadable:
            require_readable(content)
        return content


class AttributeDomains(DomainDataModule):
    """Images that have an attribute (a), and images that have not (b): smiling and other faces of CelebA.

    Args:
        data: where the images come from, with their batch size, order and augmentation.
        attribute: the name of one of its attributes.

    Raises GenlabError for an attribute that the data do not have.
    """

    def __init__(self, data: ImageDataModule, attribute: str) -> None:
        super().__init__(data.batch_size, data.num_workers, data.seed)
        self.save_hyperparameters(logger=False)
        self.data = data
        self.image_shape = self.a_shape = data.image_shape
        if attribute not in data.attribute_names:
            raise GenlabError(
                f"{type(data).__name__} gives no attribute {attribute}; "
                f"it gives {', '.join(data.attribute_names) or 'none at all'}"
            )
        self.domain_names = attribute, f"not {attribute}"
        self.position = data.attribute_names.index(attribute)

    def prepare_data(self) -> None:
        self.data.prepare_data()

    def setup(self, stage: str | None = None) -> None:
        """Open the splits that the data open."""
        for split, images in self.data.opened(stage).items():
            has = images.facts["attributes"][images.rows, self.position] > 0
            setattr(self, split, DomainTensors(images.subset(has), images.subset(~has)))


class DomainsFromPairs(DomainDataModule):
    """Sources (a) and targets (b) of pairs, as if nobody knew what belongs together.

    For training, sources of one half of the pairs and targets of the other half, drawn by the seed, so that nothing
    occurs in both domains. Validation and test batches stay aligned.

    Args:
        pairs: where the pairs come from, with their batch size, order and augmentation.
    """

    aligned = True

    def __init__(self, pairs: PairDataModule) -> None:
        super().__init__(pairs.batch_size, pairs.num_workers, pairs.seed)
        self.save_hyperparameters(logger=False)
        self.pairs = pairs
        self.image_shape, self.a_shape = pairs.image_shape, pairs.source_shape

    def prepare_data(self) -> None:
        self.pairs.prepare_data()

    def setup(self, stage: str | None = None) -> None:
        """Open the splits that the pairs open."""
        for split, pairs in self.pairs.opened(stage).items():
            a, b = pairs.sides()
            if split == "train_set":
                of_a, of_b = shuffled(len(a), self.seed).tensor_split(2)
                a, b = a.subset(of_a), b.subset(of_b)
            setattr(self, split, DomainTensors(a, b))
