"""Files that are written whole or not at all, and never replace others unasked."""

import contextlib
import functools
import os
import secrets
import shutil
import stat
import time
from collections.abc import Iterator
from pathlib import Path

from genlab.errors import GenlabError
from genlab.regular import irregular

PICTURES = {
    ".png": "png",
    ".jpg": "jpg",
    ".jpeg": "jpg",
    ".pdf": "pdf",
    ".svg": "svg",
}
"""File endings of pictures, and their formats."""
STALE = 3600.0
"""Seconds without a change after which a temporary file or folder counts as left over from a killed process."""


@contextlib.contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Yield a temporary path that replaces the file `path` when the block succeeds, and is removed when it fails.

    Each writer has a temporary file of its own, in the same folder. Links are kept: the file that a link points to is
    replaced, and keeps its permissions.

    Raises:
        GenlabError: if the file cannot be written, or something other than a regular file is there.
    """
    with _told(path):
        _require_replaceable(path)
        target = Path(os.path.realpath(path))
        part = _temporary(target.parent)
        try:
            yield part
            if target.exists():
                with contextlib.suppress(OSError):  # the file system may have no permissions
                    part.chmod(stat.S_IMODE(target.stat().st_mode))
            part.replace(target)
        finally:
            with contextlib.suppress(OSError):
                part.unlink(missing_ok=True)


@contextlib.contextmanager
def whole_folder(path: Path, *, replace: bool = False) -> Iterator[Path]:
    """Yield an empty folder that becomes `path` when the block succeeds, and is removed when it fails.

    Args:
        path: the folder.
        replace: whether it may replace an existing folder.

    Raises:
        GenlabError: if it cannot be written, or `path` already exists and may not be replaced.
    """
    with _told(path):
        if os.path.lexists(path) and not (replace and path.is_dir()):
            raise GenlabError(f"{path} already exists; give another name")
        target = Path(os.path.realpath(path))
        part = _temporary(target.parent)
        part.mkdir()
        try:
            yield part
            if target.exists():
                _exchange(part, target)
            else:
                part.rename(target)
        finally:
            shutil.rmtree(part, ignore_errors=True)


def must_be_free(path: Path, force: bool) -> None:
    """Check that a file may be written.

    Raises:
        GenlabError: if it already exists and `force` is not given, or is not a regular file.
    """
    with _told(path):
        _require_replaceable(path)
    if path.exists() and not force:
        raise GenlabError(f"{path} already exists; give --force to replace it, or another name")


def require_ending(path: Path, ending: str) -> None:
    """Check that the name of a file ends as its only format does.

    Raises:
        GenlabError: if it does not.
    """
    if path.suffix.lower() != ending:
        raise GenlabError(f"{path} would hold {ending[1:].upper()}; give a name that ends in {ending}")


def require_folder_name(path: Path) -> None:
    """Check that the name of a folder to be created does not end like a picture, array or text file's.

    Raises:
        GenlabError: if it is.
    """
    if path.suffix.lower() in {*PICTURES, ".npz", ".txt"} and not path.exists():
        raise GenlabError(f"{path} is to be a folder but has the extension of a file; give another name")


def picture_format(path: Path, arrays: bool = False, text: bool = False) -> str:
    """Find a picture's format from its file ending: a value of `PICTURES`, "npz" for its arrays, or "txt" for its text.

    Args:
        path: path of the file.
        arrays: whether arrays can be written.
        text: whether text can be written.

    Raises:
        GenlabError: for an unknown ending.
    """
    known = PICTURES | ({".npz": "npz"} if arrays else {}) | ({".txt": "txt"} if text else {})
    ending = path.suffix.lower()
    if ending not in known:
        raise GenlabError(f"{path} has no picture extension; give one of {', '.join(known)}")
    return known[ending]


def _require_replaceable(path: Path) -> None:
    if kind := irregular(path):
        raise GenlabError(f"{path} is {kind}; give the name of a file")


def _exchange(part: Path, target: Path) -> None:
    """Swap the names of two folders; if that fails, the target keeps its own."""
    aside = _temporary(target.parent)
    target.rename(aside)
    try:
        part.rename(target)
    except OSError:
        aside.rename(target)
        raise
    aside.rename(part)


def _temporary(folder: Path) -> Path:
    """Return a path that no other writer gets, in a folder that is created if it is missing."""
    folder.mkdir(parents=True, exist_ok=True)
    _remove_stale(folder)
    return folder / f".genlab-{secrets.token_hex(8)}.part"


@functools.cache  # once per folder and process: a folder may hold many files
def _remove_stale(folder: Path) -> None:
    for part in folder.glob(".genlab-*.part"):
        with contextlib.suppress(OSError):
            changed = max(path.lstat().st_mtime for path in (part, *part.rglob("*")))
            if time.time() - changed > STALE:
                shutil.rmtree(part) if part.is_dir() else part.unlink()


@contextlib.contextmanager
def _told(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise GenlabError(f"{path} cannot be written: {error.strerror or error}") from None
