"""Downloads of files: from several sources, resumable, checked before use."""

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
"""Seconds to wait for an answer before giving up on a source."""
BLOCK = 1 << 20
"""Bytes to read at a time."""


@dataclass(frozen=True)
class RemoteFile:
    """A file on the web, with several sources.

    Args:
        path: its path in the folder of data sets.
        urls: its sources, in the order in which they are tried.
        magic: its first bytes; anything else, such as a page about an exceeded quota, is rejected.
        md5: checksum of the whole file, if known.
    """

    path: str
    urls: tuple[str, ...]
    magic: bytes
    md5: str | None = None


def google_drive(file_id: str) -> str:
    """Return the direct address of a public file, which skips Google's virus-scan page."""
    return f"https://drive.usercontent.google.com/download?id={file_id}&export=download&confirm=t"


def fetch(remote: RemoteFile, folder: Path) -> Path:
    """Download a file into the folder of data sets if it is missing, and return its path.

    An interrupted download is resumed. A file that already exists is used as it is.

    Args:
        remote: the file.
        folder: the folder of data sets.

    Raises:
        GenlabError: when no source provides the file (lists all that were tried), or when its path is not a regular
            file.
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
                # one source may resume what another began only with a checksum, which reveals if their files differ
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
        f"run again to resume, put the file at {target} by hand, "
        "or set GENLAB_DATA_DIR to the folder of data sets that has it"
    )


def _download(url: str, part: Path, remote: RemoteFile) -> None:
    """Download the rest of a partial file; after an error, the part so far is kept for the next try.

    Raises:
        OSError: when the source cannot be reached.
        http.client.HTTPException: when its answer is broken.
        ValueError: when it answers with something else, or with an incomplete file.
    """
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
                return  # the file is already complete
            part.unlink()
            raise ValueError(f"it has {whole} bytes, not the {have:,} downloaded before") from None
        raise
    with response:
        resumed = response.status == http.HTTPStatus.PARTIAL_CONTENT
        if resumed and not (response.headers.get("Content-Range") or "").startswith(f"bytes {have}-"):
            raise ValueError(f"it answered with a part that does not begin at byte {have:,}")
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
    """Check a downloaded file, and delete it if it is not the expected one.

    Raises:
        ValueError: if its first bytes or its checksum differ.
    """
    with part.open("rb") as file:
        begins = file.read(len(remote.magic))
        file.seek(0)
        md5 = hashlib.file_digest(file, "md5").hexdigest()
    if begins != remote.magic or remote.md5 not in (None, md5):
        part.unlink()
        raise ValueError(_not_it(begins) if begins != remote.magic else f"its MD5 is {md5}, not {remote.md5}")


def _not_it(begins: bytes) -> str:
    return "a web page came instead of the file" if begins.lstrip()[:1] == b"<" else f"it begins with {begins[:8]!r}"
