"""The checkpoint from which training resumes."""

from pathlib import Path
from typing import Any

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.trainer.states import TrainerFn
from lightning.pytorch.utilities import rank_zero_info

from genlab.callbacks.signals import Signals
from genlab.errors import GenlabError


class LastCheckpoint(ModelCheckpoint):
    """Lightning's ModelCheckpoint for states from which training resumes exactly; it also ends training on signals.

    Such states lie between two steps, after any validation or end of an epoch that is due. The end of training is
    always saved, whether training is complete or a signal ends it, even inside an epoch or when `every_n_epochs` is not
    due. With `every_n_train_steps`, the end of each epoch is saved too. An error or a second Ctrl-C keeps the previous
    checkpoint, wherever it ends training.

    Raises:
        Stopped: when a signal ends training; see `Signals`.
    """

    _steps_before: int | None = None

    def on_load_checkpoint(self, trainer: Trainer, model: LightningModule, checkpoint: dict[str, Any]) -> None:
        """Remember which step the checkpoint is from."""
        self._steps_before = checkpoint["global_step"]

    def on_train_start(self, trainer: Trainer, model: LightningModule) -> None:
        """Listen for signals; raise GenlabError for a checkpoint whose parts are from different steps."""
        super().on_train_start(trainer, model)
        if self._steps_before not in (None, trainer.global_step):
            raise GenlabError(
                f"the checkpoint is damaged: it is from step {self._steps_before}, but its loops are from step "
                f"{trainer.global_step}; use another one"
            )
        self._signals = Signals(trainer)

    def on_train_batch_end(self, trainer: Trainer, model: LightningModule, *args: Any) -> None:
        """Save after a step if it is time."""
        loop = trainer.fit_loop.epoch_loop
        assert trainer.fit_loop._data_fetcher is not None
        if not trainer.is_last_batch and not loop._should_check_val_fx(trainer.fit_loop._data_fetcher):
            self._between_steps(trainer, model)

    def on_validation_end(self, trainer: Trainer, model: LightningModule) -> None:
        """Save after a validation inside an epoch if it is time."""
        fitting = trainer.state.fn == TrainerFn.FITTING and not trainer.sanity_checking
        if fitting and not trainer.is_last_batch:
            self._between_steps(trainer, model)

    def on_train_epoch_end(self, trainer: Trainer, model: LightningModule) -> None:
        """Save after an epoch if it is time."""
        super().on_train_epoch_end(trainer, model)
        if self._every_n_epochs < 1 or self._ends(trainer):
            self._save(trainer)
        self._stop_if_asked(trainer)

    def on_exception(self, trainer: Trainer, model: LightningModule, exception: BaseException) -> None:
        """Keep the previous checkpoint, whatever `save_on_exception` says.

        An error may occur in the middle of a step, of a validation, or of fetching a batch, which draws random numbers.
        If it ends Lightning's search for a batch size or a learning rate, remove the checkpoint that the search leaves.
        """
        for search in ("scale_batch_size", "lr_find"):
            for left in Path(trainer.default_root_dir).glob(f".{search}_*.ckpt"):
                left.unlink(missing_ok=True)

    def _should_save_on_train_epoch_end(self, trainer: Trainer) -> bool:
        """Return True, since a validation may come before the end of its epoch, or between the batches of one step."""
        return True

    def _between_steps(self, trainer: Trainer, model: LightningModule) -> None:
        """Save inside an epoch, if a checkpoint is due or training ends here."""
        if trainer.fit_loop._should_accumulate():  # the step has more batches
            return
        super().on_train_batch_end(trainer, model, None, None, 0)
        if self._ends(trainer):
            self._save(trainer)
        self._stop_if_asked(trainer)

    def _stop_if_asked(self, trainer: Trainer) -> None:
        stopped = self._signals.stop()
        if stopped and not self._ends(trainer):
            self._save(trainer)
            rank_zero_info(f"\n{stopped.number.name}: stopped; --ckpt_path {self.best_model_path} resumes from here")
            raise stopped

    def _ends(self, trainer: Trainer) -> bool:
        loop = trainer.fit_loop
        epochs = loop.epoch_progress.current.processed  # type: ignore[attr-defined]
        asked = trainer.should_stop and loop._can_stop_early
        return asked or trainer.global_step == trainer.max_steps or epochs == trainer.max_epochs

    def _save(self, trainer: Trainer) -> None:
        if not self._should_skip_saving_checkpoint(trainer):
            self._save_topk_checkpoint(trainer, self._monitor_candidates(trainer))
