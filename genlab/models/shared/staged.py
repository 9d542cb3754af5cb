"""Training in stages: their schedules, which epochs belong to which stage, and models that go through them."""

from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, Generic, TypeVar

import torch
from lightning.pytorch import Callback
from lightning.pytorch.utilities import rank_zero_info, rank_zero_warn
from lightning.pytorch.utilities.types import LRSchedulerConfig
from torch import Tensor, nn
from torch.optim import Optimizer

from genlab.errors import GenlabError, counted
from genlab.models.shared.base import Model
from genlab.models.shared.code_cache import CodeCache, cachable
from genlab.optimizers import built
from genlab.ranges import above, at_least
from genlab.schedules import steps_per_epoch, with_schedule
from genlab.types import OptimizerFactory, ScheduleFactory


@dataclass(frozen=True)
class StageSchedule:
    """Length and learning rate of a stage.

    Args:
        epochs: number of epochs.
        lr: learning rate of its optimizer.
    """

    epochs: int
    lr: float = 1e-3

    def __post_init__(self) -> None:
        at_least(1, epochs=self.epochs)
        above(0, lr=self.lr)


@dataclass(frozen=True)
class Stage:
    """A stage of training; families add what it trains.

    Args:
        name: name in logs.
        schedule: its length and learning rate.
    """

    name: str
    schedule: StageSchedule


AnyStage = TypeVar("AnyStage", bound=Stage)


class Plan(Generic[AnyStage]):
    """The stages of training, one after the other.

    Raises:
        GenlabError: if there are none.
    """

    def __init__(self, stages: Sequence[AnyStage]) -> None:
        if not stages:
            raise GenlabError("there is nothing to train: give at least one stage, and each at least one epoch")
        self.stages = stages
        self._ends = list(accumulate(stage.schedule.epochs for stage in stages))

    @property
    def epochs(self) -> int:
        """Number of epochs of all stages together."""
        return self._ends[-1]

    def position(self, epoch: int) -> int:
        """Return the stage that an epoch belongs to, both counted from 0; for epochs beyond the end, the last stage."""
        return sum(end <= epoch for end in self._ends[:-1])


