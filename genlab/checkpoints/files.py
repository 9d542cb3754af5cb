"""Files of plain data written by `torch.save`: read without executing anything, and checked for damage."""

import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import torch

from genlab.errors import GenlabError
from genlab.regular import require_regular


def plain_data(path: Path) -> Any:
    """Read a file of `torch.save` on the CPU: plain data with tensors, whose checksums are verified.

    Raises:
        GenlabError: for a file that is missing, damaged, something else, or holds objects.
    """
    try:
        require_regular(path)
        path.open("rb").close()
    except FileNotFoundError:
        raise GenlabError(
            f"there is no checkpoint {path}; give the path of a run's folder or of a .ckpt file"
        ) from None
    except OSError as error:
        raise GenlabError(f"{path} cannot be read: {error.strerror}") from None
    try:
        with ThreadPoolExecutor(1) as aside:  # zlib releases the GIL
            damaged = aside.submit(damaged_entry, path)
            content = torch.load(path, map_location="cpu", weights_only=True)
        entry = damaged.result()
    except MemoryError:
        raise
    except Exception:  # bytes that are not a pickle are interpreted as one, and raise almost anything
        raise GenlabError(
            f"{path} cannot be opened as a checkpoint of plain data; it is damaged, not a checkpoint, or holds objects"
        ) from None
    require_undamaged(path, entry)
    return content


def damaged_entry(path: Path) -> str | None:
    """Find the first entry of a zip archive whose checksum (CRC-32) is wrong; None if all are right.

    This takes half a second for 1 GB, about as long as reading it; in parallel, both take no longer than one.
    """
    with zipfile.ZipFile(path) as archive:
        return archive.testzip()


def require_undamaged(path: Path, entry: str | None) -> None:
    """Raise GenlabError if a checkpoint has a `damaged_entry`."""
    if entry is not None:
        raise GenlabError(f"{path} is damaged: the checksum of its {entry} is wrong; use another checkpoint")
