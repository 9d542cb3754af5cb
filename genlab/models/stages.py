"""Training in stages: what a user says of them, and which one an epoch belongs to."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto
from itertools import accumulate

from genlab.errors import GenlabError
from genlab.ranges import above, at_least


@dataclass(frozen=True)
class Schedule:
    """How long and how fast a stage trains.

    Args:
        epochs: its length.
        lr: the learning rate of its optimizer.
    """

    epochs: int
    lr: float = 1e-3

    def __post_init__(self) -> None:
        at_least(1, epochs=self.epochs)
        above(0, lr=self.lr)


class Goal(Enum):
    """What a stage trains."""

    LAYER = auto()
    """The lowest layer that is not frozen, to give back its input."""
    STACK = auto()
    """All layers, to give back images."""
    LABELS = auto()
    """A classifier, and the layers that are not frozen."""


@dataclass(frozen=True)
class Stage:
    """A stretch of the training of a stack of layers."""

    name: str
    """As it is called in logs."""
    goal: Goal
    frozen: int
    """How many of the lower layers are frozen."""
    schedule: Schedule


class Course:
    """The stages of a training, one after the other.

    Raises GenlabError when there are none, or one without epochs.
    """

    def __init__(self, stages: Sequence[Stage]) -> None:
        if not stages:
            raise GenlabError("there is nothing to train: give at least one stage, and each at least one epoch")
        self.stages = stages
        self._ends = list(accumulate(stage.schedule.epochs for stage in stages))

    @property
    def epochs(self) -> int:
        """Of all stages together."""
        return self._ends[-1]

    def position(self, epoch: int) -> int:
        """Which stage an epoch belongs to, both counted from 0; for epochs beyond the end, the last one."""
        return sum(end <= epoch for end in self._ends[:-1])
