"""Downloads from a server of our own, with its bad days; and archives that want out."""

import contextlib
import hashlib
import http.server
import io
import os
import shutil
import subprocess
import sys
import tarfile
import threading
import tracemalloc
import urllib.request
import zipfile
from pathlib import Path
from types import SimpleNamespace
from typing import ClassVar

import pytest

import genlab
from genlab.data import FolderDomains, SideBySidePairs, archives, downloads
from genlab.data.celeba_files import IMAGES
from genlab.data.downloads import RemoteFile, fetch, google_drive, unpack

from .pictures import write_images
from .test_files import set_in_headers

CONTENT = b"PK\x03\x04" + bytes(range(256)) * 20_000
MD5 = hashlib.md5(CONTENT).hexdigest()
PAGE = b"<!DOCTYPE html><html>Quota exceeded</html>"


NO_RANGES = ("/no-ranges", "/page")
PARTS = {"/other-part": "bytes 5-{end}/{all}", "/unsaid-part": None}
"""What they say of a part that was not asked for; others say what it is."""


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
        with contextlib.suppress(ConnectionError):  # of a client that has seen enough
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


def test_an_interrupted_download_goes_on_where_it_stopped(server):
    with pytest.raises(genlab.GenlabError, match="ended after 2,000,000 of 5,120,004 bytes.*run again to go on"):
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
    with pytest.raises(genlab.GenlabError, match="answered with another part than that from byte 1,000 on"):
        fetch(remote(server, odd, md5=None), Path("data"))
    assert part.read_bytes() == CONTENT[:1000]
    assert not FILE.exists()


def test_more_than_the_whole_file_is_not_the_whole_file(server):
    part = FILE.with_name("file.zip.0.part")
    part.parent.mkdir(parents=True)
    part.write_bytes(CONTENT + b"more")
    with pytest.raises(genlab.GenlabError, match="it has 5120004 bytes, not the 5,120,008 that were kept of it"):
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


def zip_with(*names):
    with zipfile.ZipFile("archive.zip", "w") as archive:
        for name in names:
            archive.writestr(name, "content")
    return Path("archive.zip")


def tar_with(*members):
    with tarfile.open("archive.tar.gz", "w:gz") as archive:
        for name, link in members:
            member = tarfile.TarInfo(name)
            if link:
                member.type, member.linkname = tarfile.SYMTYPE, link
                archive.addfile(member)
            else:
                member.size = 7
                archive.addfile(member, io.BytesIO(b"content"))
    return Path("archive.tar.gz")


@pytest.mark.parametrize("name", ["../evil", "a/../../evil", "/evil", "..\\evil"])
def test_a_zip_that_leaves_its_folder_is_refused(name):
    before = set(Path.cwd().parent.iterdir())
    with pytest.raises(genlab.GenlabError, match=r"archive.zip is not unpacked, for it would write outside .*evil"):
        unpack(zip_with("good", name), Path("set"))
    assert not Path("set").exists()
    assert {path.name for path in Path.cwd().iterdir()} == {"archive.zip"}
    assert set(Path.cwd().parent.iterdir()) == before


@pytest.mark.parametrize(
    "members", [[("../evil", None)], [("link", "/etc"), ("link/evil", None)], [("link", "../.."), ("link/x", None)]]
)
def test_a_tar_that_leaves_its_folder_is_refused(members):
    with pytest.raises(genlab.GenlabError, match="is not unpacked, for it would write outside of its folder"):
        unpack(tar_with(*members), Path("set"))
    assert {path.name for path in Path.cwd().iterdir()} == {"archive.tar.gz"}


@pytest.mark.parametrize("names", [("set/train/1", "set/test/1"), ("train/1", "test/1")])
def test_archives_are_unpacked_with_or_without_a_folder_of_their_name(names):
    unpack(zip_with(*names), Path("set"))
    assert Path("set/train/1").read_text() == "content"
    unpack(tar_with(*((name.replace("set/", "other/"), None) for name in names)), Path("other"))
    assert Path("other/test/1").read_text() == "content"
    assert not list(Path.cwd().glob("*.part"))


def test_of_two_processes_one_unpacks():
    write_images(Path("source/horse2zebra/trainA"), 300)
    Path("data").mkdir()
    with zipfile.ZipFile("data/horse2zebra.zip", "w") as archive:
        for path in Path("source/horse2zebra").rglob("*.jpg"):
            archive.write(path, path.relative_to("source"))
    code = (
        "from pathlib import Path; from genlab.data.archives import download_missing as d; d(Path('data/horse2zebra'))"
    )
    processes = [subprocess.Popen([sys.executable, "-c", code]) for _ in range(2)]
    assert [process.wait(120) for process in processes] == [0, 0]
    assert len(list(Path("data/horse2zebra/trainA").iterdir())) == 300


def test_broken_archives_are_said():
    Path("broken.zip").write_bytes(zip_with("a", "b").read_bytes()[:-30])
    Path("broken.tar.gz").write_bytes(tar_with(("a", None)).read_bytes()[:-20])
    for name in ("broken.zip", "broken.tar.gz"):
        with pytest.raises(genlab.GenlabError, match=f"{name} is broken .*delete it to have it downloaded again"):
            unpack(Path(name), Path("set"))
    assert not Path("set").exists()


