"""Signals that ask training to end."""

import signal
import threading
from types import FrameType

from lightning.fabric.plugins.environments.slurm import SLURMEnvironment
from lightning.pytorch import Trainer
from lightning.pytorch.utilities import rank_zero_info


class Stopped(SystemExit):
    """Exception that ends training between two steps, after a signal.

    Args:
        number: number of the signal.
        requeue: whether SLURM ends the job, which should resume later.
        status: exit status of the process.
    """

    def __init__(self, number: signal.Signals, requeue: bool, status: int) -> None:
        super().__init__(status)
        self.number, self.requeue = number, requeue


class Signals:
    """Handlers that note SIGINT (Ctrl-C), SIGTERM, SIGHUP, and SLURM's signal before a job's time limit.

    SLURM's signal is SIGUSR1, unless Lightning's SLURMEnvironment sets another; preemption sends SIGTERM. A closing
    terminal sends SIGHUP, which is left alone under `nohup`. These handlers replace Lightning's, and Lightning restores
    the original ones when `fit` ends. A second Ctrl-C ends training at once.

    Args:
        trainer: the trainer whose training they end.
    """

    def __init__(self, trainer: Trainer) -> None:
        self._trainer = trainer
        lightning = trainer._signal_connector
        self._received = signal.SIGTERM if lightning.received_sigterm else None  # received in the sanity check
        lightning.received_sigterm = False  # else Lightning would stop between batches of one step, with status 0
        self._requeues = False
        numbers = [signal.SIGINT, signal.SIGTERM]
        hangup = getattr(signal, "SIGHUP", None)  # which Windows lacks
        if hangup and signal.getsignal(hangup) is signal.SIG_DFL:
            numbers.append(hangup)
        environment = trainer._accelerator_connector.cluster_environment
        if isinstance(environment, SLURMEnvironment) and environment.auto_requeue and environment.requeue_signal:
            self._requeues = True
            numbers.append(environment.requeue_signal)
        if threading.current_thread() is threading.main_thread():
            for number in numbers:
                signal.signal(number, self._note)

    def stop(self) -> Stopped | None:
        """Return the exception to raise in all processes, if any of them has received a signal."""
        if not self._trainer.strategy.reduce_boolean_decision(self._received is not None, all=False):
            return None
        number = self._received or signal.SIGTERM
        requeue = self._requeues and number is not signal.SIGINT
        # if another process fails, Lightning kills the first one, which may have more to do
        fails = self._trainer.is_global_zero and not requeue
        return Stopped(number, requeue, status=128 + number if fails else 0)

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self._received is None:
            rank_zero_info(f"{signal.Signals(number).name}: training stops after this step")
        self._received = signal.Signals(number)
        signal.signal(signal.SIGINT, signal.default_int_handler)
