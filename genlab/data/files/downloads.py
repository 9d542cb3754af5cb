"""Files from the web: from several sources, resumable, checked before they are used."""

import hashlib
import http
import http.client
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

from genlab.data.files.places import lock_for
from genlab.errors import GenlabError
from genlab.regular import irregular

TIMEOUT = 30
"""Seconds without an answer after which a source is given up."""
BLOCK = 1 << 20
"""Bytes that are read at a time."""


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
