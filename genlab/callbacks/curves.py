"""Loss curves of a run, drawn while it trains."""

import time

from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.utilities import rank_zero_warn

from genlab.errors import in_one_line
from genlab.loggers.metrics_file import MetricsFile


class Curves(Callback):
    """Draw the loss and its parts to `pictures/curves.png` in the folder of a `MetricsFile`.

    Curves are drawn after validations, and at the end of training, whatever ends it. When validations are frequent,
    some are skipped: drawing begins after some seconds, and takes at most a twentieth of the time. Failures only warn.
    """

    delay = 5.0
    """Seconds of training before the first picture; shorter training draws it at the end."""
    share = 0.05
    """Maximum share of training time that drawing takes."""

    def __init__(self) -> None:
        self._due = 0.0
        self._drawn = 0

    def on_train_start(self, trainer: Trainer, model: LightningModule) -> None:
        """Set the time of the first picture."""
        self._due = time.monotonic() + self.delay

    def on_validation_end(self, trainer: Trainer, model: LightningModule) -> None:
        """Draw if a picture is due."""
        if not trainer.sanity_checking and time.monotonic() >= self._due:
            self._draw(trainer)

    def teardown(self, trainer: Trainer, model: LightningModule, stage: str) -> None:
        """Draw the whole training, now that the model has logged its last batches."""
        if stage == "fit":
            self._draw(trainer)

    def on_exception(self, trainer: Trainer, model: LightningModule, exception: BaseException) -> None:
        """Draw the curves so far when training is stopped or fails."""
        self._draw(trainer)

    def _draw(self, trainer: Trainer) -> None:
        files = [logger for logger in trainer.loggers if isinstance(logger, MetricsFile)]
        if not trainer.is_global_zero or not files:
            return
        start = time.monotonic()
        path = files[0].folder / "pictures" / "curves.png"
        try:
            files[0].save()
            if files[0].size != self._drawn:
                from genlab.pictures.curves import draw_curves  # here, since importing matplotlib takes a while
                from genlab.pictures.figures import write_figure

                write_figure(draw_curves([files[0].folder]), path)
                self._drawn = files[0].size
        except Exception as error:
            rank_zero_warn(f"{path} could not be drawn: {in_one_line(error)}")
        end = time.monotonic()
        self._due = end + (end - start) / self.share
