"""A callback that strikes the process it is in."""

import json
import os
import signal
from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any

from lightning.pytorch import Callback
from torch.utils.data._utils.fetch import _MapDatasetFetcher

KINDS = ["SIGINT", "SIGTERM", "SIGINT twice", "RuntimeError", "OSError"]
HOOKS = [name for name in vars(Callback) if name.startswith(("on_", "setup", "teardown"))]
"""Hooks of callbacks; those of tests, predictions and errors are never called."""


class Strike(Callback):
    """Sends a signal to its process, or raises an error, when a hook is called for the nth time.

    Args:
        hook: a hook's name, or "fetch" for collating a batch.
        nth: number of the call, from 1.
        kind: one of `KINDS`.
        counts: file to which the number of calls of each hook is written.
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
    """Return the option that makes a training be struck."""
    return "--trainer.callbacks=" + json.dumps({"class_path": "tests.attack.strike.Strike", "init_args": arguments})
