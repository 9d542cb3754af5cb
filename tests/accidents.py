"""What can happen to a training, at a known step."""

import os
import resource
import signal

from lightning.pytorch import Callback


class AtStep(Callback):
    """Calls `happen` while a step is made; steps are counted from 1."""

    def __init__(self, step: int) -> None:
        self.step = step

    def on_train_batch_start(self, trainer, model, batch, batch_idx):
        if trainer.global_step + 1 == self.step:
            self.happen()


class Signal(AtStep):
    """One of the processes gets a signal."""

    def __init__(self, step: int, kind: str = "SIGTERM", rank: int = 0) -> None:
        super().__init__(step)
        self.number, self.rank = signal.Signals[kind], rank

    def happen(self):
        if int(os.environ.get("LOCAL_RANK", 0)) == self.rank:
            os.kill(os.getpid(), self.number)


class FullDisk(AtStep):
    """From this step on no file gets larger than so many bytes."""

    def __init__(self, step: int, largest: int) -> None:
        super().__init__(step)
        self.largest = largest

    def happen(self):
        resource.setrlimit(resource.RLIMIT_FSIZE, (self.largest, resource.RLIM_INFINITY))


class KillWhileSaving(AtStep):
    """The process is killed when the next checkpoint is written, but not yet known to be on the disk."""

    def happen(self):
        os.fsync = lambda file: os.kill(os.getpid(), signal.SIGKILL)


class Mistake(Callback):
    """The step fails, when one of two players has made it."""

    def __init__(self, step: int) -> None:
        self.step = step

    def on_before_optimizer_step(self, trainer, model, optimizer):
        if trainer.global_step == self.step:
            raise RuntimeError("out of memory")
