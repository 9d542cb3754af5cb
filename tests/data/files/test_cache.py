"""Images decoded once and read from then on; never half a file."""

import json
import os
import pickle
import shutil
import signal
import time
import warnings
import zipfile
from collections import namedtuple
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import genlab
from genlab.data.batches.tensors import ImageTensors
from genlab.data.files import cache
from genlab.data.files.cache import decoded, require_readable
from genlab.data.files.framing import Framing
from genlab.data.files.image_files import FolderFiles, ZipFiles

from ...processes import ended, running
from ..pictures import write_image, write_images

FRAMING = Framing((3, 8, 8))
Read = namedtuple("Read", "images readable")
BUILD = """
import sys, time
from pathlib import Path
from genlab.data.files import cache
from genlab.data.files.image_files import FolderFiles
from genlab.data.files.framing import Framing
decode = Framing.decode
def slowly(self, encoded):
    time.sleep(0.02)
    return decode(self, encoded)
Framing.decode = slowly
cache.decoded(FolderFiles(Path("images")), Framing((3, 8, 8)), Path("cache"))
"""


def read(folder=Path("images"), framing=FRAMING, skip=False):
    content = decoded(FolderFiles(folder), framing, Path("cache"))
    if not skip:
        require_readable(content)
    return Read(torch.from_numpy(np.load(content.path)), content.readable)


def built():
    return sorted(path.name for path in Path("cache").iterdir() if not path.name.endswith(".lock"))


@pytest.fixture
def no_decoding(monkeypatch):
    """Fail if an image is decoded."""

    def fail(*args):
        raise AssertionError("decoded again")

    monkeypatch.setattr(cache, "_decode", fail)


def test_the_cache_holds_every_image_in_order_memory_mapped():
    paths = write_images(Path("images"), 5)
    content = read()
    expected = [FRAMING.decode(path.read_bytes()) for path in paths]
    np.testing.assert_array_equal(content.images.numpy(), np.stack(expected))
    assert content.readable.all()
    (folder,) = built()
    images = ImageTensors(Path("cache") / folder / "images.npy")
    maps = Path("/proc/self/maps")
    if maps.exists():
        assert f"{folder}/images.npy" in maps.read_text()
    torch.testing.assert_close(images[torch.tensor([3])]["image"][0], torch.from_numpy(expected[3]) / 255)


def test_the_second_time_nothing_is_decoded(request):
    write_images(Path("images"), 5)
    first = read().images
    request.getfixturevalue("no_decoding")
    assert torch.equal(read().images, first)


def test_another_size_and_changed_files_are_decoded_anew():
    write_images(Path("images"), 3)
    before = read().images
    assert read(framing=Framing((1, 4, 4))).images.shape == (3, 1, 4, 4)
    write_image(Path("images/1.jpg"), seed=99)
    after = read().images
    assert torch.equal(after[0], before[0])
    assert not torch.equal(after[1], before[1])
    assert len(built()) == 3


def test_a_zip_archive_is_read_without_unpacking():
    paths = write_images(Path("images"), 5)
    shutil.make_archive("images", "zip", ".", "images")
    content = decoded(ZipFiles(Path("images.zip")), FRAMING, Path("cache"))
    np.testing.assert_array_equal(np.load(content.path)[3], FRAMING.decode(paths[3].read_bytes()))
    assert not Path("cache/images").exists()


@pytest.mark.parametrize("stop", [signal.SIGKILL, signal.SIGINT])
def test_a_build_that_is_stopped_leaves_nothing_that_is_read(stop):
    write_images(Path("images"), 400)
    with running(exec, f"import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n{BUILD}", {}) as (
        process,
        _,
    ):
        deadline = time.monotonic() + 60
        while not list(Path("cache").glob("*.part/images.npy")):
            assert time.monotonic() < deadline
            assert process.is_alive()
            time.sleep(0.005)
        os.kill(process.pid, stop)
    assert not [name for name in built() if not name.endswith(".part")]
    assert read().images.float().std(dim=0).min() > 0  # no image is missing
    assert len(built()) == 1


