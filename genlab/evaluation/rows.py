"""What an evaluation finds: metrics with their standard errors and units, stamped with how they were measured."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor

from genlab.tables import ERROR

UNITS = {
    "bits_per_dim": "bits",
    "class_entropy": "nats",
    "elbo": "nats",
    "largest_entropy": "nats",
    "log_likelihood": "nats",
    "psnr": "dB",
}
"""Units of the metrics that have one."""


@dataclass(frozen=True)
class Row:
    """One metric.

    Args:
        name: such as "psnr", or "psnr_untranslated".
        value: a number, or text such as "9 of 10".
        error: its standard error, where that is known.
        unit: such as "nats"; empty for what has none.
        stamp: how it was measured, such as which images and which network; of all rows of an evaluation, what has the
            same name is the same.
    """

    name: str
    value: float | str
    error: float | None = None
    unit: str = ""
    stamp: Mapping[str, Any] = field(default_factory=dict)

    def renamed(self, prefix: str = "", suffix: str = "") -> "Row":
        """The same row under a longer name, as of another direction, whose stamp has the prefix too."""
        stamp = {prefix + name: value for name, value in self.stamp.items()}
        return replace(self, name=prefix + self.name + suffix, stamp=stamp)


def rows_of(found: Mapping[str, Any], stamp: Mapping[str, Any], suffix: str = "") -> list[Row]:
    """Rows of metrics by name, of which those that end in "_standard_error" belong to others."""
    return [
        Row(name + suffix, value, found.get(name + ERROR), UNITS.get(name, ""), stamp)
        for name, value in found.items()
        if not name.endswith(ERROR)
    ]


def averages(scores: Mapping[str, Sequence[Tensor]], stamp: Mapping[str, Any], suffix: str = "") -> list[Row]:
    """Means of scores by name, in parts (B,), each with its standard error where there is more than one image."""
    found: dict[str, float] = {}
    for name, parts in scores.items():
        values = torch.cat([*parts])
        found[name] = values.mean().item()
        if len(values) > 1:
            found[name + ERROR] = (values.std() / len(values) ** 0.5).item()
    return rows_of(found, stamp, suffix)


def as_dict(rows: Iterable[Row]) -> dict[str, Any]:
    """Rows as `evaluate` writes them: stamps, values, and standard errors as "<name>_standard_error"."""
    found: dict[str, Any] = {}
    for row in rows:
        found |= row.stamp
        found[row.name] = row.value
        if row.error is not None:
            found[row.name + ERROR] = row.error
    return found
