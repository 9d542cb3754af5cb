"""The figures of a run in a CSV file."""

import csv
import math
from argparse import Namespace
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lightning.pytorch.loggers import Logger
from lightning.pytorch.utilities import rank_zero_only

from genlab.errors import GenlabError
from genlab.outputs import whole_file


class MetricsFile(Logger):
    """Writes a row for each step to `metrics.csv` in a run's folder, and goes on with a file that is there already.

    When training goes on from a checkpoint, the steps that it makes again are forgotten. (Lightning's CSVLogger deletes
    the file, and so a resumed run's past.)

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
        self._goes_on = self.path.exists()
        if self._goes_on:
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
        """Append the rows that are new; a new column makes the file anew.

        Raises GenlabError when the file cannot be written.
        """
        if self._rows:
            try:
                self._append()
            except OSError as error:
                raise GenlabError(f"{self.path} cannot be written: {error.strerror}") from None

    def finalize(self, status: str) -> None:
        """Write what is left."""
        self.save()

    def _append(self) -> None:
        new_columns = {column: None for row in self._rows for column in row if column not in self._columns}
        if new_columns or self._goes_on:
            self._columns += new_columns
            self._rewrite(before=self._rows[0]["step"] if self._goes_on else math.inf)
            self._goes_on = False
        with self.path.open("a", newline="") as file:
            writer = csv.DictWriter(file, self._columns)
            if file.tell() == 0:
                writer.writeheader()
            writer.writerows(self._rows)
        self._rows.clear()

    def _rewrite(self, before: float) -> None:
        """Write the file anew, with all columns and the rows of the steps before one."""
        if not self.path.exists():
            return
        with self.path.open(newline="") as file:
            rows = [row for row in csv.DictReader(file) if None not in row.values() and int(row["step"]) < before]
        with whole_file(self.path) as part, part.open("w", newline="") as file:
            writer = csv.DictWriter(file, self._columns)
            writer.writeheader()
            writer.writerows(rows)
