"""What `validate` and `test` found, in a table of numbers that are worth their digits."""

import math

from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.trainer.states import TrainerFn
from tqdm import tqdm

SIGNIFICANT = 4
"""Digits of a metric: those of test sets of ten thousand images vary in the third or fourth from seed to seed."""


class Results(Callback):
    """Prints a table of the metrics of a validation or a test in place of Lightning's, unless it is not `verbose`."""

    _verbose = False

    def setup(self, trainer: Trainer, model: LightningModule, stage: str) -> None:
        """Let Lightning print none."""
        if trainer.state.fn in (TrainerFn.VALIDATING, TrainerFn.TESTING):
            loop = trainer.validate_loop if stage == "validate" else trainer.test_loop
            self._verbose, loop.verbose = loop.verbose, False

    def teardown(self, trainer: Trainer, model: LightningModule, stage: str) -> None:
        """Print the table, once all bars are closed."""
        metrics = {name: float(value) for name, value in trainer.callback_metrics.items()}
        if self._verbose and trainer.is_global_zero and metrics:
            tqdm.write(table(metrics))


def table(metrics: dict[str, float]) -> str:
    """Lay out metrics, a line each, with their numbers below each other."""
    texts = {name: rounded(value) for name, value in sorted(metrics.items())}
    names, numbers = (max(map(len, column)) for column in (texts, texts.values()))
    return "\n".join(f"  {name:{names}}  {text:>{numbers}}" for name, text in texts.items())


def rounded(value: float) -> str:
    """Write a number with four significant digits, and all those before the point; a whole number as one."""
    if not math.isfinite(value) or value == int(value):
        return f"{value:.0f}"
    decimals = SIGNIFICANT - 1 - math.floor(math.log10(abs(value)))
    return f"{value:.{max(0, decimals)}f}" if decimals <= 2 * SIGNIFICANT else f"{value:.{SIGNIFICANT - 1}e}"
