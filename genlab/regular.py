"""Regular files, which can be read to the end and replaced safely, unlike pipes and devices."""

import errno
import os
import stat
from pathlib import Path

KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a FIFO",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


def irregular(path: Path) -> str | None:
    """Describe what a path leads to, following links; None for a regular file, or if nothing is there.

    Raises:
        OSError: if that cannot be determined, as for a link to itself.
    """
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return None
    return None if stat.S_ISREG(mode) else KINDS.get(stat.S_IFMT(mode), "something special")


def require_regular(path: Path) -> None:
    """Check that a path leads to a regular file: opening a FIFO waits forever, and a device may have no end.

    Raises:
        OSError: for anything else.
    """
    if kind := irregular(path):
        raise OSError(errno.EINVAL, f"{kind}, not a regular file", str(path))


def read_regular(path: Path, largest: int) -> bytes:
    """Read a regular file of at most `largest` bytes.

    Raises:
        OSError: for anything else.
    """
    require_regular(path)
    if path.stat().st_size > largest:
        raise OSError(errno.EFBIG, f"more than {largest / 1e6:,.0f} MB", str(path))
    return path.read_bytes()


def is_folder(path: Path) -> bool:
    """Tell whether a path leads to a folder; False where that cannot be determined, as for a name that is too long."""
    return os.path.isdir(path)  # noqa: PTH112 - Path.is_dir raises for some paths


def exists(path: Path) -> bool:
    """Tell whether a path exists; False where that cannot be determined."""
    return os.path.exists(path)  # noqa: PTH110 - Path.exists raises for some paths
