"""The data sets of pix2pix and CycleGAN, downloaded by name."""

import io
import tarfile
import urllib.request
import zipfile
from pathlib import Path

from genlab.data import FolderDomains, SideBySidePairs
from genlab.data.files.berkeley import BERKELEY

from ...processes import running
from ..pictures import write_images


def test_of_two_processes_one_unpacks():
    write_images(Path("source/horse2zebra/trainA"), 300)
    Path("data").mkdir()
    with zipfile.ZipFile("data/horse2zebra.zip", "w") as archive:
        for path in Path("source/horse2zebra").rglob("*.jpg"):
            archive.write(path, path.relative_to("source"))
    code = (
        "import pathlib, genlab.data.files.berkeley as berkeley\n"
        "berkeley.download_missing(pathlib.Path('data/horse2zebra'))"
    )
    with running(exec, code, {}) as (one, _), running(exec, code, {}) as (other, _):
        pass
    assert [one.exitcode, other.exitcode] == [0, 0]
    assert len(list(Path("data/horse2zebra/trainA").iterdir())) == 300


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
        f"https://{BERKELEY}/pix2pix/datasets/facades.tar.gz",
        f"https://{BERKELEY}/cyclegan/datasets/horse2zebra.zip",
    ]
