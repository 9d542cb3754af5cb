"""Mutual information between observations and their codes."""

import math

import torch
from torch import Generator, Tensor

from genlab.losses.evidence import log_normal

AT_ONCE = 2**24
"""Number of differences between codes and means that are held in memory at a time."""


def mutual_information(mean: Tensor, log_variance: Tensor, generator: Generator | None = None) -> Tensor:
    """Estimate the mutual information between observations and codes in nats, a scalar (Hoffman & Johnson 2016).

    It is the mean of log q(z | x) - log q(z), with one code z for each observation, where q(z) is the mean of all
    posteriors. It is at most the logarithm of their number and, in expectation, the KL divergence from the prior.

    Args:
        mean: means of the posteriors, (N, D).
        log_variance: their log-variances, (N, D).
        generator: source of the codes' noise, on the CPU.

    Example:
        >>> mutual_information(100.0 * torch.arange(4)[:, None], torch.zeros(4, 1))  # codes that tell all: log 4
        tensor(1.3863)
    """
    noise = torch.randn(mean.shape, generator=generator).to(mean)
    codes = mean + (0.5 * log_variance).exp() * noise
    own = log_normal(codes, mean, log_variance)
    parts = codes[:, None].split(max(1, AT_ONCE // mean.numel()))
    marginal = torch.cat([log_normal(part, mean, log_variance).logsumexp(1) for part in parts]) - math.log(len(mean))
    return (own - marginal).mean()
