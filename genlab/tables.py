"""Metrics as text, rounded to their precision, in aligned tables."""

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

Table = dict[str, dict[str, Any]]
"""Metrics by row and column: numbers, or dicts with a "mean" and perhaps its "standard_error"."""
ERROR = "_standard_error"
"""Ending of the name of a metric's standard error."""
DIGITS = 4
"""Significant digits of a metric without a standard error: on ten thousand test images, the third or fourth varies
from seed to seed."""


def rounded(value: float, error: float | None = None) -> str:
    """Round a metric to two digits of its standard error, or else to four significant digits.

    All digits before the point are kept; whole numbers without a standard error have no decimals.
    """
    if not math.isfinite(value):
        return f"{value:g}"
    if error and math.isfinite(error):
        return f"{value:.{max(0, 1 - _magnitude(error))}f}"
    if value == int(value):
        return f"{value:.0f}"
    decimals = DIGITS - 1 - _magnitude(value)
    return f"{value:.{max(0, decimals)}f}" if decimals <= 2 * DIGITS else f"{value:.{DIGITS - 1}e}"


def with_error(value: float, error: float | None) -> str:
    """Format a metric with its standard error, if one is known: "0.912 ± 0.021"."""
    return rounded(value) if error is None else f"{rounded(value, error)} ± {rounded(error, error)}"


def as_json(found: Mapping[str, Any]) -> str:
    """Format results as JSON, which has no infinite numbers: these and NaN become null."""
    return json.dumps(_finite(found), indent=1, allow_nan=False)


def _finite(found: Any) -> Any:
    if isinstance(found, Mapping):
        return {name: _finite(value) for name, value in found.items()}
    if isinstance(found, list | tuple):
        return [_finite(value) for value in found]
    return None if isinstance(found, float) and not math.isfinite(found) else found


def metrics_table(found: Mapping[str, Any]) -> str:
    """Format results: one line for each that is not a metric, then a table of metrics with standard errors."""
    metrics = {name: value for name, value in found.items() if isinstance(value, float) and not name.endswith(ERROR)}
    lines = [f"{_words(name)}: {value}" for name, value in found.items() if not isinstance(value, float)]
    rows = [["", "value", "standard error"]]
    for name, value in metrics.items():
        error = found.get(name + ERROR)
        rows.append([_words(name), rounded(value, error), "not known" if error is None else rounded(error, error)])
    return "\n".join([*lines, "", aligned(rows)] if metrics else lines)


def as_text(table: Table) -> str:
    """Format a table with a line for each row, below the names of the columns."""
    columns = list(dict.fromkeys(column for row in table.values() for column in row))
    return aligned(
        [["", *columns]] + [[name, *(_cell(row[column]) for column in columns)] for name, row in table.items()]
    )


def aligned(rows: Sequence[Sequence[str]]) -> str:
    """Align rows of cells: the first column to the left, the others to the right."""
    first, *others = (max(map(len, column)) for column in zip(*rows, strict=True))
    return "\n".join(
        "  ".join([row[0].ljust(first), *(cell.rjust(width) for cell, width in zip(row[1:], others, strict=True))])
        for row in rows
    )


def _cell(value: Any) -> str:
    return with_error(value["mean"], value.get("standard_error")) if isinstance(value, dict) else f"{value:.3f}"


def _magnitude(value: float) -> int:
    """Return the power of ten of the first significant digit."""
    return math.floor(math.log10(abs(value)))


def _words(name: str) -> str:
    return name.replace("_", " ")
