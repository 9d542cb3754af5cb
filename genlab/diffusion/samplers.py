"""Samplers: from noise to images in steps, given any estimate of images, `denoise(x, sigma)`.

All are functions of a denoiser, noisy images at the first of some levels, and these levels, from large to small, in the
terms of `genlab.diffusion.noise`, where x is the image plus σ times noise. They know no model.

Example:
    >>> def denoise(x, sigma):  # of images that are all 3
    ...     return torch.full_like(x, 3.0)
    >>> noise = 80 * torch.randn(2, 1, 8, 8)
    >>> heun(denoise, noise, levels=torch.tensor([80.0, 10.0, 1.0, 0.0])).unique()
    tensor([3.])
"""

import inspect
import math
from collections.abc import Callable
from functools import partial
from itertools import pairwise
from typing import Any

import torch
from torch import Generator, Tensor

from genlab.diffusion.denoisers import Denoise
from genlab.ranges import between

Sampler = Callable[..., Tensor]
"""Maps a denoiser, noisy images and levels to images; stochastic samplers take a `generator` too."""


def euler(denoise: Denoise, x: Tensor, levels: Tensor) -> Tensor:
    """Follow the probability flow dx/dσ = (x - D(x; σ)) / σ with Euler's method (Karras et al. 2022, section 2).

    Along rising levels, it leads from images back to their noise.
    """
    for now, then in pairwise(levels.tolist()):
        slope = (x - denoise(x, now)) / now
        x = x + (then - now) * slope
    return x


def heun(denoise: Denoise, x: Tensor, levels: Tensor) -> Tensor:
    """Follow the probability flow with Heun's second-order method (Karras et al. 2022, algorithm 1)."""
    for now, then in pairwise(levels.tolist()):
        slope = (x - denoise(x, now)) / now
        reached = x + (then - now) * slope
        if then > 0:
            slope = (slope + (reached - denoise(reached, then)) / then) / 2
            reached = x + (then - now) * slope
        x = reached
    return x


def dpm_solver(
    denoise: Denoise, x: Tensor, levels: Tensor, eta: float = 0.0, generator: Generator | None = None
) -> Tensor:
    """Sample with DPM-Solver++(2M): second-order DDIM with one estimate per step (Lu et al. 2022, algorithm 2).

    Each estimate is extrapolated from the one before, in h = log(now / then). The first step, and a step to level 0,
    are first-order.

    Args:
        denoise: estimates images.
        x: noisy images at the first level.
        levels: from large to small.
        eta: 0 is deterministic; 1 is the paper's SDE-DPM-Solver++(2M), whose new noise brings samples of a few steps
            close to those of many ancestral ones.
        generator: generator for the noise.
    """
    between(0, 1, eta=eta)
    before, last = None, 0.0
    for now, then in pairwise(levels.tolist()):
        estimate = extrapolated = denoise(x, now)
        h = math.log(now / then) if then else 0.0
        if before is not None and then:
            r = last / h
            extrapolated = estimate + (estimate - before) / (2 * r)
        x = towards(extrapolated, x, now, then, eta, generator)
        before, last = estimate, h
    return x


def ddim(denoise: Denoise, x: Tensor, levels: Tensor, eta: float = 0.0, generator: Generator | None = None) -> Tensor:
    """Step from estimate to estimate, replacing some of the noise with new noise (Song et al. 2021).

    Args:
        denoise: estimates images.
        x: noisy images at the first level.
        levels: from large to small. Where they rise, noise is added, as RePaint does to go back.
        eta: 0 is deterministic, which is Euler's method; 1 is ancestral sampling.
        generator: generator for the noise.
    """
    between(0, 1, eta=eta)
    for now, then in pairwise(levels.tolist()):
        if then > now:
            x = x + (then**2 - now**2) ** 0.5 * noise_like(x, generator)
        else:
            x = towards(denoise(x, now), x, now, then, eta, generator)
    return x


def towards(estimate: Tensor, x: Tensor, now: float, then: float, eta: float, generator: Generator | None) -> Tensor:
    """Reduce noise to a level, replacing a share of it with new noise (Song et al. 2021, equations 12 and 16)."""
    fresh = eta * then * (1 - (then / now) ** 2) ** 0.5
    x = estimate + (then**2 - fresh**2) ** 0.5 / now * (x - estimate)
    return x + fresh * noise_like(x, generator) if fresh else x


def ancestral(denoise: Denoise, x: Tensor, levels: Tensor, generator: Generator | None = None) -> Tensor:
    """Draw each x_{t-1} from q(x_{t-1} | x_t, x_0), with the estimate as x_0 (Ho et al. 2020, equations 6 and 7).

    This is DDIM with an eta of 1. Of the paper's two variances, it uses the smaller one, that of the posterior.
    """
    return ddim(denoise, x, levels, eta=1.0, generator=generator)


SAMPLERS: dict[str, Sampler] = {
    "ancestral": ancestral,
    "ddim": ddim,
    "dpm": dpm_solver,
    "euler": euler,
    "heun": heun,
}
"""Samplers by their names on the command line."""


def with_generator(sampler: Sampler, generator: Generator | None) -> Sampler:
    """Bind a generator to a sampler, if it draws noise."""
    takes: Any = inspect.signature(sampler).parameters
    return partial(sampler, generator=generator) if "generator" in takes else sampler


def resampled(levels: Tensor, times: int) -> Tensor:
    """Make levels go back a step and down again, so that each step is made `times` times.

    See Lugmayr et al. 2022, algorithm 1.

    This lets a sampler that completes images fit what it generates to what is known. The sampler must add noise where
    levels rise, as `ddim` and `ancestral` do.
    """
    walk = [levels[:1]]
    for now, then in pairwise(levels):
        walk += [torch.stack([then, now])] * (times - 1) * bool(then > 0) + [then[None]]
    return torch.cat(walk)


def noise_like(x: Tensor, generator: Generator | None) -> Tensor:
    """Draw N(0, I) in the shape of a tensor, on the generator's device so that all devices agree."""
    device = x.device if generator is None else generator.device
    return torch.randn(*x.shape, generator=generator, device=device).to(x)