def test_of_two_processes_one_builds_and_both_read():
    write_images(Path("images"), 60)
    with running(exec, BUILD, {}) as (one, of_one), running(exec, BUILD, {}) as (other, of_other):
        output = [of_one.read(), of_other.read()]
    assert [one.exitcode, other.exitcode] == [0, 0]
    assert sum("60/60" in text for text in output) == 1
    assert len(built()) == 1


def test_another_versions_file_is_decoded_anew_with_a_word():
    write_images(Path("images"), 3)
    before = read().images.clone()
    (folder,) = built()
    about = Path("cache") / folder / "about.json"
    about.write_text(json.dumps(json.loads(about.read_text()) | {"format": 999}))
    with pytest.warns(
        UserWarning, match=r"cannot be used \(another version of genlab wrote it\); decoding from scratch"
    ):
        assert torch.equal(read().images, before)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        read()


def flip(path: Path, bit: int) -> None:
    content = bytearray(path.read_bytes())
    content[bit // 8 % len(content)] ^= 1 << bit % 8
    path.write_bytes(content)


def loop(path: Path) -> None:
    path.unlink()
    path.symlink_to(path.name)


def fifo(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def in_its_place(path: Path) -> None:
    path.unlink()
    path.mkdir()


def set_to_zero(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[:-4096] + bytes(4096))


DAMAGES = {
    **{f"bit {bit}": partial(flip, bit=bit) for bit in (3, 700, 8 * 128 + 1, 8 * 5000, -1)},
    "cut short": lambda path: os.truncate(path, 300),
    "empty": lambda path: os.truncate(path, 0),
    "page of zeros": set_to_zero,
    "longer": lambda path: path.write_bytes(path.read_bytes() + b"\n"),
    "foreign array": lambda path: np.save(path, np.zeros(3)),
    "missing": Path.unlink,
    "folder": in_its_place,
    "loop": loop,
    "fifo": fifo,
}


@pytest.fixture
def damaged():
    """Images of a cache of 40 with one unreadable file, and its folder, which other processes will open."""
    write_images(Path("images"), 40)
    Path("images/7.jpg").write_text("no image")
    before = read(skip=True)
    yield before, Path("cache") / built()[0]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert torch.equal(read(skip=True).images, before.images)  # repaired
    assert len(built()) == 1


def assert_decoded_from_scratch(before: Read, reason: str) -> None:
    cache._checksum.cache_clear()
    with pytest.warns(UserWarning, match=f"^the decoded images in cache/.* cannot be used .*{reason}.*from scratch$"):
        after = read(skip=True)
    assert torch.equal(after.images, before.images)
    assert after.readable.tolist() == before.readable.tolist()


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_images_are_decoded_from_scratch_with_a_word(damaged, damage):
    before, folder = damaged
    state = (folder / "images.npy").stat()
    DAMAGES[damage](folder / "images.npy")
    if (folder / "images.npy").is_file():
        os.utime(folder / "images.npy", ns=(state.st_atime_ns, state.st_mtime_ns))  # silent corruption
    assert_decoded_from_scratch(before, "")


@pytest.mark.parametrize("damage", ["missing", "folder", "loop", "fifo", "cut short", "empty"])
def test_a_damaged_description_is_written_from_scratch_with_a_word(damaged, damage):
    before, folder = damaged
    DAMAGES[damage](folder / "about.json")
    assert_decoded_from_scratch(before, "")


def change(**changes: object) -> Callable[[bytes], bytes]:
    return lambda content: json.dumps(json.loads(content) | changes).encode()


@pytest.mark.parametrize(
    "mutate",
    [
        lambda content: b"{",
        lambda content: b"[]",
        lambda content: b"3",
        lambda content: b"null",
        lambda content: b'"format"',
        lambda content: b"{}",
        lambda content: b'{"format": 2}',
        lambda content: b"\xff\xfe\xff",
        lambda content: b"[" * 200_000,
        lambda content: b'{"format": ' + b"1" * 5000 + b"}",
        lambda content: content.replace(b"7.jpg", b"8.jpg"),
        lambda content: content.replace(b"not an image", b"not an imag\xe9"),
        change(unreadable=3),
        change(unreadable={"7.jpg": ["x"]}),
        change(unreadable={}),
        change(images="x"),
        change(images=[1]),
        change(checksum=None),
        change(format="2"),
    ],
)
def test_a_description_of_other_content_is_written_from_scratch_with_a_word(damaged, mutate):
    before, folder = damaged
    content = (folder / "about.json").read_bytes()
    (folder / "about.json").write_bytes(mutate(content))
    assert_decoded_from_scratch(before, "")


def test_a_huge_description_is_not_read(damaged):
    before, folder = damaged
    os.truncate(folder / "about.json", cache.LARGEST_ABOUT + 1)
    assert_decoded_from_scratch(before, "more than 100 MB")


def test_a_file_or_a_loop_in_the_place_of_a_caches_folder_is_replaced(damaged):
    before, folder = damaged
    for make in (Path.touch, lambda path: path.symlink_to(path.name)):
        shutil.rmtree(folder, ignore_errors=True)
        make(folder)
        assert_decoded_from_scratch(before, "")


def test_a_cache_is_checked_once_by_a_process_and_again_when_it_is_another_file():
    write_images(Path("images"), 3)
    before = read().images
    read()
    checked = cache._checksum.cache_info().misses
    assert torch.equal(read().images, before)
    assert cache._checksum.cache_info().misses == checked
    path = Path("cache") / built()[0] / "images.npy"
    flip(path, 9000)
    with pytest.warns(UserWarning, match="images.npy is damaged"):
        assert torch.equal(read().images, before)


def test_the_checksum_of_a_file_depends_on_every_block_and_their_order(monkeypatch):
    monkeypatch.setattr(cache, "BLOCK", 4)
    sums = set()
    for number, content in enumerate([b"aaaabbbbc", b"bbbbaaaac", b"aaaabbbbd", b"aaaabbbb", b"aaaacbbbb", b""]):
        Path(str(number)).write_bytes(content)
        sums.add(cache._checksum(Path(str(number)).absolute(), len(content), 0, number))
    assert len(sums) == 6


def test_unreadable_images_are_named_all_at_once_and_left_out_on_request(request):
    paths = write_images(Path("images"), 6)
    paths[1].write_bytes(paths[1].read_bytes()[:-40])
    paths[3].write_text("no picture")
    Image.fromarray(np.full((9, 9), 40_000, np.uint16)).save("images/5.png")
    with pytest.raises(genlab.GenlabError) as error:
        read()
    message = str(error.value)
    assert "\n" not in message
    assert message.startswith("3 images cannot be used: images/1.jpg: image file is truncated")
    assert "; images/3.jpg: not an image; images/5.png: I;16 pixels have more than 8 bits" in message
    assert "setting skip_unreadable to true" in message
    content = read(skip=True)
    assert content.readable.tolist() == [True, False, True, False, True, True, False]
    assert not content.images[~content.readable].any()
    write_image(paths[1], seed=1)
    Path("images/5.png").unlink()
    write_image(paths[3], seed=3)
    assert read().readable.all()


def test_an_unreadable_image_that_was_mended_unseen_is_found(monkeypatch):
    write_images(Path("images"), 3)
    with monkeypatch.context() as patch:
        patch.setattr(Framing, "decode", lambda self, encoded: (_ for _ in ()).throw(OSError(5, "disk trouble")))
        with pytest.raises(genlab.GenlabError, match="3 images .* images/0.jpg: disk trouble"):
            read()
    assert read().readable.all()


def test_images_smaller_than_the_crop_are_named():
    write_image(Path("images/large.png"), size=(30, 30))
    write_image(Path("images/small.png"), size=(30, 10))
    with pytest.raises(genlab.GenlabError, match=r"small.png: 30 x 10 pixels, smaller than the crop of 20 x 20"):
        read(framing=Framing((3, 8, 8), crop=(20, 20)))


def test_a_cache_that_cannot_be_written_is_said():
    write_images(Path("images"), 3)
    Path("locked").mkdir()
    Path("locked").chmod(0o500)
    place = Path("locked/cache") if os.geteuid() else Path("/proc/genlab")  # the only place where root cannot write
    with pytest.raises(genlab.GenlabError, match=r"cannot keep decoded images in .*GENLAB_CACHE_DIR"):
        decoded(FolderFiles(Path("images")), FRAMING, place)


def test_a_disk_that_is_too_small_is_said_before_anything_is_decoded(monkeypatch, no_decoding):
    write_images(Path("images"), 3)
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(1000, 900, 100))
    with pytest.raises(genlab.GenlabError, match="only 0.00 GB are free; 0.00 GB are needed: free them there, or name"):
        read()
    assert not built()


def test_a_disk_that_fills_up_leaves_nothing():
    write_images(Path("images"), 40)
    limit = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (3000, 3000))\n"
    _, told = ended(exec, limit + BUILD, {})
    assert "GenlabError: cannot keep decoded images in cache: " in told
    assert not built()


