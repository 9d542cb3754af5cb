"""Results of an evaluation: metrics with standard errors and units, stamped with how they were measured."""

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
"""Units of metrics; the others have none."""


@dataclass(frozen=True)
class Row:
    """A metric of a model.

    Args:
        name: name, such as "psnr" or "psnr_untranslated".
        value: a number, or text such as "9 of 10".
        error: standard error, if it is known.
        unit: unit, such as "nats"; empty if there is none.
        stamp: how the metric was measured: the images, the network, ... In the rows of one evaluation, equal names have
            equal values.
    """

    name: str
    value: float | str
    error: float | None = None
    unit: str = ""
    stamp: Mapping[str, Any] = field(default_factory=dict)

    def renamed(self, prefix: str = "", suffix: str = "") -> "Row":
        """Return the row under a longer name; entries of the stamp get the prefix too."""
        stamp = {prefix + name: value for name, value in self.stamp.items()}
        return replace(self, name=prefix + self.name + suffix, stamp=stamp)


def rows_of(found: Mapping[str, Any], stamp: Mapping[str, Any], suffix: str = "") -> list[Row]:
    """Make rows of metrics by name; a name that ends in "_standard_error" is another metric's error."""
    return [
        Row(name + suffix, value, found.get(name + ERROR), UNITS.get(name, ""), stamp)
        for name, value in found.items()
        if not name.endswith(ERROR)
    ]


def averages(scores: Mapping[str, Sequence[Tensor]], stamp: Mapping[str, Any], suffix: str = "") -> list[Row]:
    """Average scores, given by name in parts (B,), with standard errors if there is more than one image."""
    found: dict[str, float] = {}
    for name, parts in scores.items():
        values = torch.cat([*parts])
        found[name] = values.mean().item()
        if len(values) > 1:
            found[name + ERROR] = (values.std() / len(values) ** 0.5).item()
    return rows_of(found, stamp, suffix)


def as_dict(rows: Iterable[Row]) -> dict[str, Any]:
    """Flatten rows for `evaluate.json`: stamps, values, and standard errors as "<name>_standard_error"."""
    found: dict[str, Any] = {}
    for row in rows:
        found |= row.stamp
        found[row.name] = row.value
        if row.error is not None:
            found[row.name + ERROR] = row.error
    return found
