"""Densities of codes, and divergences between them, in nats."""

import math

from torch import Tensor

from genlab.losses.precision import in_float32


@in_float32
def kl_standard_normal(mean: Tensor, log_variance: Tensor) -> Tensor:
    """KL divergence of a diagonal normal distribution from the standard normal: two tensors (B, D) to (B,).

    KL(N(mean, diag exp(log_variance)) || N(0, I)), in nats (Kingma & Welling 2013, appendix B).

    Example:
        >>> kl_standard_normal(torch.zeros(2, 8), torch.zeros(2, 8))
        tensor([0., 0.])
        >>> kl_standard_normal(torch.ones(2, 8), torch.zeros(2, 8))  # 8 * mean^2 / 2
        tensor([4., 4.])
    """
    return 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum(1)


def log_normal(z: Tensor, mean: Tensor, log_variance: Tensor) -> Tensor:
    """Log-density of codes (..., D) under N(mean, diag exp(log_variance)), which broadcast against them: (...)."""
    away = (z - mean) * (-0.5 * log_variance).exp()
    return -0.5 * (away.square() + log_variance + math.log(2 * math.pi)).sum(-1)


def log_standard_normal(z: Tensor) -> Tensor:
    """Log-density of codes (..., D) under N(0, I): (...)."""
    return -0.5 * (z.square() + math.log(2 * math.pi)).sum(-1)


def log_mean_exp(log_weights: Tensor) -> Tensor:
    """Logarithm of the mean of K weights, given their logarithms: (K, ...) to (...)."""
    return log_weights.logsumexp(0) - math.log(len(log_weights))
