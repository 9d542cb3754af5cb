"""Sampling in steps, as set on the page."""

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from genlab.capabilities import Conditional, SamplesInSteps, can
from genlab.diffusion.samplers import SAMPLERS
from genlab.diffusion.sampling import Sampling
from genlab.errors import GenlabError
from genlab.explore.explored import Explored

QUICK, MOST = 10, 100
"""Default and maximum number of steps of a diffusion model, few because a user waits."""


def described(explored: Explored) -> dict[str, Any] | None:
    """Describe how a model can sample in steps, for JSON; None for a model that does not."""
    if not explored.able_to(SamplesInSteps):
        return None
    model, usual = explored.model, explored.model.sampling.steps
    if not isinstance(model.sampling, Sampling):  # such as Gibbs chains
        return {"samplers": [], "usual": usual, "most": 2 * usual, "guided": False}
    most = min(MOST, model.noise.timesteps or MOST)
    return {"samplers": [*SAMPLERS], "usual": min(QUICK, most), "most": most, "guided": can(model, Conditional)}


@contextlib.contextmanager
def sampling(explored: Explored, **settings: Any) -> Iterator[None]:
    """Change a model's settings of sampling within a context; settings that are None stay unchanged.

    Args:
        explored: the model.
        settings: name of the sampler, steps and guidance; see `genlab.diffusion.Sampling`.

    Raises:
        GenlabError: for settings that the model does not have, and for unknown samplers and numbers of steps out of
            range.
    """
    given = {name: value for name, value in settings.items() if value is not None}
    if not given:
        yield
        return
    known = described(explored)
    if known is None:
        raise GenlabError(f"the {type(explored.model).__name__} does not sample in steps")
    if not known["samplers"] and (unknown := given.keys() - {"steps"}):
        raise GenlabError(f"the {type(explored.model).__name__} has no {' and no '.join(sorted(unknown))} to choose")
    if "sampler" in given:
        if given["sampler"] not in SAMPLERS:
            raise GenlabError(f"the sampler must be one of {', '.join(SAMPLERS)}")
        given["sampler"] = SAMPLERS[given["sampler"]]
    if not 1 <= given.get("steps", 1) <= known["most"]:
        raise GenlabError(f"the number of steps must be from 1 to {known['most']}, not {given['steps']}")
    before = explored.model.sampling
    explored.model.sampling = replace(before, **given)
    try:
        yield
    finally:
        explored.model.sampling = before
