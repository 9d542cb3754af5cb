"""Metrics of runs, read from metrics.csv without torch, even if other programs have changed the file."""

import csv
import functools
import math
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from genlab.regular import read_regular

FILE = "metrics.csv"
AXES = ("step", "epoch")
"""Columns for when a row's metrics were measured."""
LARGEST = 2**31
"""Maximum number of bytes of a metrics file."""
DECIMAL = re.compile(r"^([-+]?\d+),(\d+(?:[eE][-+]?\d+)?)$")
"""A number with a decimal comma."""
SEPARATORS = re.compile("[,\\r\\n]")

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Series:
    """The finite values of a metric during training, in arrays of the same length.

    Args:
        steps: number of batches before the batch of each value.
        epochs: the epochs of these batches, counted from 0.
        values: the metric.
    """

    steps: Array
    epochs: Array
    values: Array


class History:
    """The metrics of a run, as far as they can be read; none if there is nothing to read.

    Args:
        run: the run's folder.
    """

    def __init__(self, run: Path) -> None:
        text = _plain(run / FILE)
        self._columns = text[: text.find(b"\n")].decode().strip().split(",")
        places = _places(text, len(self._columns))
        if places is None:  # a crash has cut lines short, or they are being written
            lines = text.splitlines(keepends=True)
            text = b"".join(line for line in lines if line.count(b",") == len(self._columns) - 1 and line[-1:] == b"\n")
            places = _places(text, len(self._columns))
            assert places is not None
        self._text, self._places = text, places[1:]
        self._series: dict[str, Series] = {}

    @property
    def names(self) -> list[str]:
        """Names of the metrics, such as "val/loss", in the order of the file's columns."""
        return [name for name in self._columns if name not in AXES]

    @property
    def epochs(self) -> int:
        """Number of epochs that were started."""
        last = self._numbers("epoch", slice(-1, None))
        return int(last[0]) + 1 if np.isfinite(last).any() else 0

    @property
    def ends_validated(self) -> bool:
        """Whether the last row is from a validation, as at the end of an epoch."""
        return any(name.startswith("val/") and self._given(name)[-1:].any() for name in self.names)

    def has(self, name: str) -> bool:
        """Tell whether a metric has any finite value."""
        return len(self.series(name).values) > 0

    def series(self, name: str) -> Series:
        """Return the values of a metric; empty if it has none."""
        if name in self._series:
            return self._series[name]
        rows = np.flatnonzero(self._given(name)) if name in self.names else np.zeros(0, np.intp)
        steps, epochs, values = (self._numbers(column, rows) for column in (*AXES, name))
        sound = np.isfinite(steps + epochs + values)
        self._series[name] = Series(steps[sound], epochs[sound], values[sound])
        return self._series[name]

    def epochs_at(self, steps: Array) -> Array:
        """Convert steps done, such as 150, to epochs done, such as 1.5; an unfinished epoch counts as a fraction."""
        done, epochs = self._epoch_ends
        return np.interp(steps, done, epochs)

    @functools.cached_property
    def _epoch_ends(self) -> tuple[Array, Array]:
        """Numbers of steps and epochs done at the start and at the end of each epoch."""
        steps, epochs = (self._numbers(axis, slice(None)) for axis in AXES)
        sound = np.isfinite(steps + epochs)
        numbers, places = np.unique(epochs[sound], return_inverse=True)
        ends = np.zeros(len(numbers))
        np.maximum.at(ends, places, steps[sound] + 1)
        done, epochs = np.append(0, np.maximum.accumulate(ends)), np.append(numbers[:1], numbers + 1)
        if len(ends) > 1:  # the last one may be cut short
            length = (done[-2] - done[-3]) / (epochs[-2] - epochs[-3])
            done[-1] = max(done[-1], done[-2] + length)
        return done, epochs if len(ends) else np.zeros(1)

    def _given(self, column: str) -> NDArray[np.bool_]:
        """Tell for each row whether it has a value in a column, (rows,)."""
        starts, ends = self._places[:, self._columns.index(column)].T
        return np.asarray(ends > starts)

    def _numbers(self, column: str, rows: slice | NDArray[np.intp]) -> Array:
        """Read the fields of some rows in a column as numbers, (rows,); NaN if they are not numbers."""
        if column not in self._columns:
            return np.zeros(0)
        fields = self._places[rows, self._columns.index(column)].tolist()
        return np.array([_number(self._text[start:end]) for start, end in fields], dtype=np.float64)


def parse(path: Path) -> tuple[list[str], list[dict[str, str]], str]:
    """Parse a metrics file, as far as it can be read.

    Returns:
        Its columns, its rows, and what is odd about it, if anything; a last row cut short by a crash is not odd.
    """
    if not path.is_file():
        return [], [], "it is not a file"
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
        "columns without a unique name": len(columns) < len(names),
        "steps in another notation": rewritten,
        f"{unread} rows that cannot be read": unread,
    }
    return columns, rows, ", ".join(oddity for oddity, found in oddities.items() if found)


def _plain(path: Path) -> bytes:
    """Read a metrics file as text with a line per row, a field per column, and no quotes.

    Files that genlab wrote are not parsed, since that would take a hundred times as long.
    """
    try:
        content = read_regular(path, LARGEST)
        names = content[: content.find(b"\n") + 1].decode("ascii").strip().split(",")
    except (OSError, UnicodeDecodeError):
        names = []
    if set(names).issuperset(AXES) and len({*names} - {""}) == len(names) and '"' not in "".join(names):
        return content
    columns, rows, _ = parse(path)
    columns = list(dict.fromkeys([*AXES, *columns]))
    lines = [columns, *([row.get(column, "0" if column in AXES else "") for column in columns] for row in rows)]
    return "".join(",".join(SEPARATORS.sub(" ", field) for field in line) + "\n" for line in lines).encode()


def _places(text: bytes, columns: int) -> NDArray[np.intp] | None:
    """Find the starts and ends of fields in text, (rows, columns, 2); None if a row has another number of fields."""
    codes = np.frombuffer(text, np.uint8)
    ends = np.flatnonzero((codes == ord(",")) | (codes == ord("\n")))
    breaks = codes[ends] == ord("\n")
    if text[-1:] != b"\n" or breaks.sum() * columns != len(ends) or not breaks[columns - 1 :: columns].all():
        return None
    starts = np.append(0, ends[:-1] + 1)
    return np.stack([starts, ends - (codes[ends - 1] == ord("\r"))], 1).reshape(-1, columns, 2)


def _number(field: bytes) -> float:
    try:
        return float(field)
    except ValueError:
        return math.nan


def _fields(line: str, delimiter: str) -> list[str]:
    """Split a row into fields; if the delimiter is not a comma, decimal commas become points."""
    try:
        fields: list[str] = next(csv.reader([line], delimiter=delimiter), [])
    except csv.Error:  # a field is too large
        return [line]
    return [DECIMAL.sub(r"\1.\2", field) for field in fields] if delimiter != "," else fields


def _step(field: str) -> int | None:
    """Parse a step, also in a spreadsheet's notation: 12.0 or 1.2E+05."""
    try:
        step = float(field)
    except ValueError:
        return None
    return int(step) if step >= 0 and step.is_integer() else None
