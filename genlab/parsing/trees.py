"""Configs and options as one tree of keys and values."""

from collections.abc import Iterator
from typing import Any

import yaml

from genlab.errors import GenlabError, listed
from genlab.parsing import safe_yaml

FLAGS = ("trust", "force", "h", "help", "help-all", "print_config")
"""Options that take no value."""
Tree = dict[str, Any]
"""Keys and values from configs and options; the arguments of a class are put beside its `class_path`."""


def options(arguments: list[str]) -> Iterator[tuple[str, str | None]]:
    """Yield the options in arguments: each key, such as model.encoder, with its value, or None without one."""
    rest = list(arguments)
    while rest:
        option, equals, value = rest.pop(0).partition("=")
        if not option.startswith("-"):
            continue  # left to the parser to report
        key = option.lstrip("-")
        takes_one = not equals and key not in FLAGS and rest and not rest[0].startswith("--")
        yield key, rest.pop(0) if takes_one else value if equals else None


def plain(text: str, key: str) -> Any:
    """Parse the value of an option if it is a list or a mapping; leave any other as it is."""
    if not text or text[0] not in "[{":
        return text
    try:
        return flattened(safe_yaml.load(text), key)
    except yaml.YAMLError:
        return text  # left to the parser to report


def flattened(node: Any, place: str) -> Any:
    """Move the arguments of each class from `init_args` to beside its `class_path`."""
    if isinstance(node, list):
        return [flattened(item, place) for item in node]
    if not isinstance(node, dict):
        return node
    own = {
        str(key).rstrip("+"): flattened(value, f"{place}.{key}")
        for key, value in node.items()
        if key not in ("init_args", "dict_kwargs")
    }
    beside = [key for key in own if key != "class_path"]
    if "class_path" in node and beside:
        raise GenlabError(f"{place}: {listed(beside)} must be under init_args, beside class_path")
    inner = node.get("init_args")
    if not isinstance(inner, dict | None):
        raise GenlabError(f"{place}: init_args takes names with values, such as `code_size: 10`")
    return own | flattened(inner, place) if isinstance(inner, dict) else own


def nested(keys: list[str], value: Any) -> Any:
    """Nest a value under the parts of its key."""
    for key in reversed([key for key in keys if key not in ("init_args", "dict_kwargs")]):
        value = {key: value}
    return value


def merged(old: Any, new: Any) -> Any:
    """Merge two values of a key: the second overrides the first, and arguments of another class are dropped."""
    if isinstance(old, dict) and isinstance(new, str):
        new = {"class_path": new}
    if isinstance(new, dict) and isinstance(old, str):
        old = {"class_path": old}
    if not isinstance(old, dict) or not isinstance(new, dict):
        return new
    if "class_path" in old and _short(new.get("class_path", old["class_path"])) != _short(old["class_path"]):
        return new
    return {**old, **{key: merged(old[key], value) if key in old else value for key, value in new.items()}}


def _short(name: Any) -> str:
    return str(name).rpartition(".")[2]
