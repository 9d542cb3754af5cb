"""Aligned pairs: source images, and the targets to translate them to."""

from abc import abstractmethod
from pathlib import PurePosixPath
from typing import Literal

from genlab.data.base import PairDataModule
from genlab.data.batches.splits import split_by_folder
from genlab.data.batches.tensors import ImageTensors, PairTensors
from genlab.data.decoded import DecodedDataModule, Side
from genlab.data.files.berkeley import download_missing
from genlab.data.files.framing import Framing, upright_size
from genlab.data.files.image_files import FolderFiles
from genlab.data.files.places import find_folder
from genlab.errors import GenlabError, listed

LOOKED_AT = 20
"""Maximum number of pairs whose proportions are compared."""


class FilePairs(DecodedDataModule, PairDataModule):
    """Pairs from files, split by the folders that contain them.

    A subclass implements `sides`, which tells which files are sources and targets, and how to frame them.
    """

    else_random: bool
    """Whether to split pairs at random if there are no folders for training and testing."""

    @abstractmethod
    def sides(self) -> tuple[Side, Side]:
        """Find sources and targets, in the same order."""

    def prepare_data(self) -> None:
        """Decode the images."""
        self.decoded(*self.sides())

    def setup(self, stage: str | None = None) -> None:
        """Open all three splits."""
        source, target = self.decoded(*self.sides())
        folders = [PurePosixPath(name).parts[0] for name in source.files.names]
        usable = source.readable & target.readable
        rows = split_by_folder(folders, usable, source.files.place, self.seed, else_random=self.else_random)
        sources, targets = ImageTensors(source.path), ImageTensors(target.path)
        train_set, self.val_set, self.test_set = (
            PairTensors(sources.subset(part), targets.subset(part)) for part in rows
        )
        self.train_set = PairTensors(train_set.source, train_set.target, self.augmentation)


class SideBySidePairs(FilePairs):
    """Pairs side by side in one file, A on the left and B on the right, as pix2pix distributes them.

    The folder has subfolders `train` and `test`, and optionally `val`; without it, a tenth of the training pairs is
    held out for validation. The data sets of the paper (`facades`, `maps`, `edges2shoes`, `edges2handbags`,
    `night2day`, `cityscapes`) are downloaded when missing. Images are decoded once into a cache
    (`genlab.data.files.cache`).

    Args:
        folder: a path, or a name in `data_dir`.
        data_dir: folder of data sets; by default the environment variable GENLAB_DATA_DIR, else ./data.
        direction: "AtoB" makes the left half the source and the right half the target, "BtoA" the other way round.
        image_size: height and width in pixels of each half, or one number for a square.
        channels: 3 for colour, 1 for grey; images are converted.
        flip: mirror half of the training pairs left to right.
        enlarge: resize training pairs by this factor and crop them back to size at a random position.
        skip_unreadable: leave out pairs that cannot be decoded, instead of stopping.
        batch_size: pairs per batch and process.
        num_workers: number of processes that assemble batches; 0 is fastest unless augmentation is costly.
        seed: seed of the validation split and of the order of batches.

    Raises:
        GenlabError: for an unknown direction, numbers out of range, and an empty folder name.
    """

    else_random = False

    def __init__(
        self,
        folder: str,
        data_dir: str | None = None,
        direction: Literal["AtoB", "BtoA"] = "AtoB",
        image_size: int | tuple[int, int] = 256,
        channels: Literal[1, 3] = 3,
        flip: bool = True,
        enlarge: float = 286 / 256,
        skip_unreadable: bool = False,
        batch_size: int = 1,
        num_workers: int = 0,
        seed: int = 0,
    ) -> None:
        super().__init__(data_dir, image_size, channels, flip, enlarge, skip_unreadable, batch_size, num_workers, seed)
        self.save_hyperparameters(logger=False)
        self.source_shape = self.image_shape
        if direction not in ("AtoB", "BtoA"):
            raise GenlabError(f"there is no direction {direction}; give AtoB or BtoA")
        self.folder = find_folder(folder, data_dir)
        self.direction = direction

    def prepare_data(self) -> None:
        """Download what is missing, and decode the images."""
        download_missing(self.folder)
        super().prepare_data()

    def sides(self) -> tuple[Side, Side]:
        files = FolderFiles(self.folder)
        a, b = (files, Framing(self.image_shape, half="left")), (files, Framing(self.image_shape, half="right"))
        return (a, b) if self.direction == "AtoB" else (b, a)


