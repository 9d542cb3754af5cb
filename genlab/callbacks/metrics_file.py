"""The figures of a run in a CSV file."""

import csv
from argparse import Namespace
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lightning.pytorch.loggers import Logger
from lightning.pytorch.utilities import rank_zero_only

from genlab.outputs import whole_file


class MetricsFile(Logger):
    """Writes a row for each step to `metrics.csv` in a run's folder, and goes on with a file that is there already.

    (Lightning's CSVLogger deletes it, and so a resumed run's past.)

    Args:
        folder: the run's folder.
    """

    name = ""
    version = ""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.folder = folder
        self.path = folder / "metrics.csv"
        self._rows: list[dict[str, float]] = []
        self._columns = ["step", "epoch"]
        if self.path.exists():
            with self.path.open(newline="") as file:
                self._columns = next(csv.reader(file), self._columns)

    @property
    def save_dir(self) -> str:
        """The run's folder, where Lightning puts checkpoints and the config too."""
        return str(self.folder)

    @rank_zero_only
    def log_hyperparams(self, params: dict[str, Any] | Namespace, *args: Any, **kwargs: Any) -> None:
        """Nothing: the run's config.yaml has them."""

    @rank_zero_only
    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Keep a row for the next `save`."""
        self._rows.append({"step": step or 0, **metrics})

    @rank_zero_only
    def save(self) -> None:
        """Append the rows that are new; a new column makes the file anew."""
        if not self._rows:
            return
        new_columns = {column: None for row in self._rows for column in row if column not in self._columns}
        if new_columns:
            self._columns += new_columns
            self._widen()
        with self.path.open("a", newline="") as file:
            writer = csv.DictWriter(file, self._columns)
            if file.tell() == 0:
                writer.writeheader()
            writer.writerows(self._rows)
        self._rows.clear()

    def finalize(self, status: str) -> None:
        """Write what is left."""
        self.save()

    def _widen(self) -> None:
        if not self.path.exists():
            return
        with self.path.open(newline="") as file:
            rows = list(csv.DictReader(file))
        with whole_file(self.path) as part, part.open("w", newline="") as file:
            writer = csv.DictWriter(file, self._columns)
            writer.writeheader()
            writer.writerows(rows)
