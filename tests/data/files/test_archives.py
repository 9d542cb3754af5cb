"""Archives that are unpacked, and some that try to write outside their folder."""

import io
import shutil
import tarfile
import tracemalloc
import zipfile
from pathlib import Path
from types import SimpleNamespace

import pytest

import genlab
from genlab.data.files import archives
from genlab.data.files.archives import unpack

from .test_image_files import set_in_headers


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
    with pytest.raises(genlab.GenlabError, match=r"archive.zip is not unpacked, because it would write outside .*evil"):
        unpack(zip_with("good", name), Path("set"))
    assert not Path("set").exists()
    assert {path.name for path in Path.cwd().iterdir()} == {"archive.zip"}
    assert set(Path.cwd().parent.iterdir()) == before


@pytest.mark.parametrize(
    "members", [[("../evil", None)], [("link", "/etc"), ("link/evil", None)], [("link", "../.."), ("link/x", None)]]
)
def test_a_tar_that_leaves_its_folder_is_refused(members):
    with pytest.raises(genlab.GenlabError, match="is not unpacked, because it would write outside of its folder"):
        unpack(tar_with(*members), Path("set"))
    assert {path.name for path in Path.cwd().iterdir()} == {"archive.tar.gz"}


@pytest.mark.parametrize("names", [("set/train/1", "set/test/1"), ("train/1", "test/1")])
def test_archives_are_unpacked_with_or_without_a_folder_of_their_name(names):
    unpack(zip_with(*names), Path("set"))
    assert Path("set/train/1").read_text() == "content"
    unpack(tar_with(*((name.replace("set/", "other/"), None) for name in names)), Path("other"))
    assert Path("other/test/1").read_text() == "content"
    assert not list(Path.cwd().glob("*.part"))


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
    monkeypatch.setattr(archives, "ALWAYS", 2_000_000)
    monkeypatch.setattr(archives, "GROWTH", 2)
    with pytest.raises(genlab.GenlabError, match=f"{path} is not unpacked, because its content exceeds 0.0 GB"):
        unpack(path, Path("set"))
    assert [each.name for each in Path.cwd().iterdir()] == [path.name]
    monkeypatch.setattr(archives, "GROWTH", 10_000)
    unpack(path, Path("set"))
    assert len(list(Path("set").iterdir())) == count


@pytest.mark.parametrize("kind", archives.IN_MEMORY)
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
