"""Conversion between tensors and Pillow's images."""

from PIL import Image as pil
from PIL import ImageOps
from PIL.Image import Image
from torch import Tensor
from torchvision.transforms.v2.functional import to_pil_image

from genlab.errors import GenlabError

TOLERANCE = 0.5
"""How far outside [0, 1] values may lie and still be clipped: bicubic resizing overshoots."""
MODES = {1: "L", 3: "RGB", 4: "RGBA"}
"""Pillow's modes by number of channels."""


def eight_bits(images: Tensor) -> Tensor:
    """Convert images of any shape in [0, 1] to uint8, rounded to the nearest level and clipped.

    torchvision, W&B and TensorBoard would truncate instead, which makes images darker by half a level on average.
    """
    return images.detach().float().mul(255).round().clamp(0, 255).byte()


def picture_of(image: Tensor) -> Image:
    """Convert an image (C, H, W) in [0, 1] to a Pillow image."""
    picture: Image = to_pil_image(eight_bits(image))
    return picture


def to_pil(images: Tensor) -> Image | list[Image]:
    """Convert an image (C, H, W) in [0, 1] to a Pillow image, or images (B, C, H, W) to a list of these.

    Raises:
        GenlabError: for any other shape, and for values that are not floats in [0, 1].

    Example:
        >>> genlab.to_pil(torch.rand(3, 28, 20)).size  # width and height
        (20, 28)
    """
    if not images.is_floating_point() or not images.equal(images.clamp(-TOLERANCE, 1 + TOLERANCE)):
        raise GenlabError("to_pil takes floats in [0, 1]; divide values up to 255 by 255")
    if images.ndim == 4:
        return [picture_of(image) for image in images]
    if images.ndim != 3:
        raise GenlabError(f"to_pil takes (C, H, W) or (B, C, H, W), not {tuple(images.shape)}")
    return picture_of(images)


def upright(picture: Image, channels: int) -> Image:
    """Turn a picture upright according to its EXIF tag, and convert it to grey, colour, or colour with transparency.

    Transparent pixels become white if there is no channel for transparency.

    Args:
        picture: a picture of any size, with up to 8 bits per channel.
        channels: number of channels: 1, 3 or 4.

    Raises:
        GenlabError: for more than 8 bits per channel.
    """
    if picture.mode.startswith(("I", "F")):
        raise GenlabError(f"{picture.mode} pixels have more than 8 bits; convert them to 8-bit grey or colour")
    turned = ImageOps.exif_transpose(picture)
    if turned.has_transparency_data and channels < 4:
        turned = pil.alpha_composite(pil.new("RGBA", turned.size, "white"), turned.convert("RGBA"))
    return turned.convert(MODES[channels])
