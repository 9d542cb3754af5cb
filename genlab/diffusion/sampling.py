"""Settings of sampling: sampler, number of steps, guidance."""

from dataclasses import dataclass

from genlab.diffusion.samplers import Sampler, dpm_solver
from genlab.errors import GenlabError
from genlab.ranges import at_least, extent


@dataclass(frozen=True)
class Sampling:
    """Settings of a diffusion model's samples: `model.sampling = Sampling(heun, steps=20)`.

    Args:
        sampler: one of `genlab.diffusion.samplers`, or a similar function, such as `functools.partial(ddim, eta=0.5)`.
        steps: number of steps.
        guidance: how closely a condition is followed: 0 ignores it, 1 is as learned, more exaggerates it.
    """

    sampler: Sampler = dpm_solver
    steps: int = 30
    guidance: float = 1.0

    def __post_init__(self) -> None:
        """Raise GenlabError for numbers out of range."""
        if not callable(self.sampler):
            raise GenlabError(f"sampler is {self.sampler!r}; give a function, such as genlab.diffusion.heun")
        extent(steps=self.steps)
        at_least(0, guidance=self.guidance)
