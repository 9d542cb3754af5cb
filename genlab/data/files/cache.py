"""Cache of decoded images in one memory-mapped file.

Decoding a JPEG costs a hundred times as much as copying its pixels. So the images of a folder or archive are decoded,
cropped and resized once, into a folder of the cache with two files: `images.npy`, uint8 (N, C, H, W), from which a
batch is read without the rest, and `about.json`. The folder's name contains a hash of the files and of their framing.

Both files' checksums are verified when a process first opens them, since a flipped bit would go unnoticed. That takes a
quarter of a second for 1 GB on two cores.
"""

import errno
import functools
import hashlib
import json
import os
import shutil
import warnings
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from tqdm import tqdm

from genlab.data.files.framing import Framing, attempt
from genlab.data.files.image_files import ImageFiles
from genlab.data.files.places import lock_for
from genlab.errors import GenlabError, counted, listed
from genlab.regular import read_regular, require_regular

FORMAT = 2
"""Version of the file format in a cache's folder; incremented when it changes."""
CHUNK = 512
"""Number of images that are decoded before they are written."""
BLOCK = 1 << 20
"""Bytes of the array that one checksum covers."""
LARGEST_ABOUT = 100_000_000
"""Maximum bytes of an `about.json`, which names each unreadable image."""


@dataclass(frozen=True)
class DecodedImages:
    """Decoded images in the order of their files; unreadable ones are black."""

    path: Path
    """The array (N, C, H, W), uint8, as a .npy file for memory-mapping."""
    files: ImageFiles
    unreadable: dict[str, str]
    """The error of each unreadable file, by its name."""

    @property
    def readable(self) -> Tensor:
        """Which images were decoded: (N,), bool."""
        return torch.tensor([name not in self.unreadable for name in self.files.names])


def decoded(files: ImageFiles, framing: Framing, cache: Path) -> DecodedImages:
    """Open the decoded images of files, decoding them into the cache first if necessary.

    One process decodes while others wait. Leftovers of an interrupted process are never read.

    Args:
        files: the image files.
        framing: how they are cropped and resized.
        cache: the folder of all decoded images.

    Raises:
        GenlabError: when the cache cannot be written or read.
    """
    key = hashlib.sha256(f"{files.fingerprint()} {framing}".encode()).hexdigest()[:16]
    _, height, width = framing.shape
    folder = cache / f"{files.place.stem}-{width}x{height}-{key}"
    try:
        found = _read(folder, files, framing)
        if found:
            return found
        cache.mkdir(parents=True, exist_ok=True)
        with lock_for(folder):
            return _read(folder, files, framing) or _build(folder, files, framing)
    except OSError as error:
        raise GenlabError(
            f"cannot keep decoded images in {cache}: {error.strerror or error}; {_size(files, framing) / 1e9:.2f} GB "
            "are needed: free them there, or name another folder with the environment variable GENLAB_CACHE_DIR"
        ) from None


def require_readable(*sets: DecodedImages) -> None:
    """Check that all images are readable.

    Raises:
        GenlabError: for unreadable images; names the first ones.
    """
    unreadable = [
        f"{content.files.place / name}: {why}" for content in sets for name, why in content.unreadable.items()
    ]
    if unreadable:
        raise GenlabError(
            f"{counted(len(unreadable), 'image')} cannot be used: {listed(unreadable, separator='; ')}; "
            "repair or delete them, or leave them out by setting skip_unreadable to true in the data's config"
        )


def _read(folder: Path, files: ImageFiles, framing: Framing) -> DecodedImages | None:
    """Read a cache's folder; None if the images must be decoded from scratch."""
    if not os.path.lexists(folder):
        return None
    images = folder / "images.npy"
    try:
        about = _read_about(folder / "about.json")
        require_regular(images)
        state = images.stat()
        if _checksum(images, state.st_size, state.st_mtime_ns, state.st_ino) != about["images"]:
            raise ValueError("images.npy is damaged")
    except PermissionError:
        raise
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        warnings.warn(f"the decoded images in {folder} cannot be used ({reason}); decoding from scratch", stacklevel=2)
        return None
    unreadable: dict[str, str] = about["unreadable"]
    if any(isinstance(_decode(files, framing, name), np.ndarray) for name in unreadable):
        return None  # the file has been repaired since
    return DecodedImages(images, files, unreadable)


