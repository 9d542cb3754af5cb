"""Files that are written whole or not at all, and never over others unasked."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from genlab.errors import GenlabError


@contextlib.contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Somewhere to write what becomes the file `path` when the block ends well, and is removed when it does not.

    Raises GenlabError when the file cannot be written.
    """
    part = path.with_name(path.name + ".part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield part
        part.replace(path)
    except OSError as error:
        raise GenlabError(f"{path} cannot be written: {error.strerror or error}") from None
    finally:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)


def must_be_free(path: Path, force: bool) -> None:
    """Raise GenlabError when a file is there already and is not to be overwritten, or when it is a folder."""
    if path.is_dir():
        raise GenlabError(f"{path} is a folder; give the name of a file")
    if path.exists() and not force:
        raise GenlabError(f"{path} is there already; give --force to replace it, or another --out")
