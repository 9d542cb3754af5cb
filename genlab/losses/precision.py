"""Losses in float32 even under autocast: half precision is too coarse for sums over pixels."""

from collections.abc import Callable
from functools import wraps

import torch
from torch import Tensor


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
    return tensor if tensor.dtype in (torch.float32, torch.float64) else tensor.float()


def unautocast(tensor: Tensor) -> Tensor:
    """Convert a tensor to at least float32 under autocast, which may have halved its precision; else return it."""
    return at_least_float32(tensor) if torch.is_autocast_enabled(tensor.device.type) else tensor
