"""Downloads from a local server that misbehaves."""

import contextlib
import hashlib
import http.server
import os
import threading
from pathlib import Path
from typing import ClassVar

import pytest

import genlab
from genlab.data.files.celeba_files import IMAGES
from genlab.data.files.downloads import RemoteFile, fetch, google_drive

CONTENT = b"PK\x03\x04" + bytes(range(256)) * 20_000
MD5 = hashlib.md5(CONTENT).hexdigest()
PAGE = b"<!DOCTYPE html><html>Quota exceeded</html>"


NO_RANGES = ("/no-ranges", "/page")
PARTS = {"/other-part": "bytes 5-{end}/{all}", "/unsaid-part": None}
"""What the server says of a part that was not requested; other paths state the right part."""


class Handler(http.server.BaseHTTPRequestHandler):
    """/good, /page (a quota page), /short (ends early once), /wrong (other content), /missing."""

    asked: ClassVar[list[tuple[str, str | None]]] = []

    def do_GET(self):
        wanted = self.headers.get("Range")
        self.asked.append((self.path, wanted))
        if self.path == "/missing":
            return self.send_error(404)
        content = {"/page": PAGE, "/wrong": CONTENT[:-1] + b"!"}.get(self.path, CONTENT)
        start = int(wanted.removeprefix("bytes=").removesuffix("-")) if wanted and self.path not in NO_RANGES else 0
        if start >= len(content):
            self.send_response(416)
            self.send_header("Content-Range", f"bytes */{len(content)}")
            self.end_headers()
            return None
        self.send_response(206 if start else 200)
        said = PARTS.get(self.path, f"bytes {start}-{{end}}/{{all}}")
        if start and said:
            self.send_header("Content-Range", said.format(end=len(content) - 1, all=len(content)))
        self.send_header("Content-Length", str(len(content) - start))
        self.end_headers()
        end = 2_000_000 if self.path == "/short" and not start else len(content)
        with contextlib.suppress(ConnectionError):  # the client may have seen enough
            self.wfile.write(content[start:end])
        return None

    def log_message(self, *arguments):
        pass


@pytest.fixture
def server():
    Handler.asked.clear()
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown()


def remote(server, *names, md5=MD5):
    return RemoteFile("set/file.zip", tuple(f"{server}/{name}" for name in names), b"PK\x03\x04", md5)


FILE = Path("data/set/file.zip")


def test_a_good_source_gives_the_file(server):
    assert fetch(remote(server, "good"), Path("data")) == FILE
    assert FILE.read_bytes() == CONTENT
    assert not list(FILE.parent.glob("*.part"))


def test_a_file_that_is_there_is_taken_as_it_is(server):
    FILE.parent.mkdir(parents=True)
    FILE.write_text("mine")
    fetch(remote(server, "good"), Path("data"))
    assert FILE.read_text() == "mine"
    assert not Handler.asked


@pytest.mark.parametrize("bad", ["page", "missing", "wrong"])
def test_the_next_source_is_tried_after_a_bad_one(server, bad):
    fetch(remote(server, bad, "good"), Path("data"))
    assert FILE.read_bytes() == CONTENT
    assert [path for path, _ in Handler.asked] == [f"/{bad}", "/good"]


def test_an_interrupted_download_is_resumed(server):
    with pytest.raises(genlab.GenlabError, match="ended after 2,000,000 of 5,120,004 bytes.*run again to resume"):
        fetch(remote(server, "short"), Path("data"))
    assert not FILE.exists()
    fetch(remote(server, "short"), Path("data"))
    assert FILE.read_bytes() == CONTENT
    assert Handler.asked[-1] == ("/short", "bytes=2000000-")


def test_another_source_goes_on_where_the_first_stopped(server):
    fetch(remote(server, "short", "good"), Path("data"))
    assert FILE.read_bytes() == CONTENT
    assert Handler.asked[-1] == ("/good", "bytes=2000000-")


def test_a_quota_page_does_not_replace_what_is_there(server):
    part = FILE.with_name("file.zip.part")
    part.parent.mkdir(parents=True)
    part.write_bytes(CONTENT[:1000])
    with pytest.raises(genlab.GenlabError, match="a web page came instead of the file"):
        fetch(remote(server, "page"), Path("data"))
    assert part.read_bytes() == CONTENT[:1000]


