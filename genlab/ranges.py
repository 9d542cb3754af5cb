"""Checks of the ranges of numbers that a user gives: `at_least(1, channels=channels)`.

Each function raises a GenlabError that names the argument, its value and the range. None and NaN are in no range, and
infinity is in none without an upper limit.
"""

import math
from collections.abc import Callable
from numbers import Integral, Real
from typing import Any

from genlab.errors import GenlabError

LARGEST_SIZE = 2**16
LARGEST_SEED = 2**32 - 1
"""Largest seed that numpy takes."""


def at_least(least: float, **given: Any) -> None:
    """Require finite numbers from `least` up."""
    _require(given, lambda number: least <= number < math.inf, f"at least {least}")


def above(limit: float, **given: Any) -> None:
    """Require finite numbers above `limit`."""
    _require(given, lambda number: limit < number < math.inf, f"above {limit}")


def between(least: float, most: float, **given: Any) -> None:
    """Require numbers from `least` to `most`."""
    _require(given, lambda number: least <= number <= most, f"from {least:,} to {most:,}")


def extent(**given: Any) -> None:
    """Require whole numbers of units, channels or pixels: from 1 to 65,536, beyond which no network fits in memory."""
    wanted = f"a whole number from 1 to {LARGEST_SIZE:,}"
    _require(given, lambda number: 1 <= number <= LARGEST_SIZE and isinstance(number, Integral), wanted)


def count(**given: Any) -> None:
    """Require counts, such as of samples: whole numbers from 0 up."""
    _require(given, lambda number: number >= 0 and isinstance(number, Integral), "a whole number from 0")


def share(**given: Any) -> None:
    """Require shares of a whole: numbers from 0 to below 1."""
    _require(given, lambda number: 0 <= number < 1, "from 0 to below 1")


def if_given(**arguments: Any) -> dict[str, Any]:
    """Return the arguments that are not None, to check optional ones: `share(**if_given(ema_decay=ema_decay))`."""
    return {name: value for name, value in arguments.items() if value is not None}


def _require(given: dict[str, Any], holds: Callable[[Any], bool], wanted: str) -> None:
    for name, value in given.items():
        if isinstance(value, bool) or not isinstance(value, Real) or not holds(value):
            raise GenlabError(f"{name} is {value!r}; it must be {wanted}")
