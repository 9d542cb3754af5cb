"""The best checkpoint, also for models that are trained in stages."""

from typing import Any

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint

from genlab.models.shared.base import Model


class BestCheckpoint(ModelCheckpoint):
    """Lightning's ModelCheckpoint; for a model with a `stage`, it keeps the best of the current stage.

    The losses of two stages are not comparable, so the best so far is forgotten when a new stage begins. Models whose
    losses say nothing about their images, such as those of two players, have no best checkpoint.
    """

    _stage: Any = None

    def setup(self, trainer: Trainer, model: LightningModule, stage: str) -> None:
        """Monitor the user's metric, else the one that the model declares; save no best checkpoint without one."""
        super().setup(trainer, model, stage)
        monitor = monitored(model, self.monitor)
        if isinstance(model, Model) and not monitor:
            self.save_top_k = 0
        self.monitor = monitor or self.monitor

    def on_train_start(self, trainer: Trainer, model: LightningModule) -> None:
        """Note the current stage, which is also that of the best checkpoint when training is resumed."""
        super().on_train_start(trainer, model)
        self._stage = getattr(model, "stage", None)

    def on_validation_end(self, trainer: Trainer, model: LightningModule) -> None:
        """Save the checkpoint if it is the best of its stage."""
        stage = getattr(model, "stage", None)
        if stage != self._stage:
            self._stage = stage
            self.best_k_models.clear()
            self.best_model_score = None
        super().on_validation_end(trainer, model)


def monitored(model: LightningModule, named: str | None) -> str | None:
    """Return the metric of the best checkpoint: the user's, or in place of the default the one the model declares.

    It is None if the model declares that no metric says how good it is.
    """
    return model.monitor if isinstance(model, Model) and named in (None, Model.monitor) else named
