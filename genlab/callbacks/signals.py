"""Signals that ask a training to end."""

import signal
import threading
from types import FrameType

from lightning.fabric.plugins.environments.slurm import SLURMEnvironment
from lightning.pytorch import Trainer
from lightning.pytorch.utilities import rank_zero_info


class Stopped(SystemExit):
    """A signal has ended training, between two steps.

    Args:
        number: of the signal.
        requeue: whether the signal announces that SLURM ends the job, which is to go on later.
        status: with which the process ends.
    """

    def __init__(self, number: signal.Signals, requeue: bool, status: int) -> None:
        super().__init__(status)
        self.number, self.requeue = number, requeue


class Signals:
    """Notes SIGINT (Ctrl-C), SIGTERM, and the signal by which SLURM announces the end of a job, until it is asked.

    That is SIGUSR1, unless Lightning's SLURMEnvironment is told another one. Lightning, from which the signals are
    taken over, gives them back when `fit` ends. A second Ctrl-C ends at once.

    Args:
        trainer: whose training they are to end.
    """

    def __init__(self, trainer: Trainer) -> None:
        self._trainer = trainer
        self._received: signal.Signals | None = None
        self._requeues: signal.Signals | None = None
        environment = trainer._accelerator_connector.cluster_environment
        if isinstance(environment, SLURMEnvironment) and environment.auto_requeue:
            self._requeues = environment.requeue_signal
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM, self._requeues):
                if number:
                    signal.signal(number, self._note)

    def stop(self) -> Stopped | None:
        """What is to be raised, in all processes, when any of them has received a signal."""
        if not self._trainer.strategy.reduce_boolean_decision(self._received is not None, all=False):
            return None
        number = self._received or signal.SIGTERM
        requeue = number is self._requeues
        # when another process fails, Lightning kills the first one, which may have more to do
        fails = self._trainer.is_global_zero and not requeue
        return Stopped(number, requeue, status=128 + number if fails else 0)

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self._received is None:
            rank_zero_info(f"{signal.Signals(number).name}: training stops after this step")
        self._received = signal.Signals(number)
        signal.signal(signal.SIGINT, signal.default_int_handler)
