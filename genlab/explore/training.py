"""A run on the page: its card in the chooser, the curves of its metrics, and its pictures by epoch."""

import functools
import hashlib
import io
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from genlab import runs
from genlab.explore.entries import Entry, NotThere, stamp_of
from genlab.regular import read_regular
from genlab.runs import history
from genlab.runs.history import History, Series

POINTS = 800
"""Maximum number of points of a curve."""
NAME = re.compile(r"(?P<tool>.+?)-(?:epoch)?(?P<epoch>\d+)\.png")
"""Names of pictures that were drawn during training."""
SHOWS_MOST = ("sample", "translate", "reconstruct")
"""Tools whose pictures represent a run best, in order of preference."""
THUMBNAIL = 320
"""Length of a thumbnail's longer side in pixels."""
LARGEST = 64 * 2**20
"""Maximum size of a picture in bytes."""
PNG = b"\x89PNG\r\n\x1a\n"


def card_of(entry: Entry) -> dict[str, Any]:
    """Describe a run for the chooser, for JSON."""
    card: dict[str, Any] = {"key": entry.key, "name": entry.key.removeprefix("runs/"), "opens": entry.opens}
    summary = entry.summary
    if summary is None or entry.run is None:
        return card | {"model": "", "data": "", "epochs": None, "metric": None, "picture": False}
    return card | {
        "model": summary.model,
        "data": summary.data,
        "epochs": summary.epochs,
        "metric": None if summary.best is None else {"name": summary.metric, "value": summary.best},
        "picture": last_picture(entry.run) is not None,
    }


@dataclass(frozen=True)
class Picture:
    """A picture of a run, drawn during training.

    Args:
        path: its file.
        tool: the tool that drew it, such as "sample".
        epoch: the epoch when it was drawn.
    """

    path: Path
    tool: str
    epoch: int

    def content(self) -> bytes:
        """Return the file's content.

        Raises:
            NotThere: if the file cannot be read, or is not a PNG.
        """
        try:
            content = read_regular(self.path, LARGEST)
        except OSError as error:
            raise NotThere(f"{self.path.name} cannot be read: {error.strerror}") from None
        if not content.startswith(PNG):
            raise NotThere(f"{self.path.name} is not a PNG")
        return content


def pictures_of(run: Path) -> list[Picture]:
    """List the pictures of a run's training, by epoch."""
    found = [(path, NAME.fullmatch(path.name)) for path in (run / "pictures").glob("*.png")]
    pictures = [Picture(path, match["tool"], int(match["epoch"])) for path, match in found if match]
    return sorted(pictures, key=lambda picture: (picture.epoch, picture.tool))


def find_picture(run: Path, name: str) -> Picture:
    """Find a picture of a run by its file name.

    Raises:
        NotThere: when there is none.
    """
    for picture in pictures_of(run):
        if picture.path.name == name:
            return picture
    raise NotThere(f"there is no picture {name[:100]}")


def last_picture(run: Path) -> Picture | None:
    """Find the picture that represents a run, the best of the last epoch with pictures; None without pictures."""

    def worth(picture: Picture) -> tuple[int, int]:
        ranks = [-rank for rank, tool in enumerate(SHOWS_MOST) if picture.tool.startswith(tool)]
        return picture.epoch, max(ranks, default=-len(SHOWS_MOST))

    return max(pictures_of(run), key=worth, default=None)


def thumbnail_of(run: Path) -> bytes:
    """Return a thumbnail of the last picture, as PNG.

    Raises:
        NotThere: if there is no picture, or it cannot be read.
    """
    picture = last_picture(run)
    if picture is None:
        raise NotThere(f"{run} has no pictures")
    return _small(picture, stamp_of(picture.path))


def version_of(run: Path) -> str:
    """Return a text that changes whenever there is something new to see of a training."""
    files = [run / history.FILE, *(picture.path for picture in pictures_of(run))]
    seen = [runs.is_held(run), *((path.name, stamp_of(path)) for path in files)]
    return hashlib.sha256(repr(seen).encode()).hexdigest()[:32]


def training_of(run: Path) -> dict[str, Any]:
    """Describe a training: whether it is running, its metrics as curves, and its pictures."""
    metrics = History(run)
    curves = {name: _curve(metrics.series(name)) for name in metrics.names if metrics.has(name)}
    pictures = [{"id": each.path.name, "tool": each.tool, "epoch": each.epoch} for each in pictures_of(run)]
    return {"live": runs.is_held(run), "metrics": curves, "pictures": pictures}


def _curve(series: Series) -> dict[str, list[float]]:
    """Thin out a metric evenly, keeping the first and the last value."""
    count = len(series.values)
    kept = np.unique(np.linspace(0, count - 1, min(count, POINTS)).round().astype(int))
    return {
        "steps": series.steps[kept].tolist(),
        "epochs": series.epochs[kept].tolist(),
        "values": series.values[kept].tolist(),
    }


@functools.lru_cache(maxsize=200)
def _small(picture: Picture, stamp: tuple[int, int]) -> bytes:
    drawn, small = io.BytesIO(picture.content()), io.BytesIO()
    try:
        with Image.open(drawn, formats=["PNG"]) as image:
            image.thumbnail((THUMBNAIL, THUMBNAIL))
            image.convert("RGB").save(small, "PNG")
    except Exception as error:  # Pillow raises almost anything for a broken file
        raise NotThere(f"{picture.path.name} cannot be read: {error}") from None
    return small.getvalue()
