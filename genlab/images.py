"""Images as pictures: grids of them, as PNG files."""

from pathlib import Path

import torch
from torch import Tensor
from torchvision.transforms.v2.functional import to_pil_image
from torchvision.utils import make_grid

from genlab.errors import GenlabError


def grid(images: Tensor, columns: int, shorter_side: int = 32) -> Tensor:
    """One picture of many: (B, C, H, W) in [0, 1] to (3, height, width), row by row.

    Small images are enlarged by a whole factor until their shorter side has at least `shorter_side` pixels.
    """
    factor = max(1, -(-shorter_side // min(images.shape[-2:])))
    images = images.detach().float().cpu().clamp(0, 1)
    enlarged = images.repeat_interleave(factor, -2).repeat_interleave(factor, -1)
    picture: Tensor = make_grid(enlarged, nrow=columns, padding=2, pad_value=1.0)
    return picture


def beside(*kinds: Tensor, columns: int) -> Tensor:
    """A grid in which each row of one kind of image stands above the row of the next kind, such as reconstructions."""
    rows = zip(*(kind.cpu().split(columns) for kind in kinds), strict=True)
    return grid(torch.cat([row for group in rows for row in group]), columns)


def save(picture: Tensor, path: Path) -> None:
    """Write a picture (3, height, width) in [0, 1] as a PNG file, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    to_pil_image(picture).save(part, format="PNG")
    part.replace(path)


def must_be_free(path: Path, force: bool) -> None:
    """Raise GenlabError when a file is there already and is not to be overwritten."""
    if path.exists() and not force:
        raise GenlabError(f"{path} is there already; give --force to replace it, or another --out")
