"""Noise schedules: how much noise images get in training, and the levels through which a sampler removes it.

A level σ is the standard deviation of the noise that is added to an image: noisy images are x + σ ε with ε ~ N(0, I),
as in Karras et al. 2022. The x_t of Ho et al. 2020 are these, scaled: x_t = √ᾱ_t (x + σ_t ε) with
σ_t² = (1 - ᾱ_t) / ᾱ_t, so that both papers' schedules, losses and samplers are in the same terms. Levels are float64
whatever the precision of a network; they are not part of a module, which would convert them.
"""

import math
from abc import ABC, abstractmethod

import torch
from torch import Generator, Tensor

from genlab.errors import GenlabError
from genlab.ranges import LARGEST_SIZE, above, at_least, between, extent

NOTHING_ELSE = 80.0
"""Level above which noise hides all of an image; samplers of few steps waste none on larger ones."""


class NoiseSchedule(ABC):
    """Levels of noise, from almost none to almost nothing else."""

    timesteps: int | None = None
    """T, the number of steps of noise; None for continuous levels."""

    @abstractmethod
    def draw(self, count: int, generator: Generator | None = None) -> Tensor:
        """Draw the levels of images in training, (count,), float64, on the CPU."""

    @abstractmethod
    def levels(self, steps: int) -> Tensor:
        """Return the levels that a sampler steps through, (steps + 1,), from the largest to 0.

        Raises:
            GenlabError: for less than one step, and for more steps than the schedule has.
        """


class DiscreteNoise(NoiseSchedule):
    """Noise in T steps (Ho et al. 2020), some of which a sampler may skip (Song et al. 2021, section 4.2).

    A sampler steps through evenly spaced times, from the last whose noise is at most 80 (the largest of Karras et al.
    2022), or from T if that leaves too few: a second-order solver cannot step from the 10,000 of a cosine to 10.

    Args:
        signal: share ᾱ_t of the image's variance in x_t, for t from 1 to T: (T,), falling.
    """

    timesteps: int

    def __init__(self, signal: Tensor) -> None:
        self.signal, self.timesteps = signal.double(), len(signal)
        self.sigmas = (1 / self.signal - 1).sqrt()

    def draw(self, count: int, generator: Generator | None = None) -> Tensor:
        return self.sigmas[torch.randint(self.timesteps, (count,), generator=generator)]

    def levels(self, steps: int) -> Tensor:
        timesteps = self.timesteps
        if isinstance(steps, bool) or not isinstance(steps, int) or not 1 <= steps <= timesteps:
            raise GenlabError(f"steps is {steps!r}; this model's noise has {timesteps:,} steps: give 1 to {timesteps}")
        within = int((self.sigmas <= NOTHING_ELSE).sum())
        first = within if within >= steps and steps < timesteps else timesteps
        times = torch.linspace(first, 0, steps + 1, dtype=torch.float64).round().long()
        return torch.cat([torch.zeros(1, dtype=torch.float64), self.sigmas])[times]


class LinearNoise(DiscreteNoise):
    """Variances β_t of each step's noise that grow linearly (Ho et al. 2020, section 4).

    Args:
        timesteps: T, the number of steps.
        first: β_1 for T = 1,000; scaled for other T.
        last: β_T, likewise.
    """

    def __init__(self, timesteps: int = 1000, first: float = 1e-4, last: float = 0.02) -> None:
        between(2, LARGEST_SIZE, timesteps=timesteps)
        scale = 1000 / timesteps
        above(0, first=first)
        between(first, 1, last=last)
        betas = torch.linspace(scale * first, scale * last, timesteps, dtype=torch.float64).clamp(max=0.999)
        super().__init__((1 - betas).cumprod(0))


class CosineNoise(DiscreteNoise):
    """Signal that falls like a squared cosine, ᾱ_t = f(t) / f(0) (Nichol & Dhariwal 2021, equation 17).

    Args:
        timesteps: T, the number of steps.
        offset: s, which keeps the first steps from being too small.
    """

    def __init__(self, timesteps: int = 1000, offset: float = 0.008) -> None:
        between(2, LARGEST_SIZE, timesteps=timesteps)
        at_least(0, offset=offset)
        shares = torch.arange(timesteps + 1, dtype=torch.float64) / timesteps
        f = ((shares + offset) / (1 + offset) * math.pi / 2).cos().square()
        betas = (1 - f[1:] / f[:-1]).clamp(max=0.999)
        super().__init__((1 - betas).cumprod(0))


class KarrasNoise(NoiseSchedule):
    """Continuous levels: in training log σ is normal, in sampling σ^(1/ρ) falls evenly (Karras et al. 2022, table 1).

    Args:
        sigma_min: smallest level of a sampler, before 0.
        sigma_max: largest level of a sampler.
        rho: ρ; the larger, the shorter the steps at small levels (equation 5).
        mean: mean of log σ in training.
        std: standard deviation of log σ in training.
    """

    def __init__(
        self,
        sigma_min: float = 0.002,
        sigma_max: float = 80.0,
        rho: float = 7.0,
        mean: float = -1.2,
        std: float = 1.2,
    ) -> None:
        above(0, sigma_min=sigma_min, rho=rho, std=std)
        above(sigma_min, sigma_max=sigma_max)
        self.sigma_min, self.sigma_max, self.rho = sigma_min, sigma_max, rho
        self.mean, self.std = mean, std

    def draw(self, count: int, generator: Generator | None = None) -> Tensor:
        return (self.mean + self.std * torch.randn(count, generator=generator, dtype=torch.float64)).exp()

    def levels(self, steps: int) -> Tensor:
        extent(steps=steps)
        roots = torch.linspace(
            self.sigma_max ** (1 / self.rho), self.sigma_min ** (1 / self.rho), steps, dtype=torch.float64
        )
        return torch.cat([roots**self.rho, torch.zeros(1, dtype=torch.float64)])
