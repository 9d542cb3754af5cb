"""Precision: float32 where half is too coarse, as for sums over pixels, and float64 on devices that have it."""

from collections.abc import Callable
from functools import wraps

import torch
from torch import Tensor

WITHOUT_DOUBLE = ("mps",)
"""Types of devices without 64-bit floats."""


def in_float32(loss: Callable[[Tensor, Tensor], Tensor]) -> Callable[[Tensor, Tensor], Tensor]:
    """Decorate a loss of two tensors to run outside of autocast, with half-precision inputs converted to float32."""

    @wraps(loss)
    def in_full_precision(first: Tensor, second: Tensor) -> Tensor:
        return computed_in_float32(loss, first, second)

    return in_full_precision


def computed_in_float32(loss: Callable[..., Tensor], *tensors: Tensor) -> Tensor:
    """Compute a loss of tensors outside of autocast, in at least float32."""
    device = tensors[0].device.type
    tensors = tuple(map(at_least_float32, tensors))
    if not torch.is_autocast_enabled(device):
        return loss(*tensors)
    with torch.autocast(device, enabled=False):
        return loss(*tensors)


def at_least_float32(tensor: Tensor) -> Tensor:
    """Convert a tensor to float32, unless it is float32 or float64 already."""
    return tensor.to(torch.promote_types(tensor.dtype, torch.float32))


def unautocast(tensor: Tensor) -> Tensor:
    """Convert a tensor to at least float32 under autocast, which may have halved its precision; else return it."""
    return at_least_float32(tensor) if torch.is_autocast_enabled(tensor.device.type) else tensor


def double_of(device: torch.device) -> torch.dtype:
    """Return float64, or float32 for a device that has no float64."""
    return torch.float32 if device.type in WITHOUT_DOUBLE else torch.float64


def doubled(x: Tensor) -> Tensor:
    """Convert a tensor to float64, or to float32 on a device that has no float64."""
    return x.to(double_of(x.device))
