"""A W&B logger that training does not depend on."""

import contextlib
import os
from collections.abc import Iterator
from typing import Any

from lightning.fabric.loggers.logger import rank_zero_experiment
from lightning.pytorch.loggers import WandbLogger
from lightning.pytorch.utilities import rank_zero_warn

PATIENCE = {"init_timeout": 20, "finish_timeout": 60}
"""Seconds to wait for the service when training begins, and after it has ended."""


class SafeWandbLogger(WandbLogger):
    """Lightning's WandbLogger, offline if there is no account or the service cannot be reached.

    Logs then stay in its `save_dir`; `wandb sync` uploads them later. It takes the arguments of WandbLogger.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        del self._wandb_init["anonymous"]  # W&B warns about it even when it is None
        self._wandb_init["settings"] = self._wandb_init.get("settings") or PATIENCE

    @property
    @rank_zero_experiment
    def experiment(self) -> Any:
        """The W&B run."""
        import wandb  # here, since it takes half a second

        try:
            with _no_questions():
                return super().experiment
        except wandb.Error as error:
            reason = str(error).splitlines()[0]
            rank_zero_warn(f"W&B stays offline: {reason} `wandb sync {self.save_dir}/wandb/*` uploads it later")
            self._wandb_init["mode"] = "offline"
            return super().experiment


@contextlib.contextmanager
def _no_questions() -> Iterator[None]:
    """Keep W&B from asking for an account, since it would wait forever for an answer."""
    terminal = os.environ.get("TERM")
    os.environ["TERM"] = "dumb"
    try:
        yield
    finally:
        del os.environ["TERM"]
        if terminal is not None:
            os.environ["TERM"] = terminal
