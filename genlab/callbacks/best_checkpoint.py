"""The best checkpoint, also of a model that is trained in stages."""

from typing import Any

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint

from genlab.models.base import Model


class BestCheckpoint(ModelCheckpoint):
    """Lightning's ModelCheckpoint; of a model with a `stage`, it keeps the best of the stage at hand.

    The losses of two stages do not compare: what is the best so far is forgotten when a new stage begins. Of models
    whose losses say nothing about their images, as those of two players, there is no best one.
    """

    _stage: Any = None

    def setup(self, trainer: Trainer, model: LightningModule, stage: str) -> None:
        """Monitor what the model declares, and keep no best one where that is nothing, unless a user names a metric."""
        super().setup(trainer, model, stage)
        monitor = monitored(model, self.monitor)
        if self.monitor and not monitor:
            self.save_top_k = 0
        self.monitor = monitor or self.monitor

    def on_train_start(self, trainer: Trainer, model: LightningModule) -> None:
        """Note which stage the best checkpoint is from, when training is resumed."""
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
    """Return the metric of the best checkpoint: what a user names, or in place of the default what the model declares.

    It is None where the model declares that no metric says how good it is.
    """
    return model.monitor if isinstance(model, Model) and named == Model.monitor else named
