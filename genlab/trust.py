"""Whose code a checkpoint may import: genlab's, torch's, what is imported already, and that of one's own runs.

A checkpoint names classes and functions, and building its model imports them. `fit` signs the config of each run with a
key that only its user has; classes of such a run are the user's own.
"""

import contextlib
import hmac
import importlib.util
import os
import re
import secrets
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextvars import ContextVar
from pathlib import Path, PurePath
from typing import Any

from genlab.errors import GenlabError, listed
from genlab.regular import read_regular

LIBRARIES = ("genlab", "torch", "torchvision")
"""Packages whose classes and functions any checkpoint may name."""
HINT = "give --trust (in Python trust=True) if you know where it comes from"
KEY_SIZE = 32
"""Bytes."""
DOTTED = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)+")
"""A dotted name such as package.module.function."""

_granted: ContextVar[bool] = ContextVar("granted", default=False)


@contextlib.contextmanager
def granted(trust: bool) -> Iterator[None]:
    """Trust every checkpoint that is opened inside the block, if `trust` is true; checkpoints name others too."""
    token = _granted.set(_granted.get() or trust)
    try:
        yield
    finally:
        _granted.reset(token)


def require_known_classes(description: Any, where: Path, own: bool) -> None:
    """Raise GenlabError for a description that names classes or functions of modules which are not known.

    Args:
        description: hyperparameters, as `genlab.hparams` writes them.
        where: the checkpoint that they are from.
        own: whether that is of a run of this user's, which is trusted.
    """
    unknown = [] if own or _granted.get() else sorted({*unknown_names(description)})
    if unknown:
        raise GenlabError(
            f"{where} names {listed(unknown)}, which would be imported, and is of no run that you trained here; "
            f"{HINT}, or import that first"
        )


def require_known_places(description: Mapping[str, Any], where: Path, own: bool) -> None:
    """Raise GenlabError for data that would be read, created or downloaded outside of the user's own data folder.

    Args:
        description: hyperparameters of a DataModule, as `genlab.hparams` writes them.
        where: the checkpoint that they are from.
        own: whether that is of a run of this user's, which is trusted.
    """
    places = [] if own or _granted.get() else [*unknown_places(description)]
    if places:
        raise GenlabError(
            f"{where} takes its data from {listed(places)}, and is of no run that you trained here; {HINT}"
        )


def unknown_names(description: Any, key: str = "") -> Iterator[str]:
    """The class paths and function names in a description whose modules are neither trusted nor imported yet."""
    if isinstance(description, Mapping):
        for name, value in description.items():
            yield from unknown_names(value, name)
    elif isinstance(description, list | tuple):
        for value in description:
            yield from unknown_names(value)
    elif isinstance(description, str) and DOTTED.fullmatch(description):
        module, _, _ = description.rpartition(".")
        package = module.partition(".")[0]
        names_a_class = key in ("class_path", "_class_path")  # other texts are names only where there is such a module
        if package not in LIBRARIES and module not in sys.modules and (names_a_class or _can_be_imported(package)):
            yield description


def unknown_places(description: Any, key: str = "") -> Iterator[str]:
    """The paths in a description of data that lead out of the user's own data folder."""
    if isinstance(description, Mapping):
        for name, value in description.items():
            yield from unknown_places(value, name)
    elif isinstance(description, list | tuple):
        for value in description:
            yield from unknown_places(value)
    elif isinstance(description, str):
        path = PurePath(description)
        if key == "data_dir" or path.is_absolute() or ".." in path.parts or description.startswith(("~", ".")):
            yield description


def signature(run: Path) -> str | None:
    """What only this user can write into a run at this place; None where no key can be kept."""
    key = _key()
    return None if key is None else hmac.new(key, os.fsencode(run.resolve()), "sha256").hexdigest()


def is_signed(run: Path, found: str) -> bool:
    """Whether the signature that was found in a run is this user's, for a run at this place."""
    right = signature(run)
    return right is not None and hmac.compare_digest(right.encode(), found.encode())


def _can_be_imported(package: str) -> bool:
    with contextlib.suppress(ImportError, ValueError):  # ValueError: of a module without a spec, such as __main__
        return importlib.util.find_spec(package) is not None
    return True


def _key() -> bytes | None:
    """The user's key, made when it is first needed."""
    try:
        state = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state")
        path = state / "genlab" / "key"
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            descriptor, part = tempfile.mkstemp(dir=path.parent)  # readable by its owner alone
            with os.fdopen(descriptor, "wb") as file:
                file.write(secrets.token_bytes(KEY_SIZE))
            with contextlib.suppress(FileExistsError):  # another process was faster
                os.link(part, path)
            Path(part).unlink()
        return read_regular(path, KEY_SIZE)
    except (OSError, RuntimeError):  # a home that cannot be written, or none
        return None
