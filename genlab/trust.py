"""Trust in checkpoints: which code they may import.

A checkpoint names classes and functions, which are imported to build its model. Those of genlab, torch and already
imported modules are trusted; in a user's own runs, all others are too. `fit` signs the config of each run with a key
that only its user has.
"""

import contextlib
import hmac
import importlib
import importlib.util
import inspect
import os
import secrets
import sys
from collections.abc import Iterator, Mapping
from contextvars import ContextVar
from pathlib import Path, PurePath
from typing import Any

import yaml

from genlab.atomic import whole_file
from genlab.errors import GenlabError, listed
from genlab.parsing import safe_yaml
from genlab.parsing.own_code import DOTTED, not_found
from genlab.regular import exists, is_folder, read_regular

LIBRARIES = ("genlab", "torch", "torchvision")
"""Packages whose classes any checkpoint may name."""
FUNCTIONS = ("genlab.diffusion", "genlab.losses", "genlab.networks", "torch", "torchvision")
"""Packages whose functions any checkpoint may name."""
LOADERS = ("genlab.load", "genlab.models.load", "genlab.checkpoints.load", "genlab.checkpoints.checkpoint.load")
KEY_SIZE = 32
"""Size of the key in bytes."""

_granted: ContextVar[bool] = ContextVar("granted", default=False)


@contextlib.contextmanager
def granted(trust: bool) -> Iterator[None]:
    """Trust every checkpoint that is opened inside the block if `trust` is true, as checkpoints may name others."""
    token = _granted.set(_granted.get() or trust)
    try:
        yield
    finally:
        _granted.reset(token)


def is_granted() -> bool:
    """Tell whether every checkpoint is trusted."""
    return _granted.get()


def require_known_classes(description: Any, where: Path, own: bool) -> None:
    """Raise GenlabError for a description that names classes or functions that would run unknown code.

    Args:
        description: hyperparameters, as `genlab.hparams` writes them.
        where: the checkpoint that they come from.
        own: whether the checkpoint is from one of this user's own runs, which are trusted; likewise below.
    """
    _require_trust(unknown_names(description), where, own, "names {}, which would be imported,")


def require_known_places(description: Mapping[str, Any], where: Path, own: bool) -> None:
    """Raise GenlabError for data that would be read, created or downloaded outside the user's own data folder."""
    _require_trust(unknown_places(description), where, own, "takes its data from {}")


def require_known_paths(states: Any, where: Path, own: bool) -> None:
    """Raise GenlabError for callbacks' states with paths outside of a run, where Lightning would delete checkpoints."""
    _require_trust(leading_out(states), where, own, "lets callbacks delete what is in {}")


def _require_trust(found: Iterator[str], where: Path, own: bool, what: str) -> None:
    unknown = [] if own or is_granted() else sorted({*found})
    if unknown:
        raise GenlabError(
            f"{where} {what.format(listed(unknown))} and is not from a run known to be yours; "
            "give --trust (in Python trust=True) if you know where it comes from"
        )


def unknown_names(description: Any) -> Iterator[str]:
    """Find the names in a description that would run code which is neither a library's nor already imported.

    These are class paths of other modules, or that lead to no class; names of functions; and files, from which the
    parser of descriptions would read a class path.
    """
    for key, text in _texts(description):
        if key == "trust":  # for a checkpoint that this one opens
            known = text == "False"
        elif key in ("class_path", "_class_path"):
            known = _is_known_class(text)
        else:
            known = not _is_file(text) and not (DOTTED.fullmatch(text) and _is_strange_function(text))
        if not known:
            yield text


def unknown_places(description: Mapping[str, Any]) -> Iterator[str]:
    """Find the paths in a description of data that lead out of the user's own data folder."""
    for key, text in _texts(description):
        path = PurePath(text)
        if key == "data_dir" or path.is_absolute() or ".." in path.parts or text.startswith(("~", ".")):
            yield text


