"""Double precision, on devices that have it."""

import torch
from torch import Tensor

WITHOUT = ("mps",)
"""Types of devices without 64-bit floats."""


def double_of(device: torch.device) -> torch.dtype:
    """Return float64, or float32 for a device that has no float64."""
    return torch.float32 if device.type in WITHOUT else torch.float64


def doubled(x: Tensor) -> Tensor:
    """Convert a tensor to float64, or to float32 on a device that has no float64."""
    return x.to(double_of(x.device))
