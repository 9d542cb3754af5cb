"""Which images are for training, validation and testing."""

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from genlab.errors import GenlabError

FOLDERS = ("train", "val", "test")


def shuffled(length: int, seed: int) -> Tensor:
    """The positions below `length` in an order that the seed decides."""
    return torch.randperm(length, generator=torch.Generator().manual_seed(seed))


def held_out(rows: Tensor, seed: int, parts: int) -> list[Tensor]:
    """Rows without `parts` tenths of them, then those tenths, of one row at least; drawn by `seed`."""
    tenth = max(1, round(len(rows) / 10))
    return list(rows[shuffled(len(rows), seed)].split([len(rows) - parts * tenth, *[tenth] * parts]))


def split_by_folder(folders: Sequence[str], usable: Tensor, place: Path, seed: int) -> list[Tensor]:
    """The positions of training, validation and test images, from the folder that each image lies in.

    Images in none of `train`, `val` and `test` are split by `seed`, a tenth each for validation and testing. Without
    `val`, a tenth of `train` is for validation.

    Args:
        folders: the name of each image's folder.
        usable: (N,), bool; other images are left out.
        place: where all that lies, for messages.
        seed: of what is drawn.

    Raises GenlabError when there is one of `train` and `test` but not the other, or too little to split.
    """
    train, val, test = (
        (torch.tensor([folder == split for folder in folders]) & usable).nonzero()[:, 0] for split in FOLDERS
    )
    if not len(train) and not len(val) and not len(test):
        everything = usable.nonzero()[:, 0]
        if len(everything) < 3:
            raise GenlabError(f"{place} has {len(everything)} images, too few for training, validation and testing")
        return held_out(everything, seed, 2)
    if not len(train) or not len(test):
        raise GenlabError(
            f"{place} must have images both for training and for testing, in folders called train and test; it has "
            f"{len(train)} and {len(test)}"
        )
    return [train, val, test] if len(val) else [*held_out(train, seed, 1), test]
