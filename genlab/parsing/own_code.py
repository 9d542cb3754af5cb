"""User code: modules in the current folder, which configs and checkpoints may name."""

import contextlib
import importlib
import re
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from genlab.errors import suggestion

DOTTED = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)+")
"""A dotted name such as package.module.function."""


@contextlib.contextmanager
def importable() -> Iterator[None]:
    """Make modules in the current folder importable, last on the path, so that a stray torch.py shadows nothing."""
    try:
        here = str(Path.cwd())
    except OSError:  # the folder has been deleted
        here = ""
    added = bool(here) and here not in sys.path
    if added:
        sys.path.append(here)
    try:
        yield
    finally:
        if added and here in sys.path:
            sys.path.remove(here)


def not_found(name: str) -> str | None:
    """Import the module of a class or function, and explain in one line why it is not found; None if it is found."""
    module, _, attribute = name.rpartition(".")
    root = module.partition(".")[0]
    try:
        found = importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name != root:
            return f"cannot import {module}: {error}"
        file = f"{root}.py" if root == module else f"{root}/"
        return f"cannot import {root}: run from the folder where {file} is, or install it"
    except Exception as error:  # raised by the module's own code
        place = "" if isinstance(error, SyntaxError) else _place(error)
        return f"cannot import {module}: {type(error).__name__}: {' '.join(str(error).split())}{place}"
    if hasattr(found, attribute):
        return None
    public = [known for known in vars(found) if not known.startswith("_")]
    return f"{module} has no {attribute}; {suggestion(attribute, public)}"


def imported(name: str) -> Any:
    """Import a class or function by its dotted name."""
    module, _, attribute = name.rpartition(".")
    return getattr(importlib.import_module(module), attribute)


def _place(error: Exception) -> str:
    """Return the file and line where an error was raised."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f" ({Path(frame.filename).name}, line {frame.lineno})"
