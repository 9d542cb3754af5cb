"""Splits of images or files into training, validation and test sets."""

import warnings
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from genlab.errors import GenlabError, counted, listed

FOLDERS = ("train", "val", "test")
ALMOST = {"train", "training", "val", "valid", "validation", "test", "testing"}
"""Names, in lower case, of folders or files that are probably meant as splits."""


def shuffled(length: int, seed: int) -> Tensor:
    """Return the positions below `length`, shuffled by a seed."""
    return torch.randperm(length, generator=torch.Generator().manual_seed(seed))


def held_out(rows: Tensor, seed: int, parts: int) -> list[Tensor]:
    """Hold out `parts` tenths of rows, at least one row each, drawn by `seed`; return the remaining rows first."""
    tenth = max(1, round(len(rows) / 10))
    return list(rows[shuffled(len(rows), seed)].split([len(rows) - parts * tenth, *[tenth] * parts]))


def split_by_folder(
    folders: Sequence[str],
    usable: Tensor,
    place: Path,
    seed: int,
    *,
    called: tuple[str, str, str] = FOLDERS,
    else_random: bool = False,
) -> list[Tensor]:
    """Return the positions of training, validation and test images, by each image's folder.

    Without a validation folder, a tenth of the training images, drawn by `seed`, is for validation. Without a test
    folder, the validation folder is for testing. Images in other folders are left out, with a warning.

    Args:
        folders: the name of each image's folder.
        usable: which images may be used, (N,), bool.
        place: the folder that contains all of them, for messages.
        seed: seed of random splits.
        called: names of the folders for training, validation and testing.
        else_random: if no image is in any of these folders, split by `seed`, a tenth each for validation and testing.

    Raises:
        GenlabError: for too few images for training or testing, and for folders whose names are almost those of the
            splits.
    """
    if called == FOLDERS:
        _look_at_names(folders, place)
    train, val, test = (
        (torch.tensor([folder == split for folder in folders]) & usable).nonzero()[:, 0] for split in called
    )
    if else_random and not len(train) and not len(val) and not len(test):
        train = usable.nonzero()[:, 0]
        if len(train) < 3:
            raise GenlabError(
                f"{place} has {counted(len(train), 'image')}, too few for training, validation and testing"
            )
        return held_out(train, seed, 2)
    if not len(test):
        val, test = test, val
    if len(train) < 2 or not len(test):
        raise GenlabError(
            f"{place} must have images for training and for testing, in folders called {called[0]} and {called[2]}; "
            f"it has {len(train)} and {len(test)}"
        )
    return [train, val, test] if len(val) else [*held_out(train, seed, 1), test]


def _look_at_names(folders: Sequence[str], place: Path) -> None:
    others = set(folders) - {*FOLDERS}
    misnamed = sorted(folder for folder in others if folder.lower() in ALMOST)
    if misnamed:
        raise GenlabError(f"{place} has folders called {listed(misnamed)}; call the splits train, val and test")
    if others and "train" in folders:
        left_out = sum(folder in others for folder in folders)
        warnings.warn(
            f"leaving out {counted(left_out, 'image')} of {place} that {'is' if left_out == 1 else 'are'} not in "
            f"train, val or test: {listed(sorted(others))}",
            stacklevel=3,
        )


def files_of_splits(place: Path) -> dict[str, Path]:
    """Find the .txt files of a folder by name: those of the splits, or all of them if there are none of the splits.

    Args:
        place: folder with `train.txt`, and optionally `val.txt` and `test.txt`, beside which other files are left out;
            or with any .txt files.

    Raises:
        GenlabError: for a folder without text files, and for files whose names are almost those of the splits.
    """
    files = {path.stem: path for path in sorted(place.glob("*.txt"))}
    if not files:
        raise GenlabError(
            f"{place} holds no .txt files; put train.txt, val.txt and test.txt there, one sentence per line"
        )
    misnamed = [name for name in files if name.lower().rpartition(".")[2] in ALMOST and name not in FOLDERS]
    if misnamed or (not files.keys().isdisjoint(FOLDERS) and "train" not in files):
        raise GenlabError(
            f"{place} has {listed([f'{name}.txt' for name in files])}; files of the splits are called train.txt, "
            "val.txt and test.txt, and train.txt must be there"
        )
    if "train" not in files:
        return files
    others = [f"{name}.txt" for name in files if name not in FOLDERS]
    if others:
        warnings.warn(f"leaving out files in {place} that are not train, val or test: {listed(others)}", stacklevel=2)
    return {name: files[name] for name in FOLDERS if name in files}