def bomb(ending: str, size: int, count: int = 1) -> Path:
    path = Path(f"bomb.{ending}")
    if ending == "zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for number in range(count):
                archive.writestr(str(number), bytes(size))
    else:
        with tarfile.open(path, "w:gz") as archive:
            for number in range(count):
                member = tarfile.TarInfo(str(number))
                member.size = size
                archive.addfile(member, io.BytesIO(bytes(size)))
    return path


@pytest.mark.parametrize("ending", ["zip", "tar.gz"])
@pytest.mark.parametrize(("size", "count"), [(3_000_000, 1), (0, 1000), (100_000, 30)])
def test_archives_that_become_far_larger_are_not_unpacked(ending, size, count, monkeypatch):
    path = bomb(ending, size, count)
    monkeypatch.setattr(downloads, "ALWAYS", 2_000_000)
    monkeypatch.setattr(downloads, "GROWTH", 2)
    with pytest.raises(genlab.GenlabError, match=f"{path} is not unpacked, for its content is larger than 0.0 GB"):
        unpack(path, Path("set"))
    assert [each.name for each in Path.cwd().iterdir()] == [path.name]
    monkeypatch.setattr(downloads, "GROWTH", 10_000)
    unpack(path, Path("set"))
    assert len(list(Path("set").iterdir())) == count


@pytest.mark.parametrize("kind", downloads.IN_MEMORY)
def test_a_large_header_of_a_tar_is_not_read(kind):
    with tarfile.open("archive.tar.gz", "w:gz") as archive:
        member = tarfile.TarInfo("header")
        member.type, member.size = kind, 20_000_000
        archive.addfile(member, io.BytesIO(bytes(member.size)))
    tracemalloc.start()
    with pytest.raises(genlab.GenlabError, match="archive.tar.gz is broken .*a header of 20,000,000 bytes"):
        unpack(Path("archive.tar.gz"), Path("set"))
    assert tracemalloc.get_traced_memory()[1] < 10_000_000
    tracemalloc.stop()


@pytest.mark.parametrize("ending", ["zip", "tar.gz"])
def test_archives_that_do_not_fit_on_the_disk_are_not_unpacked(ending, monkeypatch):
    path = bomb(ending, 100_000)
    monkeypatch.setattr("shutil.disk_usage", lambda folder: SimpleNamespace(free=90_000))
    with pytest.raises(genlab.GenlabError, match=f"{path} is not unpacked, .* does not fit on the disk"):
        unpack(path, Path("set"))
    assert [each.name for each in Path.cwd().iterdir()] == [path.name]


@pytest.mark.parametrize(("place", "value", "told"), [(2, 1, "encrypted"), (4, 99, "method is not supported")])
def test_zip_archives_that_python_cannot_unpack_are_one_line(place, value, told):
    path = zip_with("a", "b")
    path.write_bytes(set_in_headers(bytearray(path.read_bytes()), place, value))
    with pytest.raises(genlab.GenlabError, match=f"archive.zip cannot be unpacked: .*{told}.*; unpack it to set by"):
        unpack(path, Path("set"))
    assert not Path("set").exists()


@pytest.mark.parametrize("pack", [lambda: zip_with("a", "b"), lambda: tar_with(("a", None), ("b", "a"))])
def test_any_broken_archive_is_unpacked_or_one_line(pack):
    path = pack()
    content = path.read_bytes()
    for at in range(len(content)):
        broken = bytearray(content)
        broken[at] ^= 1 << at % 8
        path.write_bytes(broken)
        try:
            unpack(path, Path("set"))
        except genlab.GenlabError as error:
            assert "\n" not in str(error)  # noqa: PT017
        shutil.rmtree("set", ignore_errors=True)


def test_data_sets_of_the_papers_are_downloaded_by_name(monkeypatch):
    write_images(Path("source/facades/train"), 10, size=(16, 8))
    write_images(Path("source/facades/test"), 2, size=(16, 8))
    for folder in ("trainA", "trainB", "testA", "testB"):
        write_images(Path("source/horse2zebra") / folder, 5)
    with tarfile.open("facades.tar.gz", "w:gz") as archive:
        archive.add("source/facades", "facades")
    with zipfile.ZipFile("horse2zebra.zip", "w") as archive:
        for path in Path("source/horse2zebra").rglob("*.jpg"):
            archive.write(path, path.relative_to("source"))
    asked = []

    def urlopen(request, timeout):
        asked.append(request.full_url)
        response = io.BytesIO(Path(request.full_url.rpartition("/")[2]).read_bytes())
        response.status, response.headers = 200, {}
        return response

    monkeypatch.setattr(urllib.request, "urlopen", urlopen)
    for data in (
        SideBySidePairs("facades", data_dir="data", image_size=8),
        FolderDomains("horse2zebra", data_dir="data", image_size=8),
    ):
        data.prepare_data()
        data.setup()
        assert len(data.test_set) > 1
    assert asked == [
        f"https://{archives.BERKELEY}/pix2pix/datasets/facades.tar.gz",
        f"https://{archives.BERKELEY}/cyclegan/datasets/horse2zebra.zip",
    ]
