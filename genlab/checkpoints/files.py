"""Files of plain data, as `torch.save` writes them: read without executing anything, and found to be undamaged."""

import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import torch

from genlab.errors import GenlabError
from genlab.regular import require_regular


def plain_data(path: Path) -> Any:
    """Read what `torch.save` wrote, on the CPU: plain data with tensors, once its checksums are found to be right.

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
        with ThreadPoolExecutor(1) as aside:  # zlib reads without Python's lock
            damaged = aside.submit(damaged_entry, path)
            content = torch.load(path, map_location="cpu", weights_only=True)
        entry = damaged.result()
    except MemoryError:
        raise
    except Exception:  # bytes that are no pickle are obeyed as if they were, and raise almost anything
        raise GenlabError(
            f"{path} cannot be opened as a checkpoint of plain data; it is damaged, something else, or holds objects"
        ) from None
    require_undamaged(path, entry)
    return content


def damaged_entry(path: Path) -> str | None:
    """Find the first entry of a zip archive whose checksum (CRC-32) is wrong, or None when all are right.

    It takes half a second for 1 GB, about as long as reading it, and no longer than that when both run side by side.
    """
    with zipfile.ZipFile(path) as archive:
        return archive.testzip()


def require_undamaged(path: Path, entry: str | None) -> None:
    """Raise GenlabError when a checkpoint has a `damaged_entry`."""
    if entry is not None:
        raise GenlabError(f"{path} is damaged: the checksum of its {entry} is wrong; take another checkpoint")
