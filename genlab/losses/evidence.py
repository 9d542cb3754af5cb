"""Bounds on log p(x) for models with codes z ~ N(0, I) and a diagonal Gaussian posterior q(z | x), in nats."""

import math
from collections.abc import Callable

import torch
from torch import Generator, Tensor

from genlab.precision import in_float32

LogLikelihood = Callable[[Tensor], Tensor]
"""Maps K codes of each image, (K, B, D), to log p(x | z), (K, B)."""


def evidence(
    mean: Tensor,
    log_variance: Tensor,
    log_likelihood: LogLikelihood,
    num_samples: int = 1,
    beta: float = 1.0,
    importance_weighted: bool = False,
    free_bits: float = 0.0,
) -> dict[str, Tensor]:
    """Estimate the evidence lower bound (ELBO) and its parts from codes drawn from the posterior.

    Args:
        mean: mean of the posterior, (B, D).
        log_variance: log-variance of the posterior, (B, D).
        log_likelihood: maps codes (K, B, D) to log p(x | z), (K, B).
        num_samples: K, the number of codes drawn for each image.
        beta: weight of the KL divergence.
        importance_weighted: train on the importance-weighted bound, which ignores `beta` and `free_bits`.
        free_bits: nats of each unit of the code, averaged over the batch, below which its divergence costs no less
            (Kingma et al. 2016, equation 15).

    Returns:
        Scalars in nats per image: "reconstruction", -E_q[log p(x | z)]; "kl", KL(q(z | x) || N(0, I)); "elbo",
        -reconstruction - kl (Kingma & Welling 2013, equation 10); and "loss", reconstruction + beta * kl, where
        `free_bits` bound the divergence of each unit from below. With `importance_weighted`, "bound" is that of
        Burda et al. 2016, equation 8, and "loss" is -bound.
    """
    noise = torch.randn(num_samples, *mean.shape, device=mean.device, dtype=mean.dtype)
    z = mean + (0.5 * log_variance).exp() * noise
    log_probs = log_likelihood(z)
    reconstruction, kl = -log_probs.mean(), kl_standard_normal(mean, log_variance).mean()
    metrics = {"elbo": -reconstruction - kl, "reconstruction": reconstruction, "kl": kl}
    if not importance_weighted:
        units = kl_of_units(mean, log_variance).mean(0).clamp(min=free_bits).sum() if free_bits else kl
        return {"loss": reconstruction + beta * units, **metrics}
    bound = log_mean_exp(log_probs + log_standard_normal(z) - log_normal(z, mean, log_variance)).mean()
    return {"loss": -bound, "bound": bound, **metrics}


def importance_sampled(
    mean: Tensor,
    log_variance: Tensor,
    log_likelihood: LogLikelihood,
    num_samples: int,
    at_once: int,
    generator: Generator | None = None,
) -> Tensor:
    """Estimate log p(x), (B,), from below by importance sampling (Burda et al. 2016, equation 8).

    Args:
        mean: mean of the posterior, (B, D).
        log_variance: log-variance of the posterior, (B, D).
        log_likelihood: maps codes (K, B, D) to log p(x | z), (K, B).
        num_samples: number of codes drawn for each image; the bound gets tighter with more.
        at_once: number of codes for each image that are held in memory at a time.
        generator: source of the codes' noise, on the CPU.
    """
    parts = []
    for start in range(0, num_samples, at_once):
        noise = torch.randn(min(at_once, num_samples - start), *mean.shape, generator=generator).to(mean)
        z = mean + (0.5 * log_variance).exp() * noise
        # the posterior's density at z is that of the noise, stretched
        log_posterior = log_standard_normal(noise) - 0.5 * log_variance.sum(1)
        parts.append(log_likelihood(z) + log_standard_normal(z) - log_posterior)
    return log_mean_exp(torch.cat(parts))


def tempered(mean: Tensor, log_variance: Tensor, power: float) -> tuple[Tensor, Tensor]:
    """Return mean and log-variance, each (B, D), of the normal distribution p(z) (q(z | x) / p(z))^power.

    A posterior trained with a weight beta on its KL divergence from the prior is p(z) p(x | z)^(1 / beta), up to a
    constant, if the family contains it. With a power of beta, the result is the true posterior, whatever beta is.

    Args:
        mean: mean of q(z | x), a normal distribution.
        log_variance: log-variance of q(z | x).
        power: from 0, the prior N(0, I), to 1, q itself.

    Example:
        >>> tempered(torch.ones(1, 1), torch.full((1, 1), 1 / 3).log(), power=0.5)  # precision 1 + 0.5 (3 - 1)
        (tensor([[0.7500]]), tensor([[-0.6931]]))
    """
    precision = (-log_variance).exp()
    weighted = 1 + power * (precision - 1)
    return power * precision * mean / weighted, -weighted.log()


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
    return kl_of_units(mean, log_variance).sum(1)


@in_float32
def kl_of_units(mean: Tensor, log_variance: Tensor) -> Tensor:
    """KL divergence of each unit of a code from the standard normal, in nats: two tensors (B, D) to (B, D)."""
    return 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance)


def log_normal(z: Tensor, mean: Tensor, log_variance: Tensor) -> Tensor:
    """Log-density of codes (..., D) under N(mean, diag exp(log_variance)), whose parameters broadcast: (...)."""
    away = (z - mean) * (-0.5 * log_variance).exp()
    return -0.5 * (away.square() + log_variance + math.log(2 * math.pi)).sum(-1)


def log_standard_normal(z: Tensor) -> Tensor:
    """Log-density of codes (..., D) under N(0, I): (...)."""
    return -0.5 * (z.square() + math.log(2 * math.pi)).sum(-1)


def log_mean_exp(log_weights: Tensor) -> Tensor:
    """Logarithm of the mean of K weights, given their logarithms: (K, ...) to (...)."""
    return log_weights.logsumexp(0) - math.log(len(log_weights))