def test_a_complete_cache_is_read_where_nothing_may_be_written(monkeypatch):
    write_images(Path("images"), 3)
    before = read().images

    def refuse(*args, **kwargs):
        raise PermissionError(13, "no")

    monkeypatch.setattr(Path, "mkdir", refuse)
    monkeypatch.setattr(cache, "lock_for", refuse)
    assert torch.equal(read().images, before)


def test_an_empty_folder_is_said():
    Path("images").mkdir()
    Path("images/readme.txt").write_text("nothing")
    with pytest.raises(genlab.GenlabError, match=r"images holds no images \(.jpg"):
        read()
    with pytest.raises(genlab.GenlabError, match="there is no folder nowhere; give a path"):
        read(Path("nowhere"))


def test_no_zip_archive_is_said():
    Path("page.zip").write_text("<html>quota exceeded</html>")
    with pytest.raises(genlab.GenlabError, match="page.zip is not a zip archive; delete it"):
        ZipFiles(Path("page.zip"))


def test_a_damaged_member_of_a_zip_archive_is_one_unreadable_image():
    write_images(Path("images"), 5)
    with zipfile.ZipFile("images.zip", "w") as archive:
        for path in sorted(Path("images").iterdir()):
            archive.write(path)
    content = bytearray(Path("images.zip").read_bytes())
    place = content.index(Path("images/2.jpg").read_bytes())
    content[place + 30] ^= 0xFF
    Path("images.zip").write_bytes(content)
    found = decoded(ZipFiles(Path("images.zip")), FRAMING, Path("cache"))
    assert list(found.unreadable) == ["images/2.jpg"]
    assert "CRC" in found.unreadable["images/2.jpg"]


def test_links_to_where_one_has_been_are_not_followed_again():
    write_images(Path("images"), 3)
    Path("images/again").symlink_to(Path("images").resolve(), target_is_directory=True)
    write_images(Path("other"), 2)
    Path("images/other").symlink_to(Path("other").resolve(), target_is_directory=True)
    assert FolderFiles(Path("images")).names == ("0.jpg", "1.jpg", "2.jpg", "other/0.jpg", "other/1.jpg")


def test_another_process_maps_the_file_by_itself():
    write_images(Path("images"), 30)
    images = ImageTensors(decoded(FolderFiles(Path("images")), FRAMING, Path("cache")).path)
    pickled = pickle.dumps(images.subset(torch.tensor([4, 7])))
    assert len(pickled) < 3000  # less than 30 * 192 bytes of images
    again = pickle.loads(pickled)
    index = torch.tensor([1])
    assert torch.equal(again[index]["image"], images[torch.tensor([7])]["image"])
