"""Files from the web: from several sources, resumable, checked before they are used; and archives, unpacked safely."""

import hashlib
import http
import http.client
import lzma
import shutil
import tarfile
import urllib.error
import urllib.request
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Self

from tqdm import tqdm

from genlab.data.places import lock_for
from genlab.errors import GenlabError
from genlab.regular import irregular

TIMEOUT = 30
"""Seconds without an answer after which a source is given up."""
BLOCK = 1 << 20
"""Bytes that are read at a time."""
GROWTH = 100
"""Largest ratio of the content's size to the archive's; images are compressed already."""
ALWAYS = 1 << 30
"""Bytes that the content of any archive may have."""
CLUSTER = 4096
"""Bytes that a file takes at least."""
IN_MEMORY = (
    tarfile.XHDTYPE,
    tarfile.XGLTYPE,
    tarfile.SOLARIS_XHDTYPE,
    tarfile.GNUTYPE_LONGNAME,
    tarfile.GNUTYPE_LONGLINK,
)
"""Kinds of a tar archive's members that say something of others, and are read whole."""


@dataclass(frozen=True)
class RemoteFile:
    """A file that several places on the web have.

    Args:
        path: where it belongs in the folder of data sets.
        urls: its sources, in the order in which they are tried.
        magic: its first bytes; what begins otherwise, such as a page that says that a quota is exceeded, is not taken.
        md5: the checksum of the whole, where it is known.
    """

    path: str
    urls: tuple[str, ...]
    magic: bytes
    md5: str | None = None


def google_drive(file_id: str) -> str:
    """The address that gives a public file itself, not a page that asks about viruses."""
    return f"https://drive.usercontent.google.com/download?id={file_id}&export=download&confirm=t"


def fetch(remote: RemoteFile, folder: Path) -> Path:
    """The path of a remote file in the folder of data sets, downloaded when it is not there.

    An interrupted download goes on where it stopped. A file that lies there already is taken as it is.

    Raises GenlabError, which lists all that was tried, when no source gives the file, and for something there that is
    no file.
    """
    target = folder / remote.path
    failures = []
    try:
        if kind := irregular(target):
            raise GenlabError(f"{target} cannot be used: {kind}, not a regular file; move it away")
        if target.exists():
            return target
        target.parent.mkdir(parents=True, exist_ok=True)
        with lock_for(target):
            if target.exists():  # another process was faster
                return target
            for number, url in enumerate(remote.urls):
                # what one source began another may go on with only when a checksum tells whether it fits
                part = target.with_name(f"{target.name}.part" if remote.md5 else f"{target.name}.{number}.part")
                try:
                    _download(url, part, remote)
                    _check(part, remote)
                except (OSError, http.client.HTTPException, ValueError) as error:
                    failures.append(f"{url} ({' '.join(str(error).split())})")
                else:
                    part.rename(target)
                    return target
    except OSError as error:
        raise GenlabError(f"cannot write to {target.parent}: {error.strerror or error}") from None
    raise GenlabError(
        f"{target.name} could not be downloaded from any of {len(failures)} sources: {'; '.join(failures)}; "
        f"run again to go on, put the file at {target} by hand, "
        "or set GENLAB_DATA_DIR to the folder of data sets that has it"
    )


