"""The figures of a run in a CSV file."""

import csv
import itertools
import math
import re
from argparse import Namespace
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lightning.pytorch.loggers import Logger
from lightning.pytorch.utilities import rank_zero_only, rank_zero_warn

from genlab.errors import GenlabError
from genlab.outputs import whole_file

DECIMAL = re.compile(r"^([-+]?\d+),(\d+(?:[eE][-+]?\d+)?)$")
"""A number with a decimal comma."""


class MetricsFile(Logger):
    """Writes a row for each step to `metrics.csv` in a run's folder, and goes on with a file that is there already.

    When training goes on from a checkpoint, the steps that it makes again are forgotten. (Lightning's CSVLogger deletes
    the file, and so a resumed run's past.) A file that others have changed, such as a spreadsheet with another
    delimiter, is kept as `metrics-kept-1.csv`, and the rows that can be read are written to the new one.

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
        self._goes_on = _exists(self.path)
        self._size = 0

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
        changed = _exists(self.path) and self.path.lstat().st_size != self._size
        self._columns += new_columns
        if new_columns or changed:
            self._rewrite(before=self._rows[0]["step"] if self._goes_on else math.inf)
        self._goes_on = False
        with self.path.open("a", newline="") as file:
            writer = csv.DictWriter(file, self._columns)
            if file.tell() == 0:
                writer.writeheader()
            writer.writerows(self._rows)
            self._size = file.tell()
        self._rows.clear()

    def _rewrite(self, before: float) -> None:
        """Write the file again, with all columns and the rows of the steps before one."""
        if not _exists(self.path):
            return
        columns, rows, oddities = _read(self.path)
        self._columns = list(dict.fromkeys(columns + self._columns))
        if oddities:
            kept = next(path for n in itertools.count(1) if not _exists(path := self._kept(n)))
            self.path.rename(kept)
            found = f"{len(rows)} rows of it are in the new {self.path.name}" if rows else "a new one begins"
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
    """The step at which the next row is due at the latest, given how far apart these are."""
    steps = [-1, *(int(row["step"]) for row in rows)]
    return steps[-1] + max((later - step for step, later in itertools.pairwise(steps)), default=1)


def _exists(path: Path) -> bool:
    return path.exists() or path.is_symlink()


def _read(path: Path) -> tuple[list[str], list[dict[str, str]], str]:
    """The columns and rows of a metrics file, as far as they can be read, and what is odd about it, if anything.

    The row at the end that a crash has cut short is not odd.
    """
    if not path.is_file():
        return [], [], "it is no file"
    try:
        content = path.read_bytes()
    except OSError as error:
        return [], [], f"it cannot be read: {error.strerror}"
    text = content.decode("utf-8-sig", errors="replace")
    if not text.strip():
        return [], [], ""
    delimiter = max(",;\t", key=text.splitlines()[0].count)
    names, *lines = [fields for line in text.splitlines() if any(fields := _fields(line, delimiter))]
    if names.count("step") != 1:
        return [], [], f"it has {names.count('step') or 'no'} columns called step"
    rows, unread, rewritten = [], 0, False
    for number, fields in enumerate(lines, 1):
        row = {name: field for name, field in zip(names, fields, strict=False) if name}
        step = _step(row.get("step", ""))
        if step is not None and len(fields) == len(names):
            rewritten |= row["step"] != str(step)
            rows.append({**row, "step": str(step)})
        elif number < len(lines) or len(fields) > len(names) or text.endswith(("\n", "\r")):
            unread += 1
    columns = list(dict.fromkeys(name for name in names if name))
    oddities = {
        "not plain UTF-8": text.encode() != content,
        f"delimiter {delimiter!r}": delimiter != ",",
        "columns without a name of their own": len(columns) < len(names),
        "steps that are written in another way": rewritten,
        f"{unread} rows that cannot be read": unread,
    }
    return columns, rows, ", ".join(oddity for oddity, found in oddities.items() if found)


def _fields(line: str, delimiter: str) -> list[str]:
    """The fields of a row; where the delimiter is no comma, a decimal comma becomes a point."""
    try:
        fields = next(csv.reader([line], delimiter=delimiter), [])
    except csv.Error:  # a field that is too large
        return [line]
    return [DECIMAL.sub(r"\1.\2", field) for field in fields] if delimiter != "," else fields


def _step(field: str) -> int | None:
    """A step, also as spreadsheets write it: 12.0 or 1.2E+05."""
    try:
        step = float(field)
    except ValueError:
        return None
    return int(step) if step >= 0 and step.is_integer() else None
