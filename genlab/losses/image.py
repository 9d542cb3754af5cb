"""Distances between images of any range of values."""

from torch import Tensor

from genlab.losses.precision import in_float32


@in_float32
def absolute_difference(image: Tensor, other: Tensor) -> Tensor:
    """Mean absolute difference of pixels (L1): two tensors (B, C, H, W) to (B,)."""
    return (image - other).abs().flatten(1).mean(1)
