"""Unpacking of archives, completely or not at all, and never outside the target folder."""

import lzma
import shutil
import tarfile
import zipfile
import zlib
from pathlib import Path, PurePosixPath
from typing import Self

from genlab.errors import GenlabError

BLOCK = 1 << 20
"""Maximum bytes of a header that is read into memory."""
GROWTH = 100
"""Maximum ratio of the content's size to the archive's; images are already compressed."""
ALWAYS = 1 << 30
"""Bytes that the content of any archive may have, however small the archive is."""
CLUSTER = 4096
"""Minimum bytes that a file takes on a disk."""
IN_MEMORY = (
    tarfile.XHDTYPE,
    tarfile.XGLTYPE,
    tarfile.SOLARIS_XHDTYPE,
    tarfile.GNUTYPE_LONGNAME,
    tarfile.GNUTYPE_LONGLINK,
)
"""Types of tar members that describe other members and are read into memory."""


def unpack(archive: Path, folder: Path) -> None:
    """Unpack a zip or tar archive into a new folder, completely or not at all.

    If the archive has a folder of the same name at its top level, the content of that folder is unpacked.

    Args:
        archive: a .zip file, or a tar archive of any compression.
        folder: the new folder.

    Raises:
        GenlabError: for an archive that is broken, encrypted or compressed by an unknown method, or that would write
            outside the folder, more than fits on the disk, or more than an archive of images should hold.
    """
    part = folder.with_name(f"{folder.name}.part")
    shutil.rmtree(part, ignore_errors=True)  # left by a process that was killed
    try:
        part.mkdir(parents=True)
        room = _Room(archive, part)
        if archive.suffix == ".zip":
            _unpack_zip(archive, part, room)
        else:
            with tarfile.open(archive, tarinfo=_Member) as tar:
                tar.extractall(part, filter=room.member)
        inner = part / folder.name
        (inner if inner.is_dir() else part).rename(folder)
    except tarfile.FilterError as error:
        raise GenlabError(f"{archive} is not unpacked, because it would write outside of its folder: {error}") from None
    except RuntimeError as error:  # a zip archive is encrypted, or compressed by an unknown method
        raise GenlabError(f"{archive} cannot be unpacked: {error}; unpack it to {folder} by hand") from None
    except (zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, EOFError, ValueError) as error:
        raise GenlabError(
            f"{archive} is broken ({' '.join(str(error).split())}); delete it to have it downloaded again"
        ) from None
    except OSError as error:
        raise GenlabError(f"cannot unpack {archive} to {folder.parent}: {error.strerror or error}") from None
    finally:
        shutil.rmtree(part, ignore_errors=True)


class _Member(tarfile.TarInfo):
    """A member of a tar archive, with limited size if it is read into memory."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self:
        member = super().frombuf(buf, encoding, errors)
        if member.type in IN_MEMORY and member.size > BLOCK:
            raise tarfile.ReadError(f"a header of {member.size:,} bytes")
        return member


class _Room:
    """Disk space left for an archive's content."""

    def __init__(self, archive: Path, folder: Path) -> None:
        self.archive = archive
        self.limit = min(max(ALWAYS, GROWTH * archive.stat().st_size), shutil.disk_usage(folder).free)
        self.left = self.limit

    def take(self, size: int) -> None:
        """Take space for a file.

        Raises:
            GenlabError: when there is not enough.
        """
        self.left -= max(size, CLUSTER)
        if self.left < 0:
            raise GenlabError(
                f"{self.archive} is not unpacked, because its content exceeds {self.limit / 1e9:.1f} GB: that does "
                f"not fit on the disk, or is more than {GROWTH} times the archive"
            )

    def member(self, member: tarfile.TarInfo, path: str) -> tarfile.TarInfo | None:
        """Take space for a tar member before it is written, and apply tarfile's filter "data" to it."""
        self.take(member.size)
        return tarfile.data_filter(member, path)


def _unpack_zip(archive: Path, folder: Path, room: _Room) -> None:
    with zipfile.ZipFile(archive) as opened:
        for info in opened.infolist():
            name = info.filename
            room.take(info.file_size)
            path = PurePosixPath(name.replace("\\", "/"))
            if path.is_absolute() or ".." in path.parts:
                raise GenlabError(f"{archive} is not unpacked, because it would write outside of its folder: {name}")
        opened.extractall(folder)
