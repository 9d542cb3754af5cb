"""What all families share: an image shape to check batches against, plain hyperparameters, cheap training curves."""

import contextlib
import math
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule
from lightning.pytorch.trainer.states import RunningStage, TrainerStatus
from lightning.pytorch.tuner.lr_finder import _LRCallback
from lightning.pytorch.utilities.types import LRSchedulerConfig
from torch import Tensor, nn
from torch.optim.lr_scheduler import LRScheduler, ReduceLROnPlateau

import genlab
from genlab.batches import (
    check_attributes,
    check_images,
    check_labels,
    check_lengths,
    check_shape,
    described,
    named,
)
from genlab.errors import GenlabError, NotFinite, listed
from genlab.hparams import PlainHyperparameters
from genlab.optimizers import built
from genlab.random_state import random_state, random_states, set_random_state
from genlab.ranges import extent
from genlab.schedules import training_length, with_schedule
from genlab.types import Interval, OptimizerFactory, ScheduleFactory, Shape


class ImageModel(PlainHyperparameters, LightningModule):
    """A LightningModule for images of one shape, (C, H, W).

    What it is given is checked: shapes always; values (images are finite floats in [0, 1], labels are classes that it
    knows) in the first batch of each fit, validation, test and prediction, and in each call from outside of a Trainer.
    Tensors that require gradients are not looked at: they are part of someone's own optimization.

    Batches may be dicts, tensors, or tuples and lists of them; steps and callbacks are given dicts.
    """

    batch_names: tuple[str, ...] = ("image",)
    """What the parts of batches that are no dicts are, in their order."""

    schedule_interval: Interval = "step"
    """What schedules of learning rates count."""

    def __init__(self, image_shape: Shape) -> None:
        super().__init__()
        channels, height, width = image_shape
        extent(channels=channels, height=height, width=width)
        self.image_shape: Shape = (channels, height, width)
        self._rows: list[tuple[int, dict[str, Tensor], dict[str, float]]] = []
        self._random_states: list[dict[str, Any]] = []
        self._checked: set[tuple[str, bool]] = set()
        self._accumulated: int | None = None
        self._validated = False

    def configure_callbacks(self) -> list[Callback]:
        """Let Lightning not refuse gradient accumulation under manual optimization: training steps see to it."""
        if not self.automatic_optimization:
            self._accumulated, self.trainer.accumulate_grad_batches = self.trainer.accumulate_grad_batches, 1
        return []

    def setup(self, stage: str) -> None:
        """Let the first batches be checked and gradients accumulated; put a model to be trained into training mode."""
        if self._accumulated:
            self.trainer.accumulate_grad_batches, self._accumulated = self._accumulated, None
        self._checked.clear()
        if stage == "fit" and not self.training:
            self.train()

    def teardown(self, stage: str) -> None:
        """Leave a trained model in evaluation mode, ready for use."""
        if stage == "fit":
            self.eval()

    def named(self, batch: Any) -> Any:
        """The batch as a dict of its parts by name; see `genlab.batches.named`."""
        return named(batch, self.batch_names, type(self).__name__)

    def images(self, batch: Any) -> Tensor:
        """The batch's images (B, C, H, W), once they are found to be what this model was built for."""
        return self.part(batch, "image", self.image_shape)

    def part(self, batch: Any, name: str, shape: Shape) -> Tensor:
        """The images (B, C, H, W) that a batch calls `name`, once they are found to be of a shape, and in [0, 1].

        Raises GenlabError for a batch without them, or where they are anything else.
        """
        batch = self.named(batch)
        if not isinstance(batch, Mapping) or name not in batch:
            given = listed(batch) if isinstance(batch, Mapping) else described(batch)
            raise GenlabError(
                f"{type(self).__name__} takes batches ({', '.join(self.batch_names)}), or dicts with '{name}', "
                f"of shape (B, C, H, W); the data gave {given}"
            )
        check_lengths(batch, type(self).__name__)
        return self.seen(batch[name], shape, name)

    def seen(self, x: Tensor, shape: Shape | None = None, name: str = "image") -> Tensor:
        """The images (B, C, H, W), once they are found to be of a shape, the model's own by default, and in [0, 1].

        Raises GenlabError for anything else.
        """
        check_shape(x, f"'{name}'", shape or self.image_shape, type(self).__name__)
        if self._looks_at(x, name):
            precision = next((weights.dtype for weights in self.parameters()), torch.get_default_dtype())
            check_images(x, "images" if name == "image" else f"'{name}' images", precision)
        return x

    def known_labels(self, labels: Tensor, num_classes: int) -> Tensor:
        """Labels (B,), once they are found to be int64 within [0, num_classes); raises GenlabError for others."""
        if self._looks_at(labels, "label"):
            check_labels(labels, num_classes)
        return labels

    def known_attributes(self, attributes: Tensor, count: int) -> Tensor:
        """Attributes (B, count), once they are found to be from 0 to 1; raises GenlabError for others."""
        if self._looks_at(attributes, "attributes"):
            check_attributes(attributes, count)
        return attributes

    def inference(self, *given: Tensor) -> AbstractContextManager[Any]:
        """The context in which encoding, decoding and translating compute: without gradients, in evaluation mode.

        With them in training mode, in a Trainer, and where what is given requires them, as a search for codes does.
        """
        trained = self.training or (self._trainer and self._trainer.state.status is TrainerStatus.RUNNING)
        wanted = trained or any(tensor.requires_grad for tensor in given)
        return contextlib.nullcontext() if wanted else torch.no_grad()

    def log_batch(self, figures: Mapping[str, Tensor], progress_bar: str) -> None:
        """Log figures of one training batch with the learning rates, and show the one named `progress_bar` in the bar.

        Every batch reaches the loggers as a row of its own, but they are handed over together, each time Lightning's
        `log_every_n_steps` is due: calling `self.log` every batch would cost more than a small network's step.

        Raises NotFinite, when they are handed over, for a figure that is not finite.
        """
        step = self.trainer.fit_loop.epoch_loop._batches_that_stepped  # the axis of Lightning's own logs
        self._rows.append((step, {f"train/{k}": v.detach() for k, v in figures.items()}, self.learning_rates()))
        due = (step + 1) % self.trainer.log_every_n_steps == 0  # type: ignore[attr-defined]
        if due or self.trainer.is_last_batch:
            self.log(f"train/{progress_bar}", figures[progress_bar], prog_bar=True, logger=False)
            self._hand_over()

    def log_epoch(self, stage: str, figures: Mapping[str, Tensor], batch: Any, progress_bar: str) -> None:
        """Log the mean of figures over an epoch of validation ("val") or testing ("test")."""
        for name, value in figures.items():
            self.log(
                f"{stage}/{name}",
                value,
                prog_bar=name == progress_bar,
                on_epoch=True,
                sync_dist=True,
                batch_size=len(next(iter(self.named(batch).values()))),
            )

    def _on_before_batch_transfer(self, batch: Any, dataloader_idx: int = 0) -> Any:
        """Name a batch's parts, after hooks that are a user's own, whether the model's or the DataModule's.

        Lightning's public hook would warn each time that a DataModule is used, or be replaced by the DataModule's.
        """
        return self.named(super()._on_before_batch_transfer(batch, dataloader_idx))

    def scheduled(
        self, optimizer: OptimizerFactory, parameters: Iterable[nn.Parameter], schedule: ScheduleFactory | None
    ) -> dict[str, Any]:
        """Build an optimizer and its schedule, in the form that `configure_optimizers` returns."""
        interval = self.schedule_interval
        found = with_schedule(
            built(optimizer, parameters), schedule, interval, lambda: training_length(self.trainer, interval)
        )
        schedule_config = found.get("lr_scheduler", {})
        if self.automatic_optimization and isinstance(schedule_config.get("scheduler"), ReduceLROnPlateau):
            schedule_config["reduce_on_plateau"] = False  # by Lightning, as `on_train_epoch_end` does it
        return found

    def schedules(self) -> list[LRSchedulerConfig]:
        """Return the schedules that are at work, as Lightning knows them."""
        return self.trainer.lr_scheduler_configs

    def learning_rates(self) -> dict[str, float]:
        """Return the learning rates of the step at hand, as they are logged."""
        return {"lr": float(self.trainer.optimizers[0].param_groups[0]["lr"])}

    @property
    def optimizer_lr(self) -> float:
        """The learning rate of the first optimizer, from which schedules begin: what LearningRateFinder sets."""
        return float(self.trainer.optimizers[0].param_groups[0]["lr"])

    @optimizer_lr.setter
    def optimizer_lr(self, lr: float) -> None:
        for group in self.trainer.optimizers[0].param_groups:
            group["lr"] = group["initial_lr"] = lr
        for config in self.trainer.lr_scheduler_configs[:1]:
            if isinstance(config.scheduler, LRScheduler) and hasattr(config.scheduler, "base_lrs"):
                config.scheduler.base_lrs = [lr] * len(config.scheduler.base_lrs)

    def on_fit_start(self) -> None:
        """Let each process draw noise of its own."""
        if self.trainer.world_size > 1:
            torch.manual_seed(torch.initial_seed() + self.global_rank)

    def on_train_start(self) -> None:
        """Draw what would have been drawn, had training not been stopped; by as many processes as there were."""
        if len(self._random_states) == self.trainer.world_size:
            set_random_state(self._random_states[self.global_rank])
        self._random_states = []

    def on_validation_start(self) -> None:
        """Let the curves reach the last batch before the validation's figures."""
        self._hand_over()
        self._training_state = random_state()

    def on_validation_epoch_end(self) -> None:
        """Go on drawing as if there had been no validation."""
        set_random_state(self._training_state)
        self._validated = not self.trainer.sanity_checking

    def on_train_epoch_end(self) -> None:
        """Let ReduceLROnPlateau know the epoch's validation, before a checkpoint is written.

        Lightning does so after it, so that training resumed from the checkpoint would miss a step.
        """
        for config in self.schedules() if self._validated else ():
            if isinstance(config.scheduler, ReduceLROnPlateau):
                monitor = getattr(config.scheduler, "monitor", "val/loss")  # which Lightning's own subclass has
                value = self.trainer.callback_metrics.get(monitor)
                if value is None:
                    known = listed(sorted(self.trainer.callback_metrics))
                    raise GenlabError(f"ReduceLROnPlateau waits for {monitor}, which is not logged; there are {known}")
                config.scheduler.step(value)
        self._validated = False

    def lr_scheduler_step(self, scheduler: LRScheduler, metric: Any) -> None:
        """Take a schedule a step further; of those that need a metric, `on_train_epoch_end` does."""
        if not isinstance(scheduler, ReduceLROnPlateau):
            super().lr_scheduler_step(scheduler, metric)

    def on_train_end(self) -> None:
        """Let the curves reach the last batch, when training ends inside an epoch."""
        self._hand_over()

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Keep what exact resuming takes besides weights, and let the curves reach as far as the checkpoint.

        Raises NotFinite for weights that are not finite, so that the checkpoint before them is kept.
        """
        self._hand_over()
        for logger in self.loggers:
            logger.save()
        for name, value in self.state_dict().items():
            if isinstance(value, Tensor) and not value.isfinite().all():
                raise NotFinite(name, self.global_step)
        checkpoint["random_states"] = random_states()
        checkpoint["genlab_version"] = genlab.__version__

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Remember the states of random number generators, where training goes on."""
        if self._trainer and self._trainer.training:  # not when only the model is loaded
            self._random_states = checkpoint.get("random_states", [])

    def _looks_at(self, values: Any, name: str) -> bool:
        """Whether values are to be checked now; a Trainer's are, once in training and once outside of it."""
        if torch.compiler.is_compiling() or getattr(values, "requires_grad", False):
            return False
        if self._trainer is None or self._trainer.state.status is not TrainerStatus.RUNNING:
            return True
        key = name, self._trainer.state.stage is RunningStage.TRAINING
        due = key not in self._checked
        self._checked.add(key)
        return due

    def _searches(self) -> bool:
        """Whether this is LearningRateFinder's search, which goes on to rates that are too large."""
        return any(isinstance(callback, _LRCallback) for callback in self.trainer.callbacks)  # type: ignore[attr-defined]

    def _hand_over(self) -> None:
        if not self._rows:
            return
        steps, rows, rates = zip(*self._rows, strict=True)
        self._rows.clear()
        values = iter(torch.stack([value for row in rows for value in row.values()]).tolist())  # one transfer for all
        for step, row, at in zip(steps, rows, rates, strict=True):
            figures = {name: next(values) for name in row}
            for logger in self.loggers:
                logger.log_metrics(figures | at | {"epoch": self.current_epoch}, step)
            for name, value in figures.items():
                if not math.isfinite(value) and not self._searches():
                    raise NotFinite(name, step)
