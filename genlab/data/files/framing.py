"""Framing: the crop and resize that turn image files of any size into arrays of one size."""

import errno
import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeVar

import numpy as np
import torch.nn.functional as F
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError
from torch import Tensor

from genlab.errors import GenlabError
from genlab.images import upright
from genlab.ranges import extent
from genlab.types import Shape

OUR_TROUBLE = (errno.ENOMEM, errno.EMFILE, errno.ENFILE)
"""Errors of the machine while it reads a file, which do not mean that the file is broken."""

Box = tuple[float, float, float, float]
"""Left, top, right, bottom, in pixels."""


@dataclass(frozen=True)
class Framing:
    """A centred crop, an antialiased bicubic resize, and conversion to 8-bit grey or colour.

    The crop is the largest centred box of the target's aspect ratio, within the part that `half` and `crop`, or else
    `width_share`, select. Photographs are rotated upright according to their EXIF tag; transparent pixels become white.

    Args:
        shape: (channels, height, width) of the result, with 1 or 3 channels.
        crop: height and width in pixels of the centre to keep.
        width_share: share of the width to keep, so that copies of any size give the same picture.
        half: the half to keep of a file in which pix2pix's pairs are side by side.
    """

    shape: Shape
    crop: tuple[int, int] | None = None
    width_share: float = 1.0
    half: Literal["left", "right"] | None = None

    def decode(self, encoded: bytes) -> NDArray[np.uint8]:
        """Decode the content of an image file to an array (C, H, W).

        Raises:
            Exception: whatever Pillow raises for a file that it cannot read.
            GenlabError: for an image of more than 8 bits.
            ValueError: for an image smaller than the crop.
        """
        channels, height, width = self.shape
        image = opened(encoded, channels)
        resized = image.resize((width, height), Image.Resampling.BICUBIC, box=self.box(*image.size))
        return pixels(resized)

    def box(self, width: int, height: int) -> Box:
        """Return the part of an image to keep.

        Args:
            width: width of the image in pixels.
            height: height of the image in pixels.

        Raises:
            ValueError: for an image smaller than the crop.
        """
        left, top, right, bottom = 0.0, 0.0, float(width), float(height)
        if self.half == "left":
            right = width // 2
        elif self.half == "right":
            left = width - width // 2
        if self.crop and (self.crop[0] > height or self.crop[1] > right - left):
            raise ValueError(f"{width} x {height} pixels, smaller than the crop of {self.crop[1]} x {self.crop[0]}")
        high, wide = self.crop or (bottom - top, (right - left) * self.width_share)
        _, target_height, target_width = self.shape
        scale = min(high / target_height, wide / target_width)
        across, down = scale * target_width / 2, scale * target_height / 2
        x, y = (left + right) / 2, (top + bottom) / 2
        return max(left, x - across), max(top, y - down), min(right, x + across), min(bottom, y + down)


def resized(images: Tensor, shape: Shape) -> Tensor:
    """Crop images (N, C, H, W), uint8, like files, but at whole pixels, and resize them to (N, *shape)."""
    _, height, width = shape
    if images.shape[2:] == (height, width):
        return images
    left, top, right, bottom = map(round, Framing(shape).box(images.shape[3], images.shape[2]))
    kept = images[..., top : max(bottom, top + 1), left : max(right, left + 1)]
    return F.interpolate(kept, (height, width), mode="bicubic", antialias=True)


def opened(encoded: bytes, channels: int) -> Image.Image:
    """Open the content of an image file as grey or colour, rotated upright, with white for transparent pixels.

    Raises:
        Exception: whatever Pillow raises for a file that it cannot read.
        GenlabError: for an image of more than 8 bits.
    """
    with Image.open(io.BytesIO(encoded)) as image:
        return upright(image, channels)


def pixels(image: Image.Image) -> NDArray[np.uint8]:
    """Return a grey or colour image as an array (C, H, W)."""
    return np.asarray(image).reshape(image.height, image.width, -1).transpose(2, 0, 1)


Decoded = TypeVar("Decoded")


def attempt(decode: Callable[[], Decoded]) -> Decoded | str:
    """Try to read and decode an image; if that fails, return what is wrong with its file, as text."""
    try:
        return decode()
    except UnidentifiedImageError:
        return "not an image"
    except Exception as error:  # Pillow raises almost anything for a broken file
        if isinstance(error, MemoryError) or getattr(error, "errno", None) in OUR_TROUBLE:
            raise
        return " ".join(str(getattr(error, "strerror", None) or error).split())


def upright_size(encoded: bytes) -> tuple[int, int]:
    """Read the width and height, once rotated upright, of the image in a file's content.

    Raises:
        Exception: whatever Pillow raises for a file that it cannot read.
    """
    with Image.open(io.BytesIO(encoded)) as image:
        return ImageOps.exif_transpose(image).size


def height_and_width(size: int | tuple[int, int]) -> tuple[int, int]:
    """Return height and width, given both or one number for a square.

    Raises:
        GenlabError: for anything else, and for numbers out of range.
    """
    sides = (size, size) if isinstance(size, int) else size
    if not isinstance(sides, list | tuple) or [*map(type, sides)] != [int, int]:
        raise GenlabError(f"a size in pixels is one number, or height and width, not {size!r}")
    height, width = sides
    extent(height=height, width=width)
    return height, width
