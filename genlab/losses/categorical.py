"""Log-probabilities of grids of values and of sentences, in which each value has its own distribution."""

import torch
import torch.nn.functional as F
from torch import Tensor

from genlab.precision import at_least_float32
from genlab.vocabulary import PAD


def grid_log_prob(logits: Tensor, grid: Tensor) -> Tensor:
    """Compute log p of grids of values in nats, summed over places: (B,), in float32.

    For an autoregressive network, whose logits at a place depend on the values before it, this is exact.

    Args:
        logits: logits of each value, (B, values, C, H, W).
        grid: values (B, C, H, W), int64.

    Example:
        >>> grid_log_prob(torch.zeros(2, 4, 1, 8, 8), torch.ones(2, 1, 8, 8, dtype=torch.int64))  # -64 log 4
        tensor([-88.7228, -88.7228])
    """
    with torch.autocast(logits.device.type, enabled=False):
        return -F.cross_entropy(at_least_float32(logits), grid, reduction="none").flatten(1).sum(1)


def sentence_log_prob(logits: Tensor, tokens: Tensor) -> Tensor:
    """Compute log p of sentences in nats, summed over words and the end: (B,), in float32.

    Args:
        logits: logits of all tokens but padding, sentence by sentence: (N, vocabulary_size).
        tokens: (B, T), int64, with padding at their end.

    Example:
        >>> sentence_log_prob(torch.zeros(3, 8), torch.tensor([[4, 3], [3, 0]]))  # -2 log 8, and -log 8
        tensor([-4.1589, -2.0794])
    """
    real = tokens != PAD
    with torch.autocast(logits.device.type, enabled=False):
        nats = F.cross_entropy(at_least_float32(logits), tokens[real], reduction="none")
    return -nats.new_zeros(tokens.shape).masked_scatter(real, nats).sum(1)
