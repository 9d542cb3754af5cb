"""CelebA's files: their sources on the web, their usual layouts on disk, and their tables."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from genlab.data.files.downloads import RemoteFile, fetch, google_drive
from genlab.data.files.image_files import FolderFiles, ImageFiles, ZipFiles
from genlab.errors import GenlabError
from genlab.regular import exists, read_regular

IMAGES = RemoteFile(
    "img_align_celeba.zip",
    (
        google_drive("0B7EVK8r0v71pZjFTYXZWM3FlRnM"),
        google_drive("1mb1R6dXfWbvk3DnlWOBO8pDeoBKOcLE6"),
        "https://s3.amazonaws.com/pytorch-tutorial-assets/img_align_celeba.zip",
    ),
    b"PK\x03\x04",
    "00d2c5bc6d35e252742224ab0c1e8fcb",
)
ATTRIBUTES = RemoteFile(
    "list_attr_celeba.txt",
    (
        google_drive("0B7EVK8r0v71pblRyaVFSWGxPY0U"),
        google_drive("11um21kRUuaUNoMl59TCe2fb01FNjqNms"),
        "https://ndownloader.figshare.com/files/14759465",
    ),
    b"202599",
    "75e246fa4810816ffd6ee81facbd244c",
)
PARTITION = RemoteFile(
    "list_eval_partition.txt",
    (
        google_drive("0B7EVK8r0v71pY0NSMzRuSXJEVkk"),
        google_drive("1acn0-nE4W7Wa17sIkKB0GtfW4Z41CMFB"),
        "https://raw.githubusercontent.com/constanzaelf/thesis_fairness_xai/main/list_eval_partition.txt",
    ),
    b"000001.jpg",
    "d32c9cbf5e040fd4025c592c306e6668",
)
LARGEST_TABLE = 1_000_000_000
"""Maximum size of a table in bytes."""
PAGE = "https://mmlab.ie.cuhk.edu.hk/projects/CelebA.html"


@dataclass(frozen=True)
class CelebAFiles:
    """Paths of CelebA's images and of its tables of attributes, partition and identities; None where missing."""

    images: Path | None
    """The zip archive or folder."""
    attributes: Path | None
    partition: Path | None
    identities: Path | None

    def image_files(self) -> ImageFiles:
        """List the image files.

        Raises:
            GenlabError: when there are none.
        """
        place = _required(self.images, "img_align_celeba (a folder or .zip)")
        return ZipFiles(place) if place.suffix == ".zip" else FolderFiles(place)

    def partition_table(self) -> dict[str, int]:
        """Read the partition by image name: 0 for training, 1 for validation, 2 for testing.

        Raises:
            GenlabError: for a table that is missing or broken.
        """
        path = _required(self.partition, "list_eval_partition (.txt or .csv)")
        _, names, values = read_table(path, header=False)
        if not np.isin(values[:, 0], (0, 1, 2)).all():
            raise GenlabError(f"{path} is broken (its splits must be 0, 1 and 2); get it from {PAGE}")
        return dict(zip(names, values[:, 0].tolist(), strict=True))

    def attribute_table(self) -> tuple[list[str], list[str], NDArray[np.int32]]:
        """Read the names of attributes and of images, and 1 or -1 for each image and attribute.

        Raises:
            GenlabError: for a table that is missing or broken.
        """
        return read_table(_required(self.attributes, "list_attr_celeba (.txt or .csv)"), header=True)


def locate(data_dir: Path) -> CelebAFiles:
    """Find CelebA's files in the folder of data sets, in any known layout.

    Official: the zip archive or its folder with two .txt tables, in one folder or in Img, Anno and Eval. Kaggle's: two
    .csv tables and a folder within a folder of the same name. The table of identities is optional.
    """
    roots = [data_dir / name for name in ("celeba", "CelebA", ".")]

    def first(*names: str) -> Path | None:
        return next((root / name for root in roots for name in names if exists(root / name)), None)

    return CelebAFiles(
        first(
            "img_align_celeba.zip",
            "Img/img_align_celeba.zip",
            "img_align_celeba/img_align_celeba",
            "img_align_celeba",
            "Img/img_align_celeba",
        ),
        first("list_attr_celeba.txt", "list_attr_celeba.csv", "Anno/list_attr_celeba.txt"),
        first("list_eval_partition.txt", "list_eval_partition.csv", "Eval/list_eval_partition.txt"),
        first("identity_CelebA.txt", "Anno/identity_CelebA.txt"),
    )


def download_missing(data_dir: Path) -> CelebAFiles:
    """Download files that `locate` does not find.

    Raises:
        GenlabError: when no source provides one of them.
    """
    found = locate(data_dir)
    for place, remote in ((found.attributes, ATTRIBUTES), (found.partition, PARTITION), (found.images, IMAGES)):
        if not place:
            try:
                fetch(remote, data_dir / "celeba")
            except GenlabError as error:
                raise GenlabError(f"{error}; CelebA's own page is {PAGE}") from None
    return locate(data_dir)


def identity_table(data_dir: Path) -> dict[str, int]:
    """Read the number of the person in each image, by image name.

    Raises:
        GenlabError: for a table that is missing or broken.
    """
    path = locate(data_dir).identities
    if path is None:
        raise GenlabError(
            f"there is no identity_CelebA.txt, which says who is in which image; get it as {PAGE} says, and put it "
            f"into {data_dir / 'celeba'}"
        )
    _, names, values = read_table(path, header=False)
    return dict(zip(names, values[:, 0].tolist(), strict=True))


def read_table(path: Path, *, header: bool) -> tuple[list[str], list[str], NDArray[np.int32]]:
    """Read a table: the names of its columns, the names of its rows (images), and its numbers (rows, columns).

    A .csv file begins with a line of column names. In a .txt file values are separated by spaces; its header is a line
    with the number of images and a line of names, and a table without a header has a single column.

    Raises:
        GenlabError: for a table that cannot be read, or a line that does not match the columns.
    """
    delimiter = "," if path.suffix == ".csv" else None
    try:
        text = read_regular(path, LARGEST_TABLE).decode()
        lines = [line for line in text.splitlines() if line.strip()]
        if path.suffix == ".csv":
            columns, rows = lines[0].split(",")[1:], lines[1:]
        elif header:
            columns, rows = lines[1].split(), lines[2:]
        else:
            columns, rows = ["value"], lines
        names = [row.split(delimiter, 1)[0] for row in rows]
        values = np.loadtxt(rows, np.int32, delimiter=delimiter, usecols=range(1, len(columns) + 1), ndmin=2)
    except OSError as error:
        raise GenlabError(f"{path} cannot be read: {error.strerror or error}") from None
    except (ValueError, IndexError) as error:
        raise GenlabError(f"{path} is broken ({error}); get it again from {PAGE}") from None
    return columns, names, values


def _required(path: Path | None, what: str) -> Path:
    if path is None:
        raise GenlabError(f"there is no {what} of CelebA; `genlab data prepare celeba` downloads what is missing")
    return path