class FolderPairs(FilePairs):
    """Pairs from two folders; the two images of a pair have the same name, apart from the file extension.

    Subfolders `train`, `test` and optionally `val` are the splits; without `val`, a tenth of the training pairs is held
    out for validation. Without subfolders, a tenth of all is for validation and a tenth for testing, drawn by `seed`.
    Images are decoded once into a cache (`genlab.data.files.cache`).

    Args:
        source: folder of the sources: a path, or a name in `data_dir`.
        target: folder of the targets, likewise.
        data_dir: folder of data sets; by default the environment variable GENLAB_DATA_DIR, else ./data.
        image_size: height and width in pixels, or one number for a square.
        channels: 3 for colour, 1 for grey; images are converted.
        flip: mirror half of the training pairs left to right.
        enlarge: resize training pairs by this factor and crop them back to size at a random position.
        skip_unreadable: leave out pairs that cannot be decoded, instead of stopping.
        batch_size: pairs per batch and process.
        num_workers: number of processes that assemble batches; 0 is fastest unless augmentation is costly.
        seed: seed of the splits and of the order of batches.

    Raises:
        GenlabError: for numbers out of range, and for an empty folder name.
    """

    else_random = True

    def __init__(
        self,
        source: str,
        target: str,
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
        super().__init__(data_dir, image_size, channels, flip, enlarge, skip_unreadable, batch_size, num_workers, seed)
        self.save_hyperparameters(logger=False)
        self.source_shape = self.image_shape
        self.source, self.target = find_folder(source, data_dir), find_folder(target, data_dir)

    def sides(self) -> tuple[Side, Side]:
        sources, targets = FolderFiles(self.source), FolderFiles(self.target)
        of_source, of_target = by_stem(sources), by_stem(targets)
        lonely = sorted(of_source.keys() ^ of_target.keys())
        if lonely:
            raise GenlabError(
                f"{len(lonely)} images in {self.source} or {self.target} have no partner of the same name in the other "
                f"folder: {listed(lonely)}; add or delete them"
            )
        partners = targets.only(of_target[name] for name in of_source)
        require_same_proportions(sources, partners)
        framing = Framing(self.image_shape)
        return (sources, framing), (partners, framing)


def by_stem(files: FolderFiles) -> dict[str, str]:
    """Map each file's name without its extension to the full name.

    Raises:
        GenlabError: for two names that differ only in their extension.
    """
    names: dict[str, str] = {}
    for name in files.names:
        stem = PurePosixPath(name).with_suffix("").as_posix()
        if stem in names:
            raise GenlabError(
                f"{files.place} has both {names[stem]} and {name}; only one can belong to a pair; delete the other"
            )
        names[stem] = name
    return names


def require_same_proportions(sources: FolderFiles, targets: FolderFiles) -> None:
    """Check that the two images of a pair have the same proportions, within 2 %, for the first pairs.

    Raises:
        GenlabError: for a pair whose proportions differ.
    """
    for source, target in list(zip(sources.names, targets.names, strict=True))[:LOOKED_AT]:
        try:
            (width, height), (other_width, other_height) = (
                upright_size(files.read(name)) for files, name in ((sources, source), (targets, target))
            )
        except Exception:  # decoding will report what is wrong with the file
            continue
        if abs(width * other_height / (other_width * height) - 1) >= 0.02:
            raise GenlabError(
                f"{sources.place / source} has {width} x {height} pixels, its partner in {targets.place} has "
                f"{other_width} x {other_height}; the images of a pair must have the same proportions"
            )
