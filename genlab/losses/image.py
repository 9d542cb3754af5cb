"""How far one image is from another, for images of any scale."""

from torch import Tensor

from genlab.losses.precision import in_float32


@in_float32
def absolute_difference(image: Tensor, other: Tensor) -> Tensor:
    """The mean absolute difference of pixels, L1: (B, C, H, W) twice to (B,)."""
    return (image - other).abs().flatten(1).mean(1)
