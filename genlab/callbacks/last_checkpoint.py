"""The checkpoint from which training goes on."""

from typing import Any

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.utilities import rank_zero_info

from genlab.callbacks.stop_on_signal import Stopped


class LastCheckpoint(ModelCheckpoint):
    """Lightning's ModelCheckpoint, for states from which training goes on exactly.

    They lie between two steps: when an error or a second Ctrl-C ends training within a step, with one of two players
    ahead of the other, the checkpoint before is kept. And there is one of the end of training, also where that is
    inside an epoch, or not due by `every_n_epochs`; with `every_n_train_steps`, there is one of each epoch's end too.
    """

    _within_step = False

    def on_train_batch_start(self, *args: Any) -> None:
        """A step begins."""
        self._within_step = True

    def on_train_batch_end(self, trainer: Trainer, model: LightningModule, *args: Any) -> None:
        """A step is done; save when it is time to, or when training ends inside the epoch."""
        self._within_step = False
        if trainer.is_last_batch:  # Lightning loses count of epochs that are taken up here; their end is near
            return
        super().on_train_batch_end(trainer, model, *args)
        if self._ends(trainer):
            self._save(trainer)

    def on_train_epoch_end(self, trainer: Trainer, model: LightningModule) -> None:
        """Save when it is time to, or when training ends."""
        super().on_train_epoch_end(trainer, model)
        if self._every_n_epochs < 1 or self._ends(trainer):
            self._save(trainer)

    def on_exception(self, trainer: Trainer, model: LightningModule, exception: BaseException) -> None:
        """Save what ended between two steps."""
        if isinstance(exception, Stopped):
            self._save(trainer)
            rank_zero_info(f"\n{exception.number.name}: stopped; --ckpt_path {self.best_model_path} goes on from here")
        elif not self._within_step:
            super().on_exception(trainer, model, exception)

    def _ends(self, trainer: Trainer) -> bool:
        epochs = trainer.fit_loop.epoch_progress.current.processed  # type: ignore[attr-defined]
        return trainer.should_stop or trainer.global_step == trainer.max_steps or epochs == trainer.max_epochs

    def _save(self, trainer: Trainer) -> None:
        if not self._should_skip_saving_checkpoint(trainer):
            self._save_topk_checkpoint(trainer, self._monitor_candidates(trainer))
