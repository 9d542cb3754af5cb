"""Metrics of a run in a CSV file."""

import csv
import itertools
import math
import os
from argparse import Namespace
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lightning.pytorch.loggers import Logger
from lightning.pytorch.utilities import rank_zero_only, rank_zero_warn

from genlab.atomic import whole_file
from genlab.errors import GenlabError
from genlab.runs import history


class MetricsFile(Logger):
    """Write a row for each step to `metrics.csv` in a run's folder, or append to a file that already exists.

    When training resumes from a checkpoint, rows of steps that are repeated are dropped. (Lightning's CSVLogger deletes
    the file, and with it the history of a resumed run.) A file changed by another program, for instance saved by a
    spreadsheet with another delimiter, is kept as `metrics-kept-1.csv`, and its readable rows are copied to a new one.

    Args:
        folder: the run's folder.
    """

    name = ""
    version = ""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.folder = folder
        self.path = folder / history.FILE
        self._rows: list[dict[str, float]] = []
        self._columns = ["step", "epoch"]
        self._goes_on = os.path.lexists(self.path)
        self.size = 0
        """Size of the file in bytes when this logger last wrote it; 0 before."""

    @property
    def save_dir(self) -> str:
        """The run's folder, where Lightning also puts checkpoints and the config."""
        return str(self.folder)

    @rank_zero_only
    def log_hyperparams(self, params: dict[str, Any] | Namespace, *args: Any, **kwargs: Any) -> None:
        """Log nothing, as the run's config.yaml has the hyperparameters."""

    @rank_zero_only
    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Keep a row for the next `save`."""
        self._rows.append({"step": step or 0, **metrics})

    @rank_zero_only
    def save(self) -> None:
        """Append new rows; rewrite the file if there is a new column.

        Raises:
            GenlabError: when the file cannot be written.
        """
        if self._rows:
            try:
                self._append()
            except OSError as error:
                raise GenlabError(f"{self.path} cannot be written: {error.strerror}") from None

    def finalize(self, status: str) -> None:
        """Write the remaining rows."""
        self.save()

    def _append(self) -> None:
        new_columns = {column: None for row in self._rows for column in row if column not in self._columns}
        changed = os.path.lexists(self.path) and self.path.lstat().st_size != self.size
        self._columns += new_columns
        if new_columns or changed:
            self._rewrite(before=self._rows[0]["step"] if self._goes_on else math.inf)
        self._goes_on = False
        with self.path.open("a", newline="") as file:
            writer = csv.DictWriter(file, self._columns)
            if file.tell() == 0:
                writer.writeheader()
            writer.writerows(self._rows)
            self.size = file.tell()
        self._rows.clear()

    def _rewrite(self, before: float) -> None:
        """Rewrite the file with all columns and the rows of steps before a given one."""
        if not os.path.lexists(self.path):
            return
        columns, rows, oddities = history.parse(self.path)
        self._columns = list(dict.fromkeys(columns + self._columns))
        if oddities:
            kept = next(path for n in itertools.count(1) if not os.path.lexists(path := self._kept(n)))
            self.path.rename(kept)
            found = f"its {len(rows)} readable rows are in the new {self.path.name}" if rows else "a new one begins"
            rank_zero_warn(f"{self.path} has been changed ({oddities}): it is kept as {kept.name}, {found}")
        rows = [row for row in rows if int(row["step"]) < before]
        if self._goes_on and not oddities and (end := _end(rows)) < before:
            rank_zero_warn(f"{self.path} has lost its rows from step {end} on; training resumes at step {before}")
        with whole_file(self.path) as part, part.open("w", newline="") as file:
            writer = csv.DictWriter(file, self._columns)
            writer.writeheader()
            writer.writerows(rows)

    def _kept(self, number: int) -> Path:
        return self.path.with_name(f"{self.path.stem}-kept-{number}{self.path.suffix}")


def _end(rows: list[dict[str, str]]) -> int:
    """Estimate the latest step at which the next row is due, from the largest distance between rows."""
    steps = [-1, *(int(row["step"]) for row in rows)]
    return steps[-1] + max((later - step for step, later in itertools.pairwise(steps)), default=1)
