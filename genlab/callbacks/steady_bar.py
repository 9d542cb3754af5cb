"""A progress bar that costs the same however fast the batches come."""

import time
from typing import Any

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import TQDMProgressBar


class SteadyBar(TQDMProgressBar):
    """Lightning's progress bar, drawn five times a second at most while training; it names the `stage` of a model."""

    interval = 0.2
    """Seconds between two drawings."""

    def __init__(self) -> None:
        super().__init__()
        self._drawn = 0.0

    def on_train_batch_end(self, trainer: Trainer, model: LightningModule, *args: Any) -> None:
        """Draw, when it is time to and at the end of the epoch."""
        now = time.monotonic()
        if now - self._drawn >= self.interval or trainer.is_last_batch:
            self._drawn = now
            if stage := getattr(model, "stage", None):
                self.train_progress_bar.set_description(f"Epoch {trainer.current_epoch}, {stage.name}", refresh=False)
            super().on_train_batch_end(trainer, model, *args)
