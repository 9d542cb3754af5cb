"""Image files of odd kinds: none hangs, and each is left out and reported, or refused in one clear line."""

import os
import struct
import zipfile
from pathlib import Path

import pytest

import genlab
from genlab.data import FolderDomains, FolderPairs, ImageFolder, SideBySidePairs
from genlab.data.files import image_files
from genlab.data.files.celeba_files import locate
from genlab.data.files.image_files import FolderFiles, ZipFiles

from ..pictures import write_celeba, write_image, write_images

ODD = {
    "fifo": "a FIFO, not a regular file",
    "loop": "Too many levels of symbolic links",
    "zero": "a device, not a regular file",
    "folder": "a folder, not a regular file",
}


def make_odd(kind: str, path: Path) -> None:
    if kind == "fifo":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    else:
        path.symlink_to(path.name if kind == "loop" else "/dev/zero")


@pytest.fixture
def photos():
    """A folder of twelve images and one of each odd kind except a folder, which would be searched."""
    write_images(Path("photos"), 12)
    for kind in ("fifo", "loop", "zero"):
        make_odd(kind, Path(f"photos/{kind}.png"))


def test_odd_files_in_a_folder_are_named_or_left_out(photos):
    with pytest.raises(genlab.GenlabError) as error:
        ImageFolder("./photos").prepare_data()
    assert str(error.value).startswith("3 images cannot be used: ")
    for kind in ("fifo", "loop", "zero"):
        assert f"photos/{kind}.png: {ODD[kind]}" in str(error.value)
    data = ImageFolder("./photos", skip_unreadable=True)
    data.setup()
    assert sum(map(len, (data.train_set, data.val_set, data.test_set))) == 12


def test_names_that_are_no_utf_8_are_names(refused):
    folder = Path(os.fsdecode(b"photos-\xe9"))
    write_images(folder, 12)
    write_image(folder / "x.png").rename(folder / os.fsdecode(b"\xff\xfe.png"))
    (folder / os.fsdecode(b"\xfc.jpg")).write_text("no image")
    data = ImageFolder(f"./{folder}", skip_unreadable=True)
    data.prepare_data()
    data.setup()
    assert sum(map(len, (data.train_set, data.val_set, data.test_set))) == 13
    folder.rename("photos")
    message = refused("fit", "--model", "VAE", "--data", "ImageFolder", "--data.folder=./photos")
    assert message == "genlab: 1 image cannot be used: photos/\udcfc.jpg: not an image; " + message.split("; ")[1]