def _read_about(path: Path) -> dict[str, Any]:
    """Read a description that `_write_about` wrote.

    Raises:
        OSError: for a file that cannot be read.
        ValueError: for a file with any other content.
    """
    try:
        about: dict[str, Any] = json.loads(read_regular(path, LARGEST_ABOUT))
        if about["format"] != FORMAT:
            raise ValueError("another version of genlab wrote it")
        if about.pop("checksum") != _checksum_of(about):
            raise TypeError
    except (KeyError, TypeError, AttributeError, RecursionError, json.JSONDecodeError, UnicodeDecodeError):
        raise ValueError("about.json is damaged") from None
    return about


def _write_about(path: Path, about: dict[str, Any]) -> None:
    path.write_text(json.dumps(about | {"checksum": _checksum_of(about)}, indent=1))


def _checksum_of(about: dict[str, Any]) -> int:
    return zlib.crc32(json.dumps(about, sort_keys=True).encode())


@functools.lru_cache
def _checksum(path: Path, size: int, changed: int, inode: int) -> int:
    """Return the CRC-32 of the CRC-32s of a file's blocks, which threads compute in parallel.

    The result is cached, so that a process reads a file again only if one of the arguments has changed.

    Args:
        path: the file.
        size: its size in bytes.
        changed: the time of its last change.
        inode: its inode number.
    """
    if not size:
        return 0
    content = np.memmap(path, np.uint8, mode="r")
    with ThreadPoolExecutor(os.cpu_count()) as threads:
        sums = threads.map(lambda start: zlib.crc32(content[start : start + BLOCK].data), range(0, size, BLOCK))
        return zlib.crc32(np.fromiter(sums, np.uint32).tobytes())


def _build(folder: Path, files: ImageFiles, framing: Framing) -> DecodedImages:
    free = shutil.disk_usage(folder.parent).free
    if _size(files, framing) > free:
        raise OSError(errno.ENOSPC, f"only {free / 1e9:.2f} GB are free")
    part = folder.with_name(f"{folder.name}.part")
    _remove(part)  # left by a process that was killed
    try:
        part.mkdir()
        unreadable = _write(part / "images.npy", files, framing)
        state = (part / "images.npy").stat()
        about = {
            "format": FORMAT,
            "source": str(files.place),
            "framing": asdict(framing),
            "unreadable": unreadable,
            "images": _checksum(part / "images.npy", state.st_size, state.st_mtime_ns, state.st_ino),
        }
        _write_about(part / "about.json", about)
        _remove(folder)  # it is unusable, or it would have been read
        part.rename(folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return DecodedImages(folder / "images.npy", files, unreadable)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _write(path: Path, files: ImageFiles, framing: Framing) -> dict[str, str]:
    """Write all images, and return what is wrong with unreadable ones, by name.

    Writes to an open file, which raises an error when the disk is full, unlike a memory map.
    """
    header = {"descr": "|u1", "fortran_order": False, "shape": (len(files.names), *framing.shape)}
    black = np.zeros(framing.shape, np.uint8)
    unreadable = {}
    shown = os.fsencode(files.place.name).decode(errors="replace")  # unlike a file name, printed text must be UTF-8
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, header)
        for name, image in tqdm(_decode_all(files, framing), f"Decoding {shown}", len(files.names), unit=" images"):
            if isinstance(image, str):
                unreadable[name] = image
            file.write((black if isinstance(image, str) else image).tobytes())
        file.flush()
        os.fsync(file.fileno())
    return unreadable


def _decode_all(files: ImageFiles, framing: Framing) -> Iterator[tuple[str, NDArray[np.uint8] | str]]:
    """Decode all files in parallel; yield, in order, each name with its image or with what is wrong with it."""
    with ThreadPoolExecutor(os.cpu_count()) as threads:  # Pillow releases the GIL to decode and resize
        for start in range(0, len(files.names), CHUNK):
            names = files.names[start : start + CHUNK]
            yield from zip(names, threads.map(partial(_decode, files, framing), names), strict=True)


def _decode(files: ImageFiles, framing: Framing, name: str) -> NDArray[np.uint8] | str:
    return attempt(lambda: framing.decode(files.read(name)))


def _size(files: ImageFiles, framing: Framing) -> int:
    return len(files.names) * int(np.prod(framing.shape))
