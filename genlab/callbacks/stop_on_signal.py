"""What signals do to a training."""

import signal
import threading
from types import FrameType
from typing import Any

from lightning.fabric.plugins.environments.slurm import SLURMEnvironment
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.utilities import rank_zero_info


class Stopped(SystemExit):
    """A signal has ended training, between two steps.

    Args:
        number: of the signal.
        requeue: whether the signal announces that SLURM ends the job, which is to go on later.
    """

    def __init__(self, number: signal.Signals, requeue: bool) -> None:
        super().__init__(0 if requeue else 128 + number)
        self.number, self.requeue = number, requeue


class StopOnSignal(Callback):
    """Ends training after the step at hand when a signal asks for it, so that the state that is saved then is exact.

    SIGINT (Ctrl-C), SIGTERM, and the signal by which SLURM announces the end of a job (SIGUSR1, unless Lightning's
    SLURMEnvironment is told another one) end it. Of several processes, all end after the same step, whichever has
    received the signal. A second Ctrl-C ends at once, without saving.

    Raises Stopped.
    """

    def __init__(self) -> None:
        self._received: signal.Signals | None = None
        self._requeues: signal.Signals | None = None

    def on_train_start(self, trainer: Trainer, model: LightningModule) -> None:
        """Take the signals over from Lightning, which gives them back when `fit` ends."""
        environment = trainer._accelerator_connector.cluster_environment
        if isinstance(environment, SLURMEnvironment) and environment.auto_requeue:
            self._requeues = environment.requeue_signal
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM, self._requeues):
                if number:
                    signal.signal(number, self._note)

    def on_train_batch_end(self, trainer: Trainer, *args: Any) -> None:
        """Stop here, if any process is to stop; but neither at the end of an epoch nor between batches of one step."""
        if trainer.is_last_batch or trainer.fit_loop._should_accumulate():
            return
        if trainer.strategy.reduce_boolean_decision(self._received is not None, all=False):
            number = self._received or signal.SIGTERM
            raise Stopped(number, requeue=number is self._requeues)

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self._received is None:
            rank_zero_info(f"{signal.Signals(number).name}: training stops after this step")
        self._received = signal.Signals(number)
        signal.signal(signal.SIGINT, signal.default_int_handler)
