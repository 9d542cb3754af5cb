"""Metrics as text: rounded to what they are worth, in aligned tables."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

ERROR = "_standard_error"
"""Ending of the name of a metric's standard error."""
DIGITS = 4
"""Significant digits of a metric whose standard error is not known."""


def rounded(value: float, error: float | None = None) -> str:
    """A metric as text: as precise as two digits of its standard error, or else four significant digits."""
    if not math.isfinite(value):
        return f"{value:g}"
    last = 1 - _magnitude(error) if error and math.isfinite(error) else DIGITS - 1 - _magnitude(value)
    return f"{value:.{max(0, last)}f}"


def with_error(value: float, error: float | None) -> str:
    """A metric with its standard error, where one is known: "0.912 ± 0.021"."""
    return rounded(value) if error is None else f"{rounded(value, error)} ± {rounded(error, error)}"


def metrics_table(found: Mapping[str, Any]) -> str:
    """What was found, as text: first what is no metric, a line each, then a table of metrics and standard errors."""
    metrics = {name: value for name, value in found.items() if isinstance(value, float) and not name.endswith(ERROR)}
    lines = [f"{_words(name)}: {value}" for name, value in found.items() if not isinstance(value, float)]
    rows = [["", "value", "standard error"]]
    for name, value in metrics.items():
        error = found.get(name + ERROR)
        rows.append([_words(name), rounded(value, error), "not known" if error is None else rounded(error, error)])
    return "\n".join([*lines, "", aligned(rows)] if metrics else lines)


def aligned(rows: Sequence[Sequence[str]]) -> str:
    """Rows of cells as lines: the first column to the left, the others to the right."""
    first, *others = (max(map(len, column)) for column in zip(*rows, strict=True))
    return "\n".join(
        "  ".join([row[0].ljust(first), *(cell.rjust(width) for cell, width in zip(row[1:], others, strict=True))])
        for row in rows
    )


def _magnitude(value: float) -> int:
    """The power of ten of the first significant digit; 0 for 0."""
    return math.floor(math.log10(abs(value))) if value else 0


def _words(name: str) -> str:
    return name.replace("_", " ")
