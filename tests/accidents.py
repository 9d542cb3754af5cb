"""Accidents that can happen to training, at a known step."""

import builtins
import os
import resource
import signal
import time
from pathlib import Path

from lightning.pytorch import Callback


class AtStep(Callback):
    """Calls `happen` in a given step; steps are counted from 1."""

    def __init__(self, step: int) -> None:
        self.step = step

    def on_train_batch_start(self, trainer, model, batch, batch_idx):
        if trainer.global_step + 1 == self.step:
            self.happen()


class Signal(AtStep):
    """Sends a signal to one of the processes."""

    def __init__(self, step: int, kind: str = "SIGTERM", rank: int = 0) -> None:
        super().__init__(step)
        self.number, self.rank = signal.Signals[kind], rank

    def happen(self):
        if int(os.environ.get("LOCAL_RANK", 0)) == self.rank:
            os.kill(os.getpid(), self.number)


class Waiting(AtStep):
    """Waits in the step until the file "waiting" is removed."""

    def happen(self):
        Path("waiting").touch()
        while Path("waiting").exists():
            time.sleep(0.05)


class FullDisk(AtStep):
    """From this step on, lets no file grow beyond a number of bytes."""

    def __init__(self, step: int, largest: int) -> None:
        super().__init__(step)
        self.largest = largest

    def happen(self):
        resource.setrlimit(resource.RLIMIT_FSIZE, (self.largest, resource.RLIM_INFINITY))


class KillWhileSaving(AtStep):
    """Kills the process when the next checkpoint is written, but not yet known to be on disk."""

    def happen(self):
        os.fsync = lambda file: os.kill(os.getpid(), signal.SIGKILL)


class Mistake(Callback):
    """Fails the step after the first of two players has made it."""

    def __init__(self, step: int) -> None:
        self.step = step

    def on_before_optimizer_step(self, trainer, model, optimizer):
        if trainer.global_step == self.step:
            raise RuntimeError("out of memory")


class Failure(Callback):
    """Raises errors, by class, and sends signals, by name, in a hook after a number of steps."""

    def __init__(self, hook: str, step: int, what: list[str]) -> None:
        self.step, self.what, self.before_training = step, what, hook.startswith("on_sanity_check")
        setattr(self, hook, self.happen)

    def happen(self, trainer, *args):
        if trainer.global_step == self.step and trainer.sanity_checking == self.before_training:
            fail(self.what)


class BadBatch(Callback):
    """Fails to fetch the n-th training batch, counted from 1."""

    def __init__(self, number: int, what: list[str]) -> None:
        self.number, self.what = number, what

    def on_fit_start(self, trainer, model):
        trainer.datamodule.train_set = Batches(trainer.datamodule.train_set, self.number, self.what)


class Batches:
    """A data set that fails after the n-th batch has been drawn."""

    def __init__(self, data, number, what):
        self.data, self.left, self.what = data, number, what

    def __len__(self):
        return len(self.data)

    def __getitem__(self, positions):
        batch = self.data[positions]
        self.left -= 1
        if not self.left:
            fail(self.what)
        return batch


def fail(what: list[str]) -> None:
    for name in what:
        if name.startswith("SIG"):
            os.kill(os.getpid(), signal.Signals[name])
        else:
            raise getattr(builtins, name)("an accident")
