"""Growth of the weight of a KL divergence in training (Bowman et al. 2016, section 3.1)."""

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass

from genlab.ranges import above, at_least


class Annealing(ABC):
    """A weight from 0 to 1 that grows with the steps of training."""

    @abstractmethod
    def __call__(self, step: int) -> float:
        """Return the weight at a step, counted from 0."""


@dataclass(frozen=True)
class LinearAnnealing(Annealing):
    """A weight that grows in proportion to the steps.

    Args:
        steps: until it is 1.
        start: the weight at first.

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
    """A weight that grows along a logistic curve.

    Args:
        middle: the step at which it is a half.
        width: steps from there to 0.73, the logistic function of 1.

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