def leading_out(value: Any) -> Iterator[str]:
    """Find the paths, keys included, that lead out of the folder in which they start, or to another file system."""
    if isinstance(value, Mapping):
        value = [*value, *value.values()]
    if isinstance(value, list | tuple):
        for part in value:
            yield from leading_out(part)
    elif isinstance(value, str) and (".." in PurePath(value).parts or "://" in value):
        yield value


def not_importable(description: Any, error: str) -> str | None:
    """Say in one line which class of a trusted description cannot be imported, and why; None if all can be.

    Args:
        description: hyperparameters of what cannot be built.
        error: the error message; any text that it mentions, such as a function's name, is looked at too.
    """
    for key, text in _texts(description):
        named = key in ("class_path", "_class_path") or text in error
        if named and DOTTED.fullmatch(text) and (reason := not_found(text)):
            return reason
    return None


def signature(run: Path) -> str | None:
    """Sign a run at its path, as only this user can; None if no key can be kept."""
    key = _key()
    return None if key is None else hmac.new(key, os.fsencode(run.resolve()), "sha256").hexdigest()


def is_signed(run: Path, found: str) -> bool:
    """Tell whether a signature that was found in a run is this user's, for a run at this path."""
    right = signature(run)
    return right is not None and hmac.compare_digest(right.encode(), found.encode())


def _texts(value: Any, key: str = "") -> Iterator[tuple[str, str]]:
    """Walk the texts in a description, each with its key, and those inside texts that are YAML, as the parser does."""
    if isinstance(value, str):
        yield key, value
        with contextlib.suppress(GenlabError, ValueError, yaml.YAMLError):
            value = safe_yaml.load(value)
    if isinstance(value, bool):
        yield key, str(value)
    elif isinstance(value, Mapping):
        for name, part in value.items():
            yield from _texts(part, str(name))
    elif isinstance(value, list | tuple):
        for part in value:
            yield from _texts(part)


def _is_known_class(name: str) -> bool:
    """Tell whether a name is a class's, in a library or in a module that is already imported.

    A name without dots is only looked up among imported classes. A loader may stand for a class too, as it checks what
    it opens.
    """
    module, _, attribute = name.rpartition(".")
    package = module.partition(".")[0]
    if name in LOADERS or not module:
        return True
    if package in LIBRARIES:
        with contextlib.suppress(ImportError):
            importlib.import_module(module)
    found = getattr(sys.modules.get(module), attribute, None)
    missing = package in LIBRARIES and found is None  # as in another version; building the model will say so
    return package not in sys.stdlib_module_names and (inspect.isclass(found) or missing)


def _is_strange_function(name: str) -> bool:
    """Tell whether a dotted name may be a function's, in a module that is neither a library's nor already imported."""
    module, _, _ = name.rpartition(".")
    package = module.partition(".")[0]
    imported = module in sys.modules and package not in (*LIBRARIES, *sys.stdlib_module_names)
    if imported or f"{name}.".startswith(tuple(f"{package}." for package in FUNCTIONS)):
        return False
    return _can_be_imported(package)  # otherwise it is only a text


def _is_file(text: str) -> bool:
    return bool(text) and exists(Path(text)) and not is_folder(Path(text))


def _can_be_imported(package: str) -> bool:
    with contextlib.suppress(ImportError, ValueError):  # ValueError: of a module without a spec, such as __main__
        return importlib.util.find_spec(package) is not None
    return True


def _key() -> bytes | None:
    """Return the user's key, which is created when it is first needed."""
    try:
        state = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state")
        path = state / "genlab" / "key"
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            with whole_file(path) as part:
                part.touch(mode=0o600)
                part.write_bytes(secrets.token_bytes(KEY_SIZE))
        return read_regular(path, KEY_SIZE)
    except (GenlabError, OSError, RuntimeError):  # no home, or one that cannot be written
        return None
