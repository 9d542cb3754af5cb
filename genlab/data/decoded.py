"""Base class of DataModules whose image files are decoded once into a cache (`genlab.data.files.cache`)."""

from typing import Literal

from genlab.data.base import BatchDataModule
from genlab.data.batches.augmentation import Augmentation
from genlab.data.files.cache import DecodedImages, decoded, require_readable
from genlab.data.files.framing import Framing, height_and_width
from genlab.data.files.image_files import ImageFiles
from genlab.data.files.places import cache_folder

Side = tuple[ImageFiles, Framing]
"""Files and their framing: all images of a set, or the sources or the targets of pairs."""


class DecodedDataModule(BatchDataModule):
    """A DataModule of image files, with the options that all such DataModules share.

    Args:
        data_dir: folder of data sets; by default the environment variable GENLAB_DATA_DIR, else ./data.
        image_size: height and width in pixels, or one number for a square.
        channels: 3 for colour, 1 for grey; images are converted.
        flip: mirror half of the training images left to right.
        enlarge: resize training images by this factor and crop them back to size at a random position.
        skip_unreadable: leave out images that cannot be decoded, instead of stopping.
        batch_size: passed to `BatchDataModule`, like the next two arguments.
        num_workers: number of processes that assemble batches.
        seed: seed of the splits and of the order of batches.

    Raises:
        GenlabError: for numbers out of range.
    """

    def __init__(
        self,
        data_dir: str | None,
        image_size: int | tuple[int, int],
        channels: Literal[1, 3],
        flip: bool,
        enlarge: float,
        skip_unreadable: bool,
        batch_size: int,
        num_workers: int,
        seed: int,
    ) -> None:
        super().__init__(batch_size, num_workers, seed)
        self.cache_dir = cache_folder(data_dir)
        self.image_shape = (channels, *height_and_width(image_size))
        self.augmentation = Augmentation(flip, enlarge)
        self.skip_unreadable = skip_unreadable

    def decoded(self, *sides: Side) -> list[DecodedImages]:
        """Decode image files, or open their cache if they are decoded already.

        Raises:
            GenlabError: for unreadable images, unless `skip_unreadable` is set.
        """
        content = [decoded(files, framing, self.cache_dir) for files, framing in sides]
        if not self.skip_unreadable:
            require_readable(*content)
        return content
