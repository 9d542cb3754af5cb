"""Probabilities of grids of values, each with a distribution of its own."""

import torch
import torch.nn.functional as F
from torch import Tensor

from genlab.losses.precision import at_least_float32


def grid_log_prob(logits: Tensor, grid: Tensor) -> Tensor:
    """Compute log p of grids of values in nats, summed over places: (B,), in float32.

    Of an autoregressive network, whose logits at a place are given the values before it, this is exact.

    Args:
        logits: of each value, (B, values, C, H, W).
        grid: values (B, C, H, W), int64.

    Example:
        >>> grid_log_prob(torch.zeros(2, 4, 1, 8, 8), torch.ones(2, 1, 8, 8, dtype=torch.int64))  # -64 log 4
        tensor([-88.7228, -88.7228])
    """
    with torch.autocast(logits.device.type, enabled=False):
        return -F.cross_entropy(at_least_float32(logits), grid, reduction="none").flatten(1).sum(1)
