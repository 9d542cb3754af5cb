"""Conversion of tensors to raw bytes and back: images are uint8, codes little-endian float32."""

import io
import math

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from genlab.data.files.framing import Framing, attempt
from genlab.errors import GenlabError
from genlab.types import Shape

MOST_VALUES = 2**26
"""Maximum number of values in an answer."""
MOST_COUNT = 1024
"""Maximum number of images or codes in an answer."""
MOST_PIXELS = 50_000_000
"""Maximum width times height of an uploaded image."""
FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF")
"""Formats that are decoded; for some others, Pillow starts external programs."""


def bytes_of(tensor: Tensor) -> bytes:
    """Convert a tensor to bytes: uint8 as it is, others as float32."""
    array = tensor.cpu().contiguous().numpy()
    return array.tobytes() if array.dtype == np.uint8 else array.astype("<f4").tobytes()


def images_from(body: bytes, shape: Shape) -> Tensor:
    """Read images, (N, *shape), uint8.

    Raises:
        GenlabError: for incomplete images, none, or too many.
    """
    size = math.prod(shape)
    count, rest = divmod(len(body), size)
    if rest or not count:
        raise GenlabError(f"{len(body)} bytes are not images of {' x '.join(map(str, shape))}")
    require_count(count, size)
    return torch.frombuffer(bytearray(body), dtype=torch.uint8).view(count, *shape)


def codes_from(body: bytes, shape: tuple[int, ...]) -> Tensor:
    """Read codes, (N, *shape), float32.

    Raises:
        GenlabError: for incomplete codes, numbers that are not finite, no codes, or too many.
    """
    size = math.prod(shape)
    count, rest = divmod(len(body), 4 * size)
    if rest or not count:
        raise GenlabError(f"{len(body)} bytes are not codes of {size} numbers")
    require_count(count)
    codes = torch.from_numpy(np.frombuffer(body, "<f4").astype(np.float32)).view(count, *shape)
    if not codes.isfinite().all():
        raise GenlabError("codes are not all finite")
    return codes


def require_count(count: int, size: int = 1) -> None:
    """Raise GenlabError for a count below 1, or more images or codes of `size` values than an answer may have."""
    most = max(1, min(MOST_COUNT, MOST_VALUES // size))
    if not 1 <= count <= most:
        raise GenlabError(f"the number of images must be from 1 to {most:,}, not {count:,}")


def image_file(content: bytes, framing: Framing) -> Tensor:
    """Decode an uploaded file, cropped and resized like the data's images: (1, C, H, W), uint8.

    Raises:
        GenlabError: for a file that is not an image of a common format, or has too many pixels to decode.
    """

    def framed() -> Tensor:
        with Image.open(io.BytesIO(content), formats=FORMATS) as image:
            if image.width * image.height > MOST_PIXELS:
                raise GenlabError(f"{image.width:,} x {image.height:,} pixels, more than {MOST_PIXELS:,}")
        return torch.from_numpy(framing.decode(content).copy())[None]

    found = attempt(framed)
    if isinstance(found, str):
        raise GenlabError(f"the file cannot be read as an image: {found}")
    return found
