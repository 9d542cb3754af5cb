"""Images as pictures: grids of them, as PNG files."""

from pathlib import Path

import torch
import torch.nn.functional as F
from PIL.Image import Image
from torch import Tensor
from torchvision.transforms.v2.functional import to_pil_image
from torchvision.utils import make_grid

from genlab.errors import GenlabError
from genlab.outputs import whole_file


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
    count = len(kinds[0])
    columns = min(columns, count)
    last = (0,) * 7 + (-count % columns,)  # white images fill the last rows up
    coloured = [F.pad(kind.cpu().expand(-1, 3, -1, -1), last, value=1.0) for kind in kinds]
    rows = zip(*(kind.split(columns) for kind in coloured), strict=True)
    return grid(torch.cat([row for group in rows for row in group]), columns)


def eight_bits(images: Tensor) -> Tensor:
    """Images of any shape in [0, 1] as uint8: rounded to the nearest grey level, values beyond black or white cut off.

    torchvision, W&B and TensorBoard would cut fractions off, and make images darker by half a level on average.
    """
    return images.detach().float().mul(255).round().clamp(0, 255).byte()


def picture_of(image: Tensor) -> Image:
    """An image (C, H, W) in [0, 1] as Pillow's."""
    picture: Image = to_pil_image(eight_bits(image))
    return picture


def to_pil(images: Tensor) -> Image | list[Image]:
    """An image (C, H, W) in [0, 1] as Pillow's, or images (B, C, H, W) as a list of these.

    Raises GenlabError for any other shape.
    """
    if images.ndim == 4:
        return [picture_of(image) for image in images]
    if images.ndim != 3:
        raise GenlabError(f"to_pil takes (C, H, W) or (B, C, H, W), not {tuple(images.shape)}")
    return picture_of(images)


def save(picture: Tensor, path: Path) -> None:
    """Write a picture (3, height, width) in [0, 1] as a PNG file, whole or not at all."""
    with whole_file(path) as part:
        picture_of(picture).save(part, format="PNG")
