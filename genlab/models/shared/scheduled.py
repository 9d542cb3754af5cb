"""Learning-rate schedules of models, by step or by epoch, which resume exactly."""

from collections.abc import Iterable
from typing import Any

from lightning.pytorch import LightningModule
from lightning.pytorch.utilities.types import LRSchedulerConfig
from torch import nn
from torch.optim.lr_scheduler import LRScheduler, ReduceLROnPlateau

from genlab.errors import GenlabError, listed
from genlab.optimizers import built
from genlab.schedules import training_length, with_schedule
from genlab.types import Interval, OptimizerFactory, ScheduleFactory


class Scheduled(LightningModule):
    """A LightningModule whose optimizers have schedules."""

    monitor: str | None
    schedule_interval: Interval = "step"
    """Unit that learning-rate schedules count."""
    _found_lr: float | None = None

    def scheduled(
        self, optimizer: OptimizerFactory, parameters: Iterable[nn.Parameter], schedule: ScheduleFactory | None
    ) -> dict[str, Any]:
        """Build an optimizer and its schedule, in the form that `configure_optimizers` returns."""
        interval, first = self.schedule_interval, built(optimizer, parameters)
        if self._found_lr is not None:
            for group in first.param_groups:
                group["lr"] = self._found_lr
        found = with_schedule(first, schedule, interval, lambda: training_length(self.trainer, interval))
        schedule_config = found.get("lr_scheduler", {})
        if self.automatic_optimization and isinstance(schedule_config.get("scheduler"), ReduceLROnPlateau):
            schedule_config["reduce_on_plateau"] = False  # not by Lightning, since `on_train_epoch_end` does it
        return found

    def schedules(self) -> list[LRSchedulerConfig]:
        """Return the schedules in use, as Lightning's configs."""
        return self.trainer.lr_scheduler_configs

    def learning_rates(self) -> dict[str, float]:
        """Return the current learning rates, by the names they are logged under."""
        return {"lr": float(self.trainer.optimizers[0].param_groups[0]["lr"])}

    @property
    def optimizer_lr(self) -> float:
        """The learning rate of the optimizer, from which schedules start; Lightning's searches for one set it.

        A rate that was set is also that of optimizers built later.
        """
        return float(self.trainer.optimizers[0].param_groups[0]["lr"])

    @optimizer_lr.setter
    def optimizer_lr(self, lr: float) -> None:
        self._found_lr = lr
        for group in self.trainer.optimizers[0].param_groups:
            group["lr"] = group["initial_lr"] = lr
        for config in self.trainer.lr_scheduler_configs[:1]:
            if isinstance(config.scheduler, LRScheduler) and hasattr(config.scheduler, "base_lrs"):
                config.scheduler.base_lrs = [lr] * len(config.scheduler.base_lrs)

    def step_schedules(self) -> None:
        """Advance the schedules at the end of a manual step, right after which checkpoints are written."""
        for config in self.schedules():
            if config.interval == "step" or self.trainer.is_last_batch:
                self.lr_scheduler_step(config.scheduler, None)

    def lr_scheduler_step(self, scheduler: LRScheduler, metric: Any) -> None:
        """Advance a schedule; those that need a metric, and get none from Lightning, wait for `on_train_epoch_end`."""
        if metric is not None or not isinstance(scheduler, ReduceLROnPlateau):
            super().lr_scheduler_step(scheduler, metric)

    def step_plateaus(self) -> None:
        """Pass the metric of an epoch's validation to ReduceLROnPlateau.

        Raises:
            GenlabError: if the metric that it waits for is not logged.
        """
        for config in self.schedules():
            if isinstance(config.scheduler, ReduceLROnPlateau) and not config.reduce_on_plateau:  # else by Lightning
                # only Lightning's subclass has a monitor of its own
                monitor = getattr(config.scheduler, "monitor", self.monitor or "val/loss")
                value = self.trainer.callback_metrics.get(monitor)
                if value is None:
                    known = listed(sorted(self.trainer.callback_metrics))
                    raise GenlabError(f"ReduceLROnPlateau waits for {monitor}, which is not logged; these are: {known}")
                config.scheduler.step(value)