def test_a_file_that_is_too_large_for_an_image_is_not_read(monkeypatch):
    write_images(Path("photos"), 3)
    os.truncate("photos/1.jpg", 1 << 40)  # a sparse file, which takes no space
    with zipfile.ZipFile("photos.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("large.png", bytes(200_000))
    with pytest.raises(OSError, match="more than 716 MB"):
        FolderFiles(Path("photos")).read("1.jpg")
    monkeypatch.setattr(image_files, "LARGEST", 100_000)
    with pytest.raises(ValueError, match="more than 0 MB"):
        ZipFiles(Path("photos.zip")).read("large.png")


def zipped(name: str = "photos.zip") -> bytearray:
    with zipfile.ZipFile(name, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in write_images(Path("photos"), 3):
            archive.write(path)
    return bytearray(Path(name).read_bytes())


def set_in_headers(content: bytearray, place: int, value: int) -> bytearray:
    """Set two bytes in each header of a zip archive, counted from the field for the required version."""
    for magic, before in ((b"PK\x03\x04", 4), (b"PK\x01\x02", 6)):
        at = content.find(magic)
        while at >= 0:
            struct.pack_into("<H", content, at + before + place, value)
            at = content.find(magic, at + 4)
    return content


@pytest.mark.parametrize(
    ("place", "value", "told"),
    [(2, 1, "is encrypted"), (4, 99, "compression method is not supported"), (0, 99, "zip file version 9.9")],
)
def test_a_zip_archive_that_python_cannot_open_is_one_line(place, value, told):
    Path("photos.zip").write_bytes(set_in_headers(zipped(), place, value))
    with pytest.raises(genlab.GenlabError, match=f"^photos.zip cannot be read: .*{told}.*; unpack it by hand$"):
        ZipFiles(Path("photos.zip"))


def test_a_zip_archive_with_a_lie_about_sizes_is_not_decompressed_beyond_them():
    with zipfile.ZipFile("photos.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.png", bytes(50_000_000))
    content = bytearray(Path("photos.zip").read_bytes())
    for magic, size in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        struct.pack_into("<I", content, content.index(magic) + size, 1000)
    Path("photos.zip").write_bytes(content)
    with pytest.raises(zipfile.BadZipFile, match="CRC"):
        ZipFiles(Path("photos.zip")).read("a.png")


def test_a_broken_zip_archive_is_one_line_or_holds_unreadable_images():
    content = bytes(zipped())
    for at in range(content.index(b"PK\x01\x02"), len(content)):
        for bit in (0, 5, 7):
            broken = bytearray(content)
            broken[at] ^= 1 << bit
            Path("broken.zip").write_bytes(broken)
            try:
                ZipFiles(Path("broken.zip"))
            except genlab.GenlabError as error:
                assert "\n" not in str(error)  # noqa: PT017


@pytest.mark.parametrize("kind", ODD)
@pytest.mark.parametrize("name", ["img_align_celeba.zip", "list_attr_celeba.txt", "list_eval_partition.txt"])
def test_celebas_files_of_odd_kinds_are_one_line(name, kind):
    write_celeba(Path("data/celeba"), 10)
    path = Path("data/celeba") / name
    path.unlink(missing_ok=True)
    if kind == "loop":  # as if nothing were there
        make_odd(kind, path)
        assert path not in vars(locate(Path("data"))).values()
        return
    make_odd(kind, path)
    with pytest.raises(genlab.GenlabError, match=f"{name} cannot be read: {ODD[kind]}"):
        genlab.CelebA("data").setup()


@pytest.mark.parametrize("kind", ["fifo", "zero", "folder"])
@pytest.mark.parametrize("name", ["MNIST/raw/train-images-idx3-ubyte.gz", "frey_faces/frey_rawface.mat"])
def test_other_data_files_of_odd_kinds_are_one_line(name, kind):
    path = Path("data") / name
    path.parent.mkdir(parents=True)
    make_odd(kind, path)
    data = genlab.MNIST("data") if "MNIST" in name else genlab.FreyFaces("data")
    for attempt in (data.setup, data.prepare_data):
        with pytest.raises(genlab.GenlabError, match=ODD[kind]) as error:
            attempt()
        assert "\n" not in str(error.value)


@pytest.mark.parametrize("kind", [ImageFolder, SideBySidePairs, FolderDomains])
def test_an_empty_name_is_not_the_folder_of_all_data_sets(kind, refused):
    with pytest.raises(genlab.GenlabError, match="the name of a folder is empty"):
        kind("")
    with pytest.raises(genlab.GenlabError, match="the name of a folder is empty"):
        FolderPairs("photos", "")
    message = refused("fit", "--model", "VAE", "--data", kind.__name__, "--data.folder=")
    assert "the name of a folder is empty" in message


def test_a_name_that_is_too_long_is_one_line():
    with pytest.raises(genlab.GenlabError, match="there is no folder "):
        ImageFolder("x" * 300).prepare_data()


def test_a_subfolder_that_cannot_be_read_is_left_out_with_a_word(monkeypatch):
    write_images(Path("photos/a"), 3)
    write_images(Path("photos/b"), 3)
    scandir = os.scandir

    def refuse(folder):
        if str(folder).endswith("b"):
            raise PermissionError(13, "Permission denied", folder)
        return scandir(folder)

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.warns(UserWarning, match="photos/b is left out, because it cannot be read: Permission denied"):
        assert len(FolderFiles(Path("photos")).names) == 3
