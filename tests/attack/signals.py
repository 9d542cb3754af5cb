"""Signals and errors at every hook of a fit: resumed, training ends with the weights of one that was never struck."""

import itertools
import json
import os
import random
import signal
from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any

from lightning.pytorch import Callback
from torch.utils.data._utils.fetch import _MapDatasetFetcher

from tests.attack.runner import Case, Ended, run
from tests.attack.victims import FAMILIES, Victims, content, fit, must
from tests.test_resume import differences

TRAININGS = {
    **{family: fit(family) for family in FAMILIES},
    "accumulated": fit("vae", "--trainer.accumulate_grad_batches=2"),
    "validated often": fit("vae", "--trainer.val_check_interval=2"),
    "saved often": fit("gan", "--last_checkpoint.every_n_train_steps=1"),
}
KINDS = ["SIGINT", "SIGTERM", "SIGINT twice", "RuntimeError", "OSError"]
HOOKS = [name for name in vars(Callback) if name.startswith(("on_", "setup", "teardown"))]
"""Of which those of tests, predictions and errors are never called."""


class Strike(Callback):
    """Sends a signal to its process, or raises an error, when a hook is called for the nth time.

    Args:
        hook: a hook's name; or "fetch", when a batch is put together.
        nth: from 1.
        kind: one of `KINDS`.
        counts: a file to write the number of calls of each hook to.
    """

    def __init__(self, hook: str = "", nth: int = 1, kind: str = "", counts: str | None = None) -> None:
        self.hook, self.nth, self.kind, self.counts = hook, nth, kind, counts
        self.calls: Counter[str] = Counter()
        for name in HOOKS:
            setattr(self, name, partial(self._called, name))
        fetch = _MapDatasetFetcher.fetch
        _MapDatasetFetcher.fetch = lambda *args: (self._called("fetch"), fetch(*args))[1]

    def _called(self, hook: str, *args: Any, **kwargs: Any) -> None:
        self.calls[hook] += 1
        if hook == "teardown" and self.counts:
            Path(self.counts).write_text(json.dumps(self.calls))
        if (hook, self.calls[hook]) == (self.hook, self.nth):
            if "Error" in self.kind:
                raise {"RuntimeError": RuntimeError, "OSError": OSError}[self.kind]("struck")
            name, *twice = self.kind.split()
            for _ in [name, *twice]:
                os.kill(os.getpid(), signal.Signals[name])


def strike(**arguments: Any) -> str:
    """The option that lets a training be struck."""
    return "--trainer.callbacks=" + json.dumps({"class_path": "tests.attack.signals.Strike", "init_args": arguments})


def references() -> list[Case]:
    """The trainings without a strike, which count how often each hook is called; in folders of their names."""
    return [(f"whole {name}", partial(_whole, command)) for name, command in TRAININGS.items()]


def _whole(command: list[str]) -> None:
    must(*command, strike(counts="calls"))


def cases(victims: Victims, chance: random.Random) -> list[Case]:
    """Every kind of strike at every call of a hook of every training, the trainings in turns."""
    of_trainings = []
    for name in TRAININGS:
        calls = json.loads((victims.base / f"whole {name}" / "calls").read_text())
        places = [(hook, nth) for hook, count in calls.items() for nth in range(1, count + 1)]
        strikes = [
            (f"{name}, {kind} at {hook} {nth}", partial(_struck, victims, name, hook, nth, kind))
            for (hook, nth), kind in itertools.product(places, KINDS)
        ]
        chance.shuffle(strikes)
        of_trainings.append(strikes)
    return [case for turn in itertools.zip_longest(*of_trainings) for case in turn if case]


def _struck(victims: Victims, name: str, hook: str, nth: int, kind: str) -> str | None:
    command = TRAININGS[name]
    struck = run(*command, strike(hook=hook, nth=nth, kind=kind))
    flaw = _flaw(struck, kind)
    if flaw:
        return flaw
    if left := [path for path in Path("runs").rglob("*.part*") if struck.code != -signal.SIGTERM]:
        return f"leaves {left[0]}"
    saved = any(Path("runs").glob("*/*/checkpoints/last.ckpt"))
    resumed = run(*command, *(["--ckpt_path=last"] if saved else []))
    if resumed.flaw() or (resumed.code and "nothing is left to train" not in resumed.said):
        return f"resumed: {resumed.flaw() or resumed.said[-200:]}"
    whole = next((victims.base / f"whole {name}").glob("runs/*/0"))
    parts = max(Path("runs").glob("*/*"), key=lambda run: int(run.name))
    ends = [content(run / "checkpoints" / "last.ckpt") for run in (whole, parts)]
    different = sorted(differences(*ends))
    if (whole / "metrics.csv").read_text() != (parts / "metrics.csv").read_text():
        different.append("metrics.csv")
    return f"silent: resumed training ends with other {', '.join(different[:4])}" if different else None


def _flaw(struck: Ended, kind: str) -> str | None:
    """The flaw in how a struck training ends: a user's own error may keep its traceback, but must be told."""
    if struck.code is None or (struck.code < 0 and -struck.code not in (signal.SIGINT, signal.SIGTERM)):
        return struck.flaw()
    if "Error" in kind:
        return None if "struck" in struck.said.splitlines()[-1] else f"the error is not told: {struck.said[-200:]}"
    return struck.flaw() if "Traceback (most recent call last)" in struck.said else None
