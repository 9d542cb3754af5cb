"""Learning-rate schedules that know the length of training, and how Lightning is told about any schedule.

Any class of `torch.optim.lr_scheduler` is a schedule too, by step or by epoch. ReduceLROnPlateau waits for `val/loss`
to fall, after each epoch with a validation; `lightning.pytorch.cli.ReduceLROnPlateau` waits for its `monitor`.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

from lightning.pytorch import Trainer
from torch import Tensor
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from genlab.errors import GenlabError
from genlab.ranges import at_least, between, if_given, share
from genlab.types import Interval, ScheduleFactory


class TrainingSchedule(LRScheduler, ABC):
    """Learning-rate schedule: a linear warm-up, and then a share of the optimizer's learning rate.

    Args:
        optimizer: the optimizer whose learning rates are scheduled.
        warmup_steps: steps before the full learning rate; step i of the warm-up has (i + 1) / (warmup_steps + 1) of it.
        steps: length of the whole schedule, after which learning rates stay constant; None for the length of training.

    Raises:
        GenlabError: for a schedule that ends during its warm-up, and numbers out of range.
    """

    def __init__(self, optimizer: Optimizer, warmup_steps: int = 0, steps: int | None = None) -> None:
        at_least(0, warmup_steps=warmup_steps)
        at_least(1, **if_given(steps=steps))
        self.warmup_steps = warmup_steps
        self.steps = steps
        self._require_full_rate()
        super().__init__(optimizer)

    @abstractmethod
    def rate(self, progress: float) -> float:
        """Return the share of the full learning rate.

        Args:
            progress: progress since the warm-up, from 0 to 1.
        """

    def get_lr(self) -> list[float | Tensor]:
        """Return the learning rate of each parameter group at the current step."""
        step, warmup = self.last_epoch, self.warmup_steps
        if step < warmup:
            rate = (step + 1) / (warmup + 1)
        else:
            rate = self.rate(min(1.0, (step - warmup) / (self.steps - warmup)) if self.steps else 0.0)
        return [base * rate for base in self.base_lrs]

    def set_length(self, steps: float) -> None:
        """Let the schedule last as long as training, unless it has its own length.

        Args:
            steps: length of training; infinity if it is not known.

        Raises:
            GenlabError: for training of unknown length, or that ends during the warm-up.
        """
        if self.steps is not None:
            return
        if math.isinf(steps):
            raise GenlabError(
                f"{type(self).__name__} needs the length of training, which is not known; give the schedule's steps, "
                "or --trainer.max_epochs if the data have a length or the schedule counts epochs, else "
                "--trainer.max_steps"
            )
        self.steps = max(1, int(steps))
        self._require_full_rate()

    def state_dict(self) -> dict[str, Any]:
        """Return the state without the lengths, which change when training is resumed with more epochs."""
        return {key: value for key, value in super().state_dict().items() if key not in ("steps", "warmup_steps")}

    def _require_full_rate(self) -> None:
        if self.steps is not None and self.warmup_steps >= self.steps:
            raise GenlabError(
                f"warmup_steps is {self.warmup_steps}, but the schedule ends after {self.steps} steps; "
                "give a shorter warm-up, or train for longer"
            )


class Warmup(TrainingSchedule):
    """Constant learning rate after a linear warm-up."""

    def __init__(self, optimizer: Optimizer, warmup_steps: int) -> None:
        super().__init__(optimizer, warmup_steps)

    def rate(self, progress: float) -> float:
        """Return 1."""
        return 1.0

    def set_length(self, steps: float) -> None:
        """Ignore the length of training."""


class Cosine(TrainingSchedule):
    """Learning rate that falls along half a period of a cosine (Loshchilov & Hutter 2017, equation 5, one cycle).

    Args:
        optimizer: the optimizer whose learning rates are scheduled.
        warmup_steps: steps before the full learning rate; see `TrainingSchedule`.
        final: share of the learning rate at the end.
        steps: length of the schedule, warm-up included; None for the length of training.
    """

    def __init__(
        self, optimizer: Optimizer, warmup_steps: int = 0, final: float = 0.0, steps: int | None = None
    ) -> None:
        between(0, 1, final=final)
        self.final = final
        super().__init__(optimizer, warmup_steps, steps)

    def rate(self, progress: float) -> float:
        """Return the cosine's value, from 1 to `final`."""
        return self.final + (1 - self.final) * (1 + math.cos(math.pi * progress)) / 2


class Linear(TrainingSchedule):
    """Learning rate that falls linearly, from the start or after a constant part.

    Args:
        optimizer: the optimizer whose learning rates are scheduled.
        decay_from: share of the schedule after which the learning rate falls, from 0 to below 1.
        warmup_steps: steps before the full learning rate; see `TrainingSchedule`.
        final: share of the learning rate at the end.
        steps: length of the schedule, warm-up included; None for the length of training.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        decay_from: float = 0.0,
        warmup_steps: int = 0,
        final: float = 0.0,
        steps: int | None = None,
    ) -> None:
        share(decay_from=decay_from)
        between(0, 1, final=final)
        self.decay_from, self.final = decay_from, final
        super().__init__(optimizer, warmup_steps, steps)

    def rate(self, progress: float) -> float:
        """Return the line's value, from 1 to `final`."""
        return 1 - (1 - self.final) * max(0.0, progress - self.decay_from) / (1 - self.decay_from)


def with_schedule(
    optimizer: Optimizer, schedule: ScheduleFactory | None, interval: Interval, length: Callable[[], float]
) -> dict[str, Any]:
    """Return an optimizer and its schedule in the form that `configure_optimizers` returns.

    Args:
        optimizer: the optimizer whose learning rates are scheduled.
        schedule: builds the schedule; None for none.
        interval: the unit that the schedule counts.
        length: computes the length of training in this unit.

    Raises:
        GenlabError: for a schedule that cannot be built.
    """
    if schedule is None:
        return {"optimizer": optimizer}
    try:
        scheduler = schedule(optimizer)
    except (TypeError, ValueError) as error:
        raise GenlabError(f"the schedule cannot be built: {error}") from None
    if isinstance(scheduler, TrainingSchedule):
        scheduler.set_length(length())
    return {"optimizer": optimizer, "lr_scheduler": {"scheduler": scheduler, "interval": interval}}


def training_length(trainer: Trainer, interval: Interval) -> float:
    """Return the number of optimizer steps, or of epochs, in training; infinity if it is not known."""
    steps, of_an_epoch = trainer.estimated_stepping_batches, steps_per_epoch(trainer)
    if steps == -1:  # data without a length, and no max_steps
        steps = math.inf
    if interval == "step":
        return steps
    if math.isinf(of_an_epoch):
        return math.inf if trainer.max_epochs in (None, -1) else trainer.max_epochs
    return steps if math.isinf(steps) else math.ceil(steps / of_an_epoch)


def steps_per_epoch(trainer: Trainer) -> float:
    """Return the number of optimizer steps in an epoch; infinity for data without a length."""
    trainer.fit_loop.setup_data()
    batches = trainer.num_training_batches
    return batches if math.isinf(batches) else math.ceil(batches / trainer.accumulate_grad_batches)
