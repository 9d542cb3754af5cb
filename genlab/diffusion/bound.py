"""The variational bound on log p(x) of a diffusion model, in nats, in parts by timestep (Ho et al. 2020, equation 5).

The negative bound is L_T + (L_{T-1} + ... + L_1) + L_0: how far the noisiest images are from the prior, what each step
adds, and the negative log-likelihood of the image itself. All are (B,). Images are in [-1, 1].
"""

import math
from itertools import pairwise

import torch
from torch import Generator, Tensor

from genlab.diffusion.denoisers import Denoise, broadcast
from genlab.diffusion.samplers import noise_like

BIN = 1 / 255
"""Half the width of one of 256 levels of a value, in [-1, 1]."""


def prior_part(x: Tensor, largest: float) -> Tensor:
    """Compute L_T: KL(q(x_T | x) || N(0, I)), where x_T is (x + σ ε) / √(1 + σ²) for the largest σ."""
    return 0.5 * ((x.square() - 1) / (1 + largest**2) + math.log1p(largest**-2)).flatten(1).sum(1)


def step_parts(denoise: Denoise, x: Tensor, levels: Tensor, bands: int, generator: Generator | None = None) -> Tensor:
    """Estimate the L_t in between, (B, bands), each the sum over a band of timesteps, from large to small.

    In each band, one timestep is drawn for each image, and stands for the whole band; with as many bands as timesteps,
    only the expectation over noise is estimated.

    Args:
        denoise: estimates images.
        x: images.
        levels: levels of all steps, from the largest to 0.
        bands: number of bands, from 1 to one less than the number of steps.
        generator: generator for timesteps and noise, on the CPU.
    """
    steps = len(levels) - 2
    edges = torch.linspace(0, steps, bands + 1).round().long()
    parts = []
    for first, end in pairwise(edges):
        chosen = first + (torch.rand(len(x), generator=generator) * (end - first)).long()
        now, then = levels[chosen], levels[chosen + 1]
        error = (denoise(x + broadcast(now, x) * noise_like(x, generator), now) - x).square().flatten(1).sum(1)
        parts.append((end - first).item() * (0.5 * (then**-2 - now**-2)).to(error) * error)
    return torch.stack(parts, 1)


def last_part(denoise: Denoise, x: Tensor, smallest: float, generator: Generator | None = None) -> Tensor:
    """Estimate L_0 of 8-bit images: the negative log-probability of each value's level, one of 256 (section 3.3)."""
    estimate = denoise(x + smallest * noise_like(x, generator), smallest)
    return -binned_log_prob(x, estimate, smallest).flatten(1).sum(1)


def binned_log_prob(x: Tensor, mean: Tensor, sigma: float) -> Tensor:
    """Log-probability of each value's level under a normal distribution; the outer levels extend to infinity."""
    sign = torch.where(x < 0, -1.0, 1.0)  # mirrored, so that the value is not negative
    away = x.abs() - sign * mean
    lower, upper = (away - BIN) / sigma, ((away + BIN) / sigma).where(x.abs() < 1 - BIN / 2, math.inf)
    right = lower > 0  # mirrored again: in the left tail, differences are not lost
    start, end = torch.where(right, -upper, lower), torch.where(right, -lower, upper)
    log_end = torch.special.log_ndtr(end)
    log_mass: Tensor = log_end + (-torch.expm1(torch.special.log_ndtr(start) - log_end)).log()
    return log_mass
