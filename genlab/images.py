"""Images as pictures: grids of them, as PNG files."""

from PIL.Image import Image
from torch import Tensor
from torchvision.transforms.v2.functional import to_pil_image

from genlab.errors import GenlabError


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
