"""Files that are written completely or not at all, by any number of writers, and only in place of regular files."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

import genlab
from genlab import atomic
from genlab.atomic import must_be_free, whole_file, whole_folder
from genlab.cli import main

OUT = Path("out.txt")


def write(path: Path, text: str) -> None:
    with whole_file(path) as part:
        part.write_text(text)


def names(folder: str = ".") -> list[str]:
    return sorted(path.name for path in Path(folder).iterdir())


def test_two_writers_of_one_file_do_not_disturb_each_other():
    with whole_file(OUT) as one, one.open("w") as first:
        first.write("first, ")
        first.flush()
        with whole_file(OUT) as other:
            other.write_text("second")
        assert OUT.read_text() == "second"
        first.write("all of it")
    assert OUT.read_text() == "first, all of it"
    assert names() == ["out.txt"]


def test_a_failure_leaves_the_file_before_and_nothing_else():
    write(OUT, "before")

    def fail(error: Exception) -> None:
        with whole_file(OUT) as part:
            part.write_text("half")
            raise error

    with pytest.raises(ZeroDivisionError):
        fail(ZeroDivisionError())
    with pytest.raises(genlab.GenlabError, match="out.txt cannot be written: no room"):
        fail(OSError(28, "no room"))
    assert OUT.read_text() == "before"
    assert names() == ["out.txt"]


def killed_while_writing() -> None:
    code = (
        "import os, pathlib, genlab.atomic as o\n"
        "with o.whole_file(pathlib.Path('out.txt')) as part, o.whole_folder(pathlib.Path('new')) as folder:\n"
        "    part.write_text('half'), (folder / 'inside').write_text('half')\n"
        f"    os.kill(os.getpid(), {int(signal.SIGKILL)})"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == -signal.SIGKILL


def test_what_a_killed_process_left_is_removed_once_it_is_old(monkeypatch):
    killed_while_writing()
    left = names()
    assert len(left) == 2
    assert all(name.startswith(".genlab-") and name.endswith(".part") for name in left)
    atomic._remove_stale.cache_clear()
    write(OUT, "whole")
    assert names() == [*left, "out.txt"]  # another process may still be writing them
    for path in (*Path.cwd().iterdir(), *Path.cwd().glob("*/inside")):
        os.utime(path, (0, 0))
    Path(".genlab-mine.txt").touch()
    atomic._remove_stale.cache_clear()
    write(OUT, "whole")
    assert names() == [".genlab-mine.txt", "out.txt"]


def test_a_folder_that_is_being_filled_is_not_taken_for_an_old_one():
    with whole_folder(Path("new")) as part:
        (part / "inside").write_text("text")
        os.utime(part, (0, 0))
        atomic._remove_stale.cache_clear()
        write(OUT, "text")
    assert names("new") == ["inside"]


def test_a_link_stays_and_what_it_leads_to_is_replaced():
    Path("far").mkdir()
    write(Path("far/real.txt"), "before")
    for link, target in (("one", "far/real.txt"), ("two", "one"), ("dangling", "far/new.txt")):
        Path(link).symlink_to(target)
        write(Path(link), link)
        assert Path(link).is_symlink()
    assert (Path("far/real.txt").read_text(), Path("far/new.txt").read_text()) == ("two", "dangling")
    assert names("far") == ["new.txt", "real.txt"]


def make_irregular(kind: str, path: Path) -> None:
    if kind == "a FIFO":
        os.mkfifo(path)
    elif kind == "a socket":
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(path))
    elif kind == "a folder":
        path.mkdir()
    else:
        path.symlink_to("/dev/null")


@pytest.mark.parametrize("linked", [False, True])
@pytest.mark.parametrize("kind", ["a FIFO", "a socket", "a folder", "a device"])
def test_what_is_no_regular_file_is_never_replaced(kind, linked):
    make_irregular(kind, Path("it"))
    path = Path("link" if linked else "it")
    if linked:
        path.symlink_to("it")
    before = path.stat()
    for attempt in (lambda: must_be_free(path, True), lambda: write(path, "text")):
        with pytest.raises(genlab.GenlabError, match=f"^{path} is {kind}; give the name of a file$"):
            attempt()
    assert (path.stat().st_ino, path.stat().st_mode) == (before.st_ino, before.st_mode)
    assert names() == sorted({"it", path.name})


@pytest.mark.parametrize(
    ("path", "told"), [("loop", "Too many levels"), ("x" * 300, "File name too long"), ("file/a", "Not a directory")]
)
def test_a_path_that_cannot_be_is_said_before_any_work(path, told):
    Path("loop").symlink_to("loop")
    Path("file").touch()
    for attempt in (lambda: must_be_free(Path(path), True), lambda: write(Path(path), "text")):
        with pytest.raises(genlab.GenlabError, match=f"{path} cannot be written: {told}"):
            attempt()


def test_no_command_replaces_a_fifo_with_force(run, refused):
    os.mkfifo("pipe.png")
    for command in ("sample", "latent"):
        told = refused(command, "--ckpt", str(run), "--out", "pipe.png", "--force")
        assert told == "genlab: pipe.png is a FIFO; give the name of a file"
    assert Path("pipe.png").is_fifo()


def test_permissions_are_those_of_the_file_before_or_what_the_umask_leaves(run):
    umask = os.umask(0o027)
    try:
        write(OUT, "new")
        assert OUT.stat().st_mode & 0o777 == 0o640
        OUT.chmod(0o604)
        write(OUT, "again")
        assert OUT.stat().st_mode & 0o777 == 0o604
        main(["sample", "--ckpt", str(run), "--out", "a.png"])
        assert Path("a.png").stat().st_mode & 0o777 == 0o640
        with whole_folder(Path("new")):
            pass
        assert Path("new").stat().st_mode & 0o777 == 0o750
    finally:
        os.umask(umask)


def test_a_folder_is_replaced_where_that_is_asked_for_and_else_as_it_was(monkeypatch):
    Path("new").mkdir()
    write(Path("new/before"), "text")

    def refuse_new_name(path: Path, target: Path) -> Path:
        if path.joinpath("after").exists():
            raise PermissionError(13, "Permission denied")
        return path.replace(target)

    def replaced() -> None:
        with whole_folder(Path("new"), replace=True) as part:
            write(part / "after", "text")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", refuse_new_name)
        with pytest.raises(genlab.GenlabError, match="new cannot be written: Permission denied"):
            replaced()
    assert (names("new"), names()) == (["before"], ["new"])
    replaced()
    assert (names("new"), names()) == (["after"], ["new"])


def test_a_folder_is_whole_or_not_there_and_never_replaced():
    def fail() -> None:
        with whole_folder(Path("new")) as part:
            (part / "inside").touch()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert names() == []
    Path("dangling").symlink_to("nowhere")
    Path("there").mkdir()
    for name in ("dangling", "there", "."):
        with pytest.raises(genlab.GenlabError, match="already exists; give another name"), whole_folder(Path(name)):
            raise AssertionError
