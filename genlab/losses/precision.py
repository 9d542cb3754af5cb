"""Losses in float32 whatever the autocast: sums over pixels lose everything in half precision."""

from collections.abc import Callable
from functools import wraps

import torch
from torch import Tensor


def in_float32(loss: Callable[[Tensor, Tensor], Tensor]) -> Callable[[Tensor, Tensor], Tensor]:
    """Make a loss of two tensors compute outside of autocast, its half-precision inputs turned to float32."""

    @wraps(loss)
    def in_full_precision(first: Tensor, second: Tensor) -> Tensor:
        return computed_in_float32(loss, first, second)

    return in_full_precision


def computed_in_float32(loss: Callable[[Tensor, Tensor], Tensor], first: Tensor, second: Tensor) -> Tensor:
    """A loss of two tensors, outside of autocast."""
    first, second = at_least_float32(first), at_least_float32(second)
    if not torch.is_autocast_enabled(first.device.type):
        return loss(first, second)
    with torch.autocast(first.device.type, enabled=False):
        return loss(first, second)


def at_least_float32(tensor: Tensor) -> Tensor:
    """The tensor itself when it is float32 or float64, otherwise its float32 copy."""
    return tensor if tensor.dtype in (torch.float32, torch.float64) else tensor.float()


def unautocast(tensor: Tensor) -> Tensor:
    """The tensor at least in float32 where autocast may have made it half precision, otherwise itself."""
    return at_least_float32(tensor) if torch.is_autocast_enabled(tensor.device.type) else tensor
