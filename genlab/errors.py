"""The error whose message alone is enough for a user to act on."""

import difflib
from collections.abc import Collection


class GenlabError(Exception):
    """A user's mistake or a missing thing, in one line: what is wrong, where, and what to do.

    The command line prints the message without a traceback.
    """


class NotFinite(GenlabError):
    """Training has diverged.

    Args:
        what: the figure or weights that are not finite.
        step: when that was found.
    """

    def __init__(self, what: str, step: int) -> None:
        super().__init__(
            f"{what} is not finite at step {step}: training has diverged and stops, checkpoints are from before; "
            "try a smaller learning rate, or clip gradients"
        )


def listed(names: Collection[object], most: int = 5, separator: str = ", ") -> str:
    """Names for a message: the first few, and how many more there are."""
    few = separator.join(str(name) for name in list(names)[:most])
    return few if len(names) <= most else f"{few} and {len(names) - most:,} more"


def suggestion(name: str, known: Collection[str]) -> str:
    """What to say of a name that is none of the known ones: the nearest of them, or all of them."""
    nearest = difflib.get_close_matches(name, known, n=1)
    return f"did you mean {nearest[0]}?" if nearest else f"there are {', '.join(known)}"
