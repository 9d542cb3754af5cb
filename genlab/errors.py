"""The error whose message alone is enough for a user to act on."""

import difflib
from collections.abc import Collection


class GenlabError(Exception):
    """A user's mistake or a missing thing, in one line: what is wrong, where, and what to do.

    The command line prints the message without a traceback.
    """


def suggestion(name: str, known: Collection[str]) -> str:
    """What to say of a name that is none of the known ones: the nearest of them, or all of them."""
    nearest = difflib.get_close_matches(name, known, n=1)
    return f"did you mean {nearest[0]}?" if nearest else f"there are {', '.join(known)}"