class StagedModel(Model, Generic[AnyStage]):
    """A Model that one `fit` takes through the stages of a plan, each with its own optimizer.

    Training ends with the last stage, even if the Trainer's `max_epochs` is larger. A family sets `plan`, and defines
    which networks a stage trains and freezes, and its metrics. Outputs of frozen networks can be cached for a stage.
    """

    manual_optimization = True
    plan: Plan[AnyStage]
    optimizer: OptimizerFactory
    schedule: ScheduleFactory | None
    code_memory: float
    """Gigabytes of frozen networks' outputs to cache at most."""
    _position: int = 0
    _clip: int | float | None = None
    _kept: dict[str, CodeCache]

    @abstractmethod
    def stage_metrics(self, split: str, batch: Any, batch_idx: int) -> dict[str, Tensor]:
        """Return the "loss" of the current stage and any further metrics: scalars.

        Args:
            split: "train", "val" for validation, or "test".
            batch: a batch of this split.
            batch_idx: its index.
        """

    @abstractmethod
    def trained_in(self, stage: AnyStage) -> nn.Module:
        """Return the networks that a stage trains."""

    @abstractmethod
    def frozen_in(self, stage: AnyStage) -> Sequence[nn.Module]:
        """Return the networks that a stage leaves unchanged, in evaluation mode."""

    @property
    def stage(self) -> AnyStage:
        """The current stage; after training, the last one."""
        return self.plan.stages[self._position]

    @property
    def planned_epochs(self) -> int:  # type: ignore[override]
        """Number of epochs of all stages together."""
        return self.plan.epochs

    def training_step(self, batch: Any, batch_idx: int) -> None:
        metrics = self.stage_metrics("train", batch, batch_idx)
        self.log_batch(self._with_stage(metrics), progress_bar="loss")
        optimizer = self._optimizers()[self._position]
        self.manual_backward(metrics["loss"] / self.trainer.accumulate_grad_batches)
        if self.trainer.fit_loop.epoch_loop._should_accumulate():
            return
        optimizer.step()
        optimizer.zero_grad()
        self.step_schedules()

    def evaluation_step(self, stage: str, batch: Any, batch_idx: int) -> None:
        self.log_epoch(stage, self._with_stage(self.stage_metrics(stage, batch, batch_idx)), batch, progress_bar="loss")

    def configure_optimizers(self) -> Any:
        return [self._optimizer(stage) for stage in self.plan.stages]

    def schedules(self) -> list[LRSchedulerConfig]:
        """Return the schedule of the current stage, if there is one."""
        return super().schedules()[self._position : self._position + 1]

    def learning_rates(self) -> dict[str, float]:
        """Return the learning rate of the current stage, by the name it is logged under."""
        return {"lr": float(self._optimizers()[self._position].param_groups[0]["lr"])}

    def configure_callbacks(self) -> list[Callback]:
        """Keep Lightning from refusing to clip gradients in manual optimization: `on_before_optimizer_step` does."""
        if self.trainer.gradient_clip_val is not None:  # None if it failed before `setup`, and is tried again
            self._clip, self.trainer.gradient_clip_val = self.trainer.gradient_clip_val, None
        return super().configure_callbacks()

    def on_before_optimizer_step(self, optimizer: Optimizer) -> None:
        """Clip gradients as the Trainer says."""
        if self.trainer.gradient_clip_val:
            self.clip_gradients(
                optimizer, self.trainer.gradient_clip_val, self.trainer.gradient_clip_algorithm or "norm"
            )

    def setup(self, stage: str) -> None:
        """Let `fit` end with the last stage; warn if it is going to end earlier."""
        super().setup(stage)
        if self._clip is not None:
            self.trainer.gradient_clip_val, self._clip = self._clip, None
        self._kept = {}
        if stage != "fit":
            return
        limit = self.trainer.max_epochs
        if limit in (None, -1) or limit >= self.plan.epochs:
            self.trainer.fit_loop.max_epochs = self.plan.epochs
        else:
            last = self.plan.stages[self.plan.position(limit - 1)].name
            rank_zero_warn(f"max_epochs={limit} ends training in {last}; all stages take {self.plan.epochs} epochs")

    def on_train_start(self) -> None:
        """Announce the stage and freeze networks, also when training is resumed inside an epoch."""
        super().on_train_start()
        self._announce()
        self._freeze()

    def on_train_epoch_start(self) -> None:
        """Begin the next stage once it is due."""
        position = self.plan.position(self.current_epoch)
        if position != self._position:
            self.trainer.optimizers[self._position].state.clear()  # no longer needed
            self.zero_grad()  # gradients may have reached parts that the stage did not train
            self._position = position
            self._kept.clear()
            self._announce()
        self._freeze()

    def on_train_end(self) -> None:
        """Free the memory of cached outputs."""
        super().on_train_end()
        self._kept.clear()

    def get_extra_state(self) -> Tensor:
        """Save the stage with the weights, also if this model is part of another."""
        return torch.tensor(self._position)

    def set_extra_state(self, state: Tensor) -> None:
        """Restore the stage that the weights are from."""
        self._position = min(int(state), len(self.plan.stages) - 1)  # a shorter plan may start from them
        self._kept = {}

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Find the stage where genlab 0.1.0 stored it."""
        super().on_load_checkpoint(checkpoint)
        if "stage" in checkpoint:
            checkpoint["state_dict"]["_extra_state"] = torch.tensor(checkpoint["stage"])

    @torch.no_grad()
    def frozen_outputs(
        self, split: str, batch: Any, x: Tensor, compute: Callable[[Tensor], Tensor], values: int
    ) -> Tensor:
        """Return frozen networks' outputs for a batch, computed once per stage if its images are `cachable`.

        Outputs for test images, which are seen once, are not cached.

        Args:
            split: "train", "val" or "test".
            batch: the batch, as a dict.
            x: its images, (B, C, H, W).
            compute: the frozen networks.
            values: number of values in the output for one image; if all outputs exceed `code_memory`, none are cached.
        """
        images = 0 if split == "test" else cachable(self, split, batch)
        if not images or images * values * x.element_size() > self.code_memory * 2**30:
            return compute(x)
        return self._kept.setdefault(split, CodeCache(images)).codes(x, batch["index"], compute)

    def _freeze(self) -> None:
        self.train()
        for network in self.frozen_in(self.stage):
            network.eval()

    def _announce(self) -> None:
        number, stages, schedule = self._position + 1, len(self.plan.stages), self.stage.schedule
        rank_zero_info(
            f"stage {number} of {stages}: {self.stage.name}, {counted(schedule.epochs, 'epoch')}, "
            f"learning rate {schedule.lr:g}"
        )

    def _with_stage(self, metrics: dict[str, Tensor]) -> dict[str, Tensor]:
        """Return all metrics under the stage's name, as losses of two stages do not compare, and "loss" itself."""
        return {"loss": metrics["loss"]} | {f"{self.stage.name}/{name}": value for name, value in metrics.items()}

    def _optimizers(self) -> list[Any]:
        optimizers = self.optimizers()
        return optimizers if isinstance(optimizers, list) else [optimizers]

    def _optimizer(self, stage: AnyStage) -> dict[str, Any]:
        optimizer = built(self.optimizer, self.trained_in(stage).parameters())
        for group in optimizer.param_groups:
            group["lr"] = stage.schedule.lr
        epochs, by_step = stage.schedule.epochs, self.schedule_interval == "step"
        return with_schedule(
            optimizer,
            self.schedule,
            self.schedule_interval,
            lambda: epochs * steps_per_epoch(self.trainer) if by_step else epochs,
        )
