"""Image files in a folder or in a zip archive."""

import hashlib
import os
import struct
import warnings
import zipfile
from abc import ABC, abstractmethod
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path
from typing import Self

from PIL import Image
from torchvision.datasets.folder import IMG_EXTENSIONS

from genlab.errors import GenlabError
from genlab.regular import exists, is_folder, read_regular, require_regular

LARGEST = 8 * (Image.MAX_IMAGE_PIXELS or 2**27)
"""Maximum bytes of an image file: four for each pixel of the largest image that Pillow decodes."""


class ImageFiles(ABC):
    """Image files by name, in a fixed order.

    Args:
        place: the folder or archive.
        names: the files to use, as paths relative to the place, with forward slashes; by default all files with an
            image extension.

    Raises:
        GenlabError: for a place without images.
    """

    def __init__(self, place: Path, names: Iterable[str] | None = None) -> None:
        self.place = place
        self.names = tuple(self.found() if names is None else names)
        if not self.names:
            raise GenlabError(f"{place} holds no images ({', '.join(IMG_EXTENSIONS)})")

    @abstractmethod
    def found(self) -> Iterable[str]:
        """Find all files with an image extension."""

    @abstractmethod
    def read(self, name: str) -> bytes:
        """Read the content of a file."""

    @abstractmethod
    def fingerprint(self) -> str:
        """Return a hash of the files' names, sizes and modification times."""

    def only(self, names: Iterable[str]) -> Self:
        """Return a selection of only these files, in this order."""
        return type(self)(self.place, names)


class FolderFiles(ImageFiles):
    """The images in a folder and its subfolders, sorted by name."""

    def found(self) -> Iterable[str]:
        return _walk(self.place)

    def read(self, name: str) -> bytes:
        return read_regular(self.place / name, LARGEST)

    def fingerprint(self) -> str:
        entries = []
        for name in self.names:
            path = f"{self.place}/{name}"  # creating Paths would take seconds for 200,000 files
            try:
                state = os.stat(path)  # noqa: PTH116
                entries.append(f"{name} {state.st_size} {state.st_mtime_ns}")
            except OSError:  # such as a broken or circular link, which reading will report
                entries.append(name)
        return _hash(str(self.place.resolve()), *entries)


class ZipFiles(ImageFiles):
    """The images in a zip archive, read without unpacking it."""

    def found(self) -> Iterable[str]:
        try:
            require_regular(self.place)
            with zipfile.ZipFile(self.place) as archive:
                names = sorted(filter(is_image, archive.namelist()))
                for name in names[:1]:
                    archive.open(name).close()
        except OSError as error:
            raise GenlabError(f"{self.place} cannot be read: {error.strerror or error}") from None
        except RuntimeError as error:  # it is encrypted, or compressed by an unknown method
            raise GenlabError(f"{self.place} cannot be read: {error}; unpack it by hand") from None
        except (zipfile.BadZipFile, ValueError, struct.error):
            raise GenlabError(f"{self.place} is not a zip archive; delete it to have it downloaded again") from None
        return names

    @cached_property
    def archive(self) -> zipfile.ZipFile:
        """The open archive; several threads may read from it at once."""
        return zipfile.ZipFile(self.place)

    def read(self, name: str) -> bytes:
        info = self.archive.getinfo(name)
        if info.file_size > LARGEST:
            raise ValueError(f"more than {LARGEST / 1e6:,.0f} MB")
        with self.archive.open(info) as member:
            return member.read(info.file_size + 1)  # limits decompression even if the stated size is wrong

    def fingerprint(self) -> str:
        state = self.place.stat()
        return _hash(str(self.place.resolve()), f"{state.st_size} {state.st_mtime_ns}", *self.names)


def is_image(name: str) -> bool:
    """Return whether a file name has an image extension, and is not one of macOS's hidden files beside images."""
    return name.lower().endswith(IMG_EXTENSIONS) and not name.rpartition("/")[2].startswith("._")


def _walk(place: Path) -> list[str]:
    if exists(place) and not is_folder(place):
        raise GenlabError(f"{place} is neither a folder nor a zip archive; give the folder of the images")
    if not is_folder(place):
        raise GenlabError(
            f"there is no folder {place}; give a path or a name in the folder of data sets, where "
            "`genlab data prepare NAME` downloads some"
        )
    found, visited = [], set()
    for folder, subfolders, names in os.walk(place, followlinks=True, onerror=_leave_out):
        if os.path.realpath(folder) in visited:  # reached by a link
            subfolders.clear()
            continue
        visited.add(os.path.realpath(folder))
        subfolders[:] = sorted(name for name in subfolders if not name.startswith("."))
        inner = Path(folder).relative_to(place).as_posix()
        found += [name if inner == "." else f"{inner}/{name}" for name in names if is_image(name)]
    return sorted(found)


def _leave_out(error: OSError) -> None:
    warnings.warn(f"{error.filename} is left out, because it cannot be read: {error.strerror}", stacklevel=2)


def _hash(*parts: str) -> str:
    return hashlib.sha256(os.fsencode("\n".join(parts))).hexdigest()