@pytest.mark.parametrize("have", [len(CONTENT), 1000])
def test_whole_partial_files_and_servers_without_ranges(server, have):
    part = FILE.with_name("file.zip.part")
    part.parent.mkdir(parents=True)
    part.write_bytes(CONTENT[:have])
    fetch(remote(server, "good" if have > 1000 else "no-ranges"), Path("data"))
    assert FILE.read_bytes() == CONTENT


@pytest.mark.parametrize("odd", ["other-part", "unsaid-part"])
def test_a_part_that_does_not_continue_what_is_there_is_not_appended(server, odd):
    part = FILE.with_name("file.zip.0.part")
    part.parent.mkdir(parents=True)
    part.write_bytes(CONTENT[:1000])
    with pytest.raises(genlab.GenlabError, match="answered with a part that does not begin at byte 1,000"):
        fetch(remote(server, odd, md5=None), Path("data"))
    assert part.read_bytes() == CONTENT[:1000]
    assert not FILE.exists()


def test_more_than_the_whole_file_is_not_the_whole_file(server):
    part = FILE.with_name("file.zip.0.part")
    part.parent.mkdir(parents=True)
    part.write_bytes(CONTENT + b"more")
    with pytest.raises(genlab.GenlabError, match="it has 5120004 bytes, not the 5,120,008 downloaded before"):
        fetch(remote(server, "good", md5=None), Path("data"))
    fetch(remote(server, "good", md5=None), Path("data"))
    assert FILE.read_bytes() == CONTENT


@pytest.mark.parametrize("kind", [os.mkfifo, Path.mkdir, lambda path: path.symlink_to("/dev/zero")])
def test_what_is_no_file_is_not_taken_for_it(server, kind):
    FILE.parent.mkdir(parents=True)
    kind(FILE)
    with pytest.raises(genlab.GenlabError, match="file.zip cannot be used: a .*, not a regular file"):
        fetch(remote(server, "good"), Path("data"))
    assert not Handler.asked


def test_a_wrong_beginning_is_started_over(server):
    part = FILE.with_name("file.zip.part")
    part.parent.mkdir(parents=True)
    part.write_bytes(b"x" * 1000)
    fetch(remote(server, "good", "good"), Path("data"))
    assert FILE.read_bytes() == CONTENT


def test_one_error_lists_every_source_and_how_to_do_it_by_hand(server):
    with pytest.raises(genlab.GenlabError) as error:
        fetch(remote(server, "page", "missing", "wrong"), Path("data"))
    message = str(error.value)
    assert "\n" not in message
    for text in (
        "file.zip could not be downloaded from any of 3 sources",
        f"{server}/page (a web page came instead of the file)",
        f"{server}/missing (HTTP Error 404: Not Found)",
        f"{server}/wrong (its MD5 is ",
        "put the file at data/set/file.zip by hand",
        "GENLAB_DATA_DIR",
    ):
        assert text in message
    assert not FILE.exists()


def test_without_a_checksum_no_source_goes_on_with_what_another_began(server):
    fetch(remote(server, "short", "good", md5=None), Path("data"))
    assert FILE.read_bytes() == CONTENT
    assert Handler.asked[-1] == ("/good", None)


def test_without_a_checksum_the_first_bytes_are_checked(server):
    with pytest.raises(genlab.GenlabError, match="a web page came"):
        fetch(remote(server, "page", md5=None), Path("data"))
    fetch(remote(server, "good", md5=None), Path("data"))


def test_a_folder_that_cannot_be_written_is_said(server):
    Path("data").write_text("a file")
    with pytest.raises(genlab.GenlabError, match="cannot write to data/set: "):
        fetch(remote(server, "good"), Path("data"))
    if Path("/proc").exists():
        with pytest.raises(genlab.GenlabError, match="cannot write to /proc/genlab-set: |cannot write to /proc: "):
            fetch(RemoteFile("file.zip", (f"{server}/good",), b"PK"), Path("/proc"))


def test_celebas_zip_is_asked_of_google_without_its_page_about_viruses():
    assert IMAGES.urls[0] == google_drive("0B7EVK8r0v71pZjFTYXZWM3FlRnM")
    assert IMAGES.urls[0].startswith("https://drive.usercontent.google.com/download?id=0B7EVK8r0v71pZjFTYXZWM3FlRnM&")
