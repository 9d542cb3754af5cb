"""Loader for YAML that is no larger than it looks.

A few lines of aliases can stand for billions of values ("billion laughs"): the loader holds each value once, but code
that traverses or copies such a config never finishes.
"""

import math
from typing import Any

import yaml

from genlab.errors import GenlabError

LARGEST = 100_000
"""Maximum number of values in a document, each counted as often as it is referred to."""
DEEPEST = 50
"""Maximum depth of lists and mappings."""
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def load(text: str) -> Any:
    """Load a YAML document as plain data.

    Raises:
        GenlabError: for a document that `require_sane` refuses.
        YAMLError: for a text that is not YAML.
    """
    require_sane(text)
    return yaml.load(text, Loader=_Loader)


def require_sane(text: str) -> None:
    """Check that a document is neither too large nor too deep, and has no key twice.

    Raises:
        GenlabError: for any other document.
    """
    try:
        size, depth = _extent(yaml.compose(text, Loader=_Loader), {})
    except RecursionError:
        size = depth = math.inf
    if depth > DEEPEST:
        raise GenlabError(f"a config nests lists or mappings more than {DEEPEST} deep; flatten it")
    if size > LARGEST:
        raise GenlabError(f"a config expands to more than {LARGEST:,} values; remove aliases, such as *name")


def _extent(node: yaml.Node | None, known: dict[int, tuple[float, float]]) -> tuple[float, float]:
    """Return the number of values that a node stands for, and the depth of their nesting."""
    if not isinstance(node, yaml.CollectionNode):
        return 1, 0
    if id(node) not in known:
        known[id(node)] = math.inf, math.inf  # stays infinite if the node contains itself
        children = node.value
        if isinstance(node, yaml.MappingNode):
            _require_different_keys(node)
            children = [child for pair in node.value for child in pair]
        sizes, depths = zip((0, 0), *(_extent(child, known) for child in children), strict=True)
        known[id(node)] = 1 + sum(sizes), 1 + max(depths)
    return known[id(node)]


def _require_different_keys(mapping: yaml.MappingNode) -> None:
    first: dict[tuple[str, str], yaml.Node] = {}
    for key, _ in mapping.value:
        merges = key.tag == "tag:yaml.org,2002:merge"
        if isinstance(key, yaml.ScalarNode) and not merges and first.setdefault((key.tag, key.value), key) is not key:
            lines = " and ".join(str(each.start_mark.line + 1) for each in (first[key.tag, key.value], key))
            raise GenlabError(f"a config has {key.value} twice, in lines {lines}; remove one")
