"""Table of the metrics of `validate` and `test`."""

from textwrap import indent

from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.trainer.states import TrainerFn
from tqdm import tqdm

from genlab.tables import aligned, rounded


class Results(Callback):
    """Print the metrics of a validation or a test as a table that replaces Lightning's, if `verbose`."""

    _verbose = False

    def setup(self, trainer: Trainer, model: LightningModule, stage: str) -> None:
        """Turn Lightning's table off."""
        if trainer.state.fn in (TrainerFn.VALIDATING, TrainerFn.TESTING):
            loop = trainer.validate_loop if stage == "validate" else trainer.test_loop
            self._verbose, loop.verbose = loop.verbose, False

    def teardown(self, trainer: Trainer, model: LightningModule, stage: str) -> None:
        """Print the table once all progress bars are closed."""
        metrics = {name: float(value) for name, value in trainer.callback_metrics.items()}
        if self._verbose and trainer.is_global_zero and metrics:
            tqdm.write(table(metrics))


def table(metrics: dict[str, float]) -> str:
    """Format metrics, one per line, with their numbers aligned."""
    return indent(aligned([[name, rounded(value)] for name, value in sorted(metrics.items())]), "  ")
