"""Annealing of a KL divergence's weight during training (Bowman et al. 2016, section 3.1)."""

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass

from genlab.ranges import above, at_least


class Annealing(ABC):
    """Weight from 0 to 1 that grows with training steps."""

    @abstractmethod
    def __call__(self, step: int) -> float:
        """Return the weight at a step, counted from 0."""


@dataclass(frozen=True)
class LinearAnnealing(Annealing):
    """Weight that grows linearly with training steps.

    Args:
        steps: number of steps until the weight is 1.
        start: initial weight.

    Example:
        >>> LinearAnnealing(steps=1000)(250)
        0.25
    """

    steps: int
    start: float = 0.0

    def __post_init__(self) -> None:
        at_least(1, steps=self.steps)
        at_least(0, start=self.start)

    def __call__(self, step: int) -> float:
        return min(1.0, self.start + (1 - self.start) * step / self.steps)


@dataclass(frozen=True)
class SigmoidAnnealing(Annealing):
    """Weight that grows along a logistic curve.

    Args:
        middle: step at which the weight is 0.5.
        width: number of steps from there to 0.73, the logistic function of 1.

    Example:
        >>> SigmoidAnnealing(middle=2500, width=400)(2500)
        0.5
    """

    middle: int
    width: float

    def __post_init__(self) -> None:
        at_least(0, middle=self.middle)
        above(0, width=self.width)

    def __call__(self, step: int) -> float:
        return 0.5 * (1 + math.tanh((step - self.middle) / (2 * self.width)))
