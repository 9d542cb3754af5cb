"""Layers of a generator, as named on the command line."""

import re

from genlab.errors import GenlabError
from genlab.models.shared.style_space import layer_groups


def layers_asked(text: str | None, count: int, what: str) -> dict[str, list[int]]:
    """Return the layers that a text such as "coarse", "0-3" or "0,2,5" means, by group name; by default all groups.

    Args:
        text: the value of --layers.
        count: number of layers.
        what: what has these layers, for messages.

    Raises:
        GenlabError: for layers that do not exist.
    """
    known = layer_groups(count)
    if text is None:
        return known
    if text in known:
        return {text: known[text]}
    there = f"{what} has layers 0 to {count - 1}, or {', '.join(known)}"
    chosen: list[int] = []
    for part in text.split(","):
        ends = re.fullmatch(r"(\d{1,4})(?:-(\d{1,4}))?", part)
        if not ends:
            raise GenlabError(f"--layers {text} names no layers; {there}")
        first, last = int(ends[1]), int(ends[2] or ends[1])
        if not first <= last < count:
            raise GenlabError(f"there are no layers {part}; {there}")
        chosen += range(first, last + 1)
    return {"mixed": sorted({*chosen})}
