"""Folders of data sets and caches, and locks on them."""

import os
from collections.abc import Callable
from pathlib import Path

import filelock

from genlab.errors import GenlabError
from genlab.regular import is_folder


def data_folder(data_dir: str | None) -> Path:
    """Return the folder of data sets: the one given, else the environment variable GENLAB_DATA_DIR, else ./data."""
    return Path(data_dir or os.environ.get("GENLAB_DATA_DIR") or "data").expanduser()


def cache_folder(data_dir: str | None) -> Path:
    """Return the folder of decoded images: GENLAB_CACHE_DIR, else `cache` in the folder of data sets."""
    return Path(os.environ.get("GENLAB_CACHE_DIR") or data_folder(data_dir) / "cache").expanduser()


def find_folder(
    folder: str | os.PathLike[str], data_dir: str | None, is_there: Callable[[Path], bool] = is_folder
) -> Path:
    """Resolve a folder given as a name in the folder of data sets, or else as a path; ./name is always a path.

    Args:
        folder: the name or path that the user gave.
        data_dir: the folder of data sets.
        is_there: returns whether a path exists as the right kind; by default, whether it is a folder.

    Raises:
        GenlabError: for an empty name, which would mean the whole folder of data sets.
    """
    if not os.fspath(folder):
        raise GenlabError("the name of a folder is empty; give a path or a name in the folder of data sets")
    path = Path(folder).expanduser()
    named = data_folder(data_dir) / path
    is_path = os.fspath(folder).startswith(".") or (is_there(path) and not is_there(named))
    return path if is_path else named


def lock_for(path: Path) -> filelock.BaseFileLock:
    """Return an inter-process lock on writing to a path, to use as a context manager.

    Raises:
        OSError: where nothing can be written; filelock alone might retry forever.
    """
    file = path.with_name(f".{path.name}.lock")
    file.touch()
    return filelock.FileLock(file)
