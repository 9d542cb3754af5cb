"""Sparsity penalties, which keep most units of a code near zero: codes (B, D) to a scalar."""

import torch
from torch import Tensor, nn

from genlab.precision import at_least_float32
from genlab.ranges import above, at_least, share


class L1(nn.Module):
    """Sum of the absolute values of a code, averaged over the batch.

    Args:
        weight: factor on the sum.
    """

    def __init__(self, weight: float = 1.0) -> None:
        super().__init__()
        at_least(0, weight=weight)
        self.weight = weight

    def forward(self, codes: Tensor) -> Tensor:
        return self.weight * at_least_float32(codes).abs().sum(1).mean()


class TargetRate(nn.Module):
    """KL divergence of each unit's mean activation in the batch from a target rate, summed over units.

    KL(rate || mean) of two Bernoulli variables, in nats (Ng 2011, CS294A lecture notes on the sparse autoencoder).
    Activations must be in (0, 1): give the model a sigmoid as code activation.

    Args:
        rate: target of the mean activation.
        weight: factor on the sum.
    """

    def __init__(self, rate: float = 0.05, weight: float = 3.0) -> None:
        super().__init__()
        above(0, rate=rate)
        share(rate=rate)
        at_least(0, weight=weight)
        self.rate, self.weight = rate, weight

    def forward(self, codes: Tensor) -> Tensor:
        mean = at_least_float32(codes).mean(0).clamp(1e-6, 1 - 1e-6)
        rate = torch.full_like(mean, self.rate)
        kl = rate * (rate / mean).log() + (1 - rate) * ((1 - rate) / (1 - mean)).log()
        return self.weight * kl.sum()
