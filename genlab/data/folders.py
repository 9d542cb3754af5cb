"""Any folder of images."""

from functools import cached_property
from typing import Literal

import torch
from torch import Tensor

from genlab.data.base import ImageDataModule
from genlab.data.batches.splits import split_by_folder
from genlab.data.batches.tensors import ImageTensors
from genlab.data.decoded import DecodedDataModule
from genlab.data.files.framing import Framing, height_and_width
from genlab.data.files.image_files import FolderFiles
from genlab.data.files.places import find_folder
from genlab.errors import GenlabError


class ImageFolder(DecodedDataModule, ImageDataModule):
    """The images in a folder and its subfolders, decoded once into a cache (`genlab.data.files.cache`).

    Subfolders `train`, `val` and `test` are the splits. If `val` or `test` is missing, the other is for testing, and a
    tenth of the training images is held out for validation. Without such subfolders, a tenth of all images is for
    validation and a tenth for testing, drawn by `seed`. Subfolders below these are classes, in alphabetical order, as
    in torchvision's ImageFolder.

    Args:
        folder: a path, or a name in `data_dir`.
        data_dir: folder of data sets; by default the environment variable GENLAB_DATA_DIR, else ./data.
        image_size: height and width in pixels, or one number for a square; the largest centred box of these proportions
            is resized to it.
        crop: height and width in pixels, or one number, of a centre crop taken before that; by default none.
        channels: 3 for colour, 1 for grey; images are converted.
        flip: mirror half of the training images left to right.
        enlarge: resize training images by this factor and crop them back to size at a random position.
        skip_unreadable: leave out images that cannot be decoded, instead of stopping.
        batch_size: images per batch and process.
        num_workers: number of processes that assemble batches; 0 is fastest unless augmentation is costly.
        seed: seed of the split and of the order of batches.

    Raises:
        GenlabError: for numbers out of range, and, as soon as files or classes are needed, for a missing folder.
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
        super().__init__(data_dir, image_size, channels, flip, enlarge, skip_unreadable, batch_size, num_workers, seed)
        self.save_hyperparameters(logger=False)
        self.framing = Framing(self.image_shape, None if crop is None else height_and_width(crop))
        self.folder = find_folder(folder, data_dir)

    @cached_property
    def files(self) -> FolderFiles:
        """The images of all splits."""
        return FolderFiles(self.folder)

    @cached_property
    def class_names(self) -> tuple[str, ...]:  # type: ignore[override]
        """Names of the training images' class folders; empty if any training image is outside a class folder."""
        names = [name for name in self.files.names if not self.has_splits or name.startswith("train/")]
        classes = {self._class_folder(name) for name in names}
        return () if None in classes else tuple(sorted(filter(None, classes)))

    @property
    def num_classes(self) -> int:  # type: ignore[override]
        """Number of classes; 0 without labels."""
        return len(self.class_names)

    @cached_property
    def has_splits(self) -> bool:
        """Whether there is a folder called train, so that the splits are folders."""
        return (self.folder / "train").is_dir()

    def prepare_data(self) -> None:
        """Decode the images."""
        self.decoded((self.files, self.framing))

    def setup(self, stage: str | None = None) -> None:
        """Open all three splits."""
        (content,) = self.decoded((self.files, self.framing))
        images = ImageTensors(content.path, {"label": self._labels()} if self.class_names else {})
        folders = [name.split("/")[0] for name in self.files.names]
        rows = split_by_folder(folders, content.readable, self.folder, self.seed, else_random=True)
        train_set, self.val_set, self.test_set = map(images.subset, rows)
        self.train_set = train_set.transformed(self.augmentation)

    def _class_folder(self, name: str) -> str | None:
        """Return the class folder of an image, inside its split's folder; None if it has none."""
        parts = name.split("/")[1 if self.has_splits else 0 :]
        return parts[0] if len(parts) > 1 else None

    def _labels(self) -> Tensor:
        labels = {name: label for label, name in enumerate(self.class_names)}
        classes = [self._class_folder(name) for name in self.files.names]
        for name, found in zip(self.files.names, classes, strict=True):
            if found not in labels:
                raise GenlabError(
                    f"{self.folder / name} lies in none of the class folders {', '.join(self.class_names)}"
                )
        return torch.tensor([labels[str(found)] for found in classes])
