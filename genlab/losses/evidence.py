"""Bounds on log p(x) of models with codes z ~ N(0, I) and a diagonal Gaussian posterior q(z | x).

Each takes the posterior's mean and log-variance, (B, D), and log p(x | z) as a function of codes (K, B, D) to (K, B).
"""

from collections.abc import Callable

import torch
from torch import Generator, Tensor

from genlab.losses.divergence import kl_standard_normal, log_mean_exp, log_normal, log_standard_normal

LogLikelihood = Callable[[Tensor], Tensor]
"""From K codes of each image, (K, B, D), to log p(x | z), (K, B)."""


def evidence(
    mean: Tensor,
    log_variance: Tensor,
    log_likelihood: LogLikelihood,
    num_samples: int = 1,
    beta: float = 1.0,
    importance_weighted: bool = False,
) -> dict[str, Tensor]:
    """The evidence lower bound, its parts, and a loss: scalars, in nats per image.

    "elbo" is -reconstruction - kl (Kingma & Welling 2013, equation 10), with "reconstruction" = -E_q[log p(x | z)]
    and "kl" = KL(q(z | x) || N(0, I)); "loss" is reconstruction + beta * kl. Importance-weighted it is -"bound"
    instead, of Burda et al. 2016, equation 8, in which beta has no place.

    Args:
        mean: of the posterior.
        log_variance: of the posterior.
        log_likelihood: see above.
        num_samples: codes for each image.
        beta: weight of the KL divergence.
        importance_weighted: which bound is the loss.
    """
    noise = torch.randn(num_samples, *mean.shape, device=mean.device, dtype=mean.dtype)
    z = mean + (0.5 * log_variance).exp() * noise
    log_probs = log_likelihood(z)
    reconstruction, kl = -log_probs.mean(), kl_standard_normal(mean, log_variance).mean()
    figures = {"elbo": -reconstruction - kl, "reconstruction": reconstruction, "kl": kl}
    if not importance_weighted:
        return {"loss": reconstruction + beta * kl, **figures}
    bound = log_mean_exp(log_probs + log_standard_normal(z) - log_normal(z, mean, log_variance)).mean()
    return {"loss": -bound, "bound": bound, **figures}


def importance_sampled(
    mean: Tensor,
    log_variance: Tensor,
    log_likelihood: LogLikelihood,
    num_samples: int,
    at_once: int,
    generator: Generator | None = None,
) -> Tensor:
    """log p(x), (B,), estimated from below by importance sampling (Burda et al. 2016, equation 8).

    Args:
        mean: of the posterior.
        log_variance: of the posterior.
        log_likelihood: see above.
        num_samples: codes for each image; the more, the tighter.
        at_once: codes for each image that are held in memory together.
        generator: of the codes' noise, on the CPU.
    """
    parts = []
    for start in range(0, num_samples, at_once):
        noise = torch.randn(min(at_once, num_samples - start), *mean.shape, generator=generator).to(mean)
        z = mean + (0.5 * log_variance).exp() * noise
        # the posterior's density at z is that of the noise, stretched
        log_posterior = log_standard_normal(noise) - 0.5 * log_variance.sum(1)
        parts.append(log_likelihood(z) + log_standard_normal(z) - log_posterior)
    return log_mean_exp(torch.cat(parts))
