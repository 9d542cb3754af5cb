"""Requirements of other callbacks, checked early instead of at the end of training."""

from collections.abc import Callable

from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.callbacks import EarlyStopping, LearningRateFinder, ModelCheckpoint

from genlab.errors import GenlabError, suggestion

OWN_RATE = "optimizer_lr"
"""Attribute that LearningRateFinder sets in genlab's models, which have no `lr` or `learning_rate`."""


class Requirements(Callback):
    """Refuse callbacks that wait for a metric that is not logged, or that do not work with the model.

    Validation metrics are known from the sanity check before training, all others after the first epoch.
    """

    def setup(self, trainer: Trainer, model: LightningModule, stage: str) -> None:
        """Tell LearningRateFinder which attribute to set; raise GenlabError for several optimizers."""
        for callback in trainer.callbacks:  # type: ignore[attr-defined]
            if not isinstance(callback, LearningRateFinder):
                continue
            if not model.automatic_optimization:
                raise GenlabError(
                    f"LearningRateFinder works with one optimizer, but a {type(model).__name__} has several: "
                    "leave it out, and compare a few rates"
                )
            if hasattr(type(model), OWN_RATE) and not (hasattr(model, "lr") or hasattr(model, "learning_rate")):
                callback._attr_name = callback._attr_name or OWN_RATE

    def on_validation_end(self, trainer: Trainer, model: LightningModule) -> None:
        """Raise GenlabError for an unknown monitor that is, by its name, a validation metric."""
        self._require(trainer, lambda monitor: monitor.startswith("val/"))

    def on_train_epoch_end(self, trainer: Trainer, model: LightningModule) -> None:
        """Raise GenlabError for any other unknown monitor."""
        self._require(trainer, lambda monitor: not monitor.startswith("val/"))

    def _require(self, trainer: Trainer, is_due: Callable[[str], bool]) -> None:
        known = sorted(trainer.callback_metrics)
        for callback in trainer.callbacks:  # type: ignore[attr-defined]
            if not isinstance(callback, EarlyStopping | ModelCheckpoint) or getattr(callback, "save_top_k", 1) == 0:
                continue
            monitor = callback.monitor
            if monitor and is_due(monitor) and monitor not in known:
                raise GenlabError(
                    f"{type(callback).__name__} monitors {monitor}, which is not logged; {suggestion(monitor, known)}"
                )
