"""Errors whose message alone is enough for a user to act on, and parts of such messages."""

import difflib
from collections.abc import Collection
from textwrap import shorten


class GenlabError(Exception):
    """Error that a user can fix, with one line that says what is wrong, where, and what to do.

    The command line prints the message without a traceback.
    """


class NotFinite(GenlabError):
    """Error of a training that has diverged.

    Args:
        what: the metric or the weights that are not finite.
        step: the step at which that was found.
    """

    def __init__(self, what: str, step: int) -> None:
        super().__init__(
            f"{what} is not finite at step {step}: training has diverged and stops; saved checkpoints are from "
            "before that. Try a smaller learning rate, or clip gradients"
        )


def in_one_line(error: BaseException) -> str:
    """Describe an error in one line: the message of a GenlabError, also where another error wraps it.

    Other errors are described by type and message, with a hint on how to see the traceback.
    """
    cause: BaseException | None = error
    while cause and not isinstance(cause, GenlabError):  # jsonargparse wraps what a constructor raises
        cause = cause.__cause__
    if cause:
        return str(cause)
    while error.__cause__ and "Union subtypes" in str(error):  # it wraps all others too
        error = error.__cause__
    text = shorten(str(error), 500)
    if isinstance(error, MemoryError) or "allocate memory" in text or "out of memory" in text:
        return f"out of memory ({text or 'of Python'}); lower data.batch_size, or use smaller images or networks"
    if isinstance(error, OSError) and error.strerror:
        return shorten(f"{error.strerror}: {error.filename}" if error.filename else error.strerror, 500)
    return f"{type(error).__name__}: {text}; run it again with --debug for the traceback"


def counted(number: int, noun: str, plural: str | None = None) -> str:
    """Format a number of things, such as "1 image" or "2,000 images".

    Args:
        number: how many.
        noun: the noun in the singular.
        plural: the plural, if it takes more than an s.
    """
    return f"{number:,} {noun if number == 1 else plural or f'{noun}s'}"


def listed(names: Collection[object], most: int = 5, separator: str = ", ") -> str:
    """List names for a message: the first few, and how many more there are."""
    few = separator.join(str(name) for name in list(names)[:most])
    return few if len(names) <= most else f"{few} and {len(names) - most:,} more"


def nearest(name: str, known: Collection[str]) -> str | None:
    """Find the known name that is most similar to another, ignoring case; None if none is similar."""
    folded = {key.casefold().replace("-", "_"): key for key in known}
    found = difflib.get_close_matches(name.casefold().replace("-", "_"), folded, n=1)
    return folded[found[0]] if found else None


def suggestion(name: str, known: Collection[str]) -> str:
    """Suggest the known name nearest to an unknown one, or list the known names."""
    found = nearest(name, known)
    return f"did you mean {found}?" if found else f"there are {', '.join(known) or 'none'}"