def _download(url: str, part: Path, remote: RemoteFile) -> None:
    """Bring a partial file to its full length; raises an error that leaves what there is of it for the next try."""
    have = part.stat().st_size if part.exists() else 0
    request = urllib.request.Request(url, headers={"User-Agent": "genlab"})
    if have:
        request.add_header("Range", f"bytes={have}-")
    try:
        response = urllib.request.urlopen(request, timeout=TIMEOUT)
    except urllib.error.HTTPError as error:
        if have and error.code == http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            whole = (error.headers.get("Content-Range") or f"bytes */{have}").removeprefix("bytes */")
            if whole == str(have):
                return  # there is no more
            part.unlink()
            raise ValueError(f"it has {whole} bytes, not the {have:,} that were kept of it") from None
        raise
    with response:
        resumed = response.status == http.HTTPStatus.PARTIAL_CONTENT
        if resumed and not (response.headers.get("Content-Range") or "").startswith(f"bytes {have}-"):
            raise ValueError(f"it answered with another part than that from byte {have:,} on")
        length = response.headers.get("Content-Length")
        total = int(length) + have * resumed if length else None
        block = response.read(BLOCK)
        if not resumed and not block.startswith(remote.magic):
            raise ValueError(_not_it(block))
        with (
            part.open("ab" if resumed else "wb") as file,
            tqdm(
                desc=f"Downloading {part.stem}",
                total=total,
                initial=have * resumed,
                unit="B",
                unit_scale=True,
                unit_divisor=1024,
            ) as bar,
        ):
            while block:
                file.write(block)
                bar.update(len(block))
                block = response.read(BLOCK)
    if total is not None and part.stat().st_size < total:
        raise ValueError(f"the connection ended after {part.stat().st_size:,} of {total:,} bytes")


def _check(part: Path, remote: RemoteFile) -> None:
    """Raise ValueError, and delete the file, when it is not what it should be."""
    with part.open("rb") as file:
        begins = file.read(len(remote.magic))
        file.seek(0)
        md5 = hashlib.file_digest(file, "md5").hexdigest()
    if begins != remote.magic or remote.md5 not in (None, md5):
        part.unlink()
        raise ValueError(_not_it(begins) if begins != remote.magic else f"its MD5 is {md5}, not {remote.md5}")


def _not_it(begins: bytes) -> str:
    return "a web page came instead of the file" if begins.lstrip()[:1] == b"<" else f"it begins with {begins[:8]!r}"


def unpack(archive: Path, folder: Path) -> None:
    """Unpack a zip or tar archive into a new folder, whole or not at all.

    A folder of that name at the archive's top is the folder itself.

    Raises GenlabError for an archive that is broken, encrypted or compressed by an unknown method, that would write
    outside of the folder, or more than fits on the disk or than an archive of images holds.
    """
    part = folder.with_name(f"{folder.name}.part")
    shutil.rmtree(part, ignore_errors=True)  # of an interruption
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
        raise GenlabError(f"{archive} is not unpacked, for it would write outside of its folder: {error}") from None
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
    """A tar archive's member, of a limited size where it is read into memory."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self:
        member = super().frombuf(buf, encoding, errors)
        if member.type in IN_MEMORY and member.size > BLOCK:
            raise tarfile.ReadError(f"a header of {member.size:,} bytes")
        return member


class _Room:
    """Disk space that an archive's content may still take."""

    def __init__(self, archive: Path, folder: Path) -> None:
        self.archive = archive
        self.limit = min(max(ALWAYS, GROWTH * archive.stat().st_size), shutil.disk_usage(folder).free)
        self.left = self.limit

    def take(self, size: int) -> None:
        """Count a file; raises GenlabError when it is too much."""
        self.left -= max(size, CLUSTER)
        if self.left < 0:
            raise GenlabError(
                f"{self.archive} is not unpacked, for its content is larger than {self.limit / 1e9:.1f} GB: that does "
                f"not fit on the disk, or is more than {GROWTH} times the archive"
            )

    def member(self, member: tarfile.TarInfo, path: str) -> tarfile.TarInfo | None:
        """Count a tar archive's member before it is written, and have it checked as by the filter "data"."""
        self.take(member.size)
        return tarfile.data_filter(member, path)


def _unpack_zip(archive: Path, folder: Path, room: _Room) -> None:
    with zipfile.ZipFile(archive) as opened:
        for info in opened.infolist():
            name = info.filename
            room.take(info.file_size)
            path = PurePosixPath(name.replace("\\", "/"))
            if path.is_absolute() or ".." in path.parts:
                raise GenlabError(f"{archive} is not unpacked, for it would write outside of its folder: {name}")
        opened.extractall(folder)
