"""Progress bar whose cost does not depend on how fast batches are."""

import contextlib
import logging
import time
from typing import Any

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import TQDMProgressBar
from tqdm.contrib.logging import logging_redirect_tqdm


class SteadyBar(TQDMProgressBar):
    """Lightning's progress bar, drawn at most five times a second in training, with the `stage` of a model.

    Messages of Lightning and genlab are printed on their own lines, as are those after an error.
    """

    interval = 0.2
    """Seconds between two drawings."""

    def __init__(self) -> None:
        super().__init__()
        self._drawn = 0.0
        self._messages = contextlib.ExitStack()

    def setup(self, trainer: Trainer, model: LightningModule, stage: str) -> None:
        """Make messages clear the bar first."""
        super().setup(trainer, model, stage)
        self._messages.enter_context(logging_redirect_tqdm([logging.getLogger("lightning.pytorch")]))

    def teardown(self, trainer: Trainer, model: LightningModule, stage: str) -> None:
        """Write messages in the usual way again."""
        self._messages.close()

    def on_exception(self, trainer: Trainer, model: LightningModule, exception: BaseException) -> None:
        """End the line of a bar that an error has stopped."""
        bars = (self._train_progress_bar, self._val_progress_bar, self._test_progress_bar, self._predict_progress_bar)
        for bar in bars:
            if bar is not None:
                bar.close()
        self._messages.close()

    def on_train_batch_end(self, trainer: Trainer, model: LightningModule, *args: Any) -> None:
        """Draw if it is time, and at the end of the epoch."""
        now = time.monotonic()
        if now - self._drawn >= self.interval or trainer.is_last_batch:
            self._drawn = now
            if stage := getattr(model, "stage", None):
                self.train_progress_bar.set_description(f"Epoch {trainer.current_epoch}, {stage.name}", refresh=False)
            super().on_train_batch_end(trainer, model, *args)
