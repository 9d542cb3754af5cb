"""Sheets (titled and labelled grids of images) as matplotlib figures and as files."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
from matplotlib.figure import Figure
from torch import Tensor

from genlab.atomic import picture_format, whole_file
from genlab.pictures.figures import write_figure
from genlab.pictures.page import Page

ON_SCREEN = 64
"""Minimum length of a tile's shorter side in pixels."""
DPI = 100
"""Default dots per inch of a figure."""


class ColorMap(NamedTuple):
    """Colours for the values of one-channel tiles, with a colour bar."""

    name: str
    """Its name in matplotlib, such as "RdBu_r"."""
    low: float
    high: float
    label: str
    """Label of the colour bar: what the values are, with their unit."""


class Drawable(Protocol):
    """A picture that can be drawn as a figure or kept as arrays."""

    def of(self, subject: str) -> "Drawable":
        """Return the picture with another subject, the model that it shows."""
        ...

    def figure(self, *, scale: int | None = None, labels: bool = True, dpi: int = DPI) -> Figure:
        """Draw the figure; see `Sheet.figure`."""
        ...

    def arrays(self) -> dict[str, Any]:
        """Return the content of the figure as arrays, by name."""
        ...


@dataclass(frozen=True)
class Sheet:
    """A titled grid of images with labelled rows and columns.

    Args:
        tiles: (rows, columns, C, H, W) in [0, 1]; with `colors`, one channel with values of any range. A tile of NaN is
            left blank.
        title: what is shown.
        subject: the model that it shows: its class, data and epoch.
        row_labels: one per row, or none.
        column_labels: one per column, or none.
        row_axis: name of what changes from row to row, with its unit.
        column_axis: name of what changes from column to column, with its unit.
        row_breaks: rows with a wider gap above.
        column_breaks: columns with a wider gap before.
        colors: how values become colours; None for tiles that are images, grey (C = 1) or RGB (C = 3).
        description: what metadata of its files say, such as that images are no photographs.

    Example:
        >>> sheet = Sheet(torch.rand(2, 3, 1, 8, 8), title="Noise", row_labels=["first", "second"])
        >>> sheet.figure(dpi=200).savefig("noise.pdf")
    """

    tiles: Tensor
    title: str = ""
    subject: str = ""
    row_labels: Sequence[str] = ()
    column_labels: Sequence[str] = ()
    row_axis: str = ""
    column_axis: str = ""
    row_breaks: Sequence[int] = ()
    column_breaks: Sequence[int] = ()
    colors: ColorMap | None = None
    description: str = ""

    def of(self, subject: str) -> "Sheet":
        """Return the sheet with another subject."""
        return replace(self, subject=subject)

    def figure(self, *, scale: int | None = None, labels: bool = True, dpi: int = DPI) -> Figure:
        """Draw the sheet. Each pixel of a tile becomes a square with sides of `scale` pixels, without interpolation.

        Args:
            scale: by default the smallest for tiles of at least 64 pixels at 100 dpi, and of as many inches at more.
            labels: False leaves out title, labels and colour bar.
            dpi: dots per inch, which determine the size of text relative to tiles of a given `scale`.

        Raises:
            GenlabError: for a picture that would be too large.
        """
        return Page(self, scale or enlargement(self.tiles.shape[-2:], dpi), dpi).figure(labels)

    def arrays(self) -> dict[str, Any]:
        """Return tiles (rows, columns, C, H, W), float32, and the texts of the sheet."""
        return {
            "tiles": self.tiles.float().numpy(),
            "title": self.title,
            "subject": self.subject,
            "row_labels": list(self.row_labels),
            "column_labels": list(self.column_labels),
            "row_axis": self.row_axis,
            "column_axis": self.column_axis,
            "description": self.description,
        }

    def save(self, path: str | Path, *, scale: int | None = None, labels: bool = True, dpi: int = DPI) -> None:
        """Write the figure, or the arrays for `.npz`; see `figure` and `genlab.pictures.drawing.save`."""
        save(self, Path(path), scale=scale, labels=labels, dpi=dpi)


def enlargement(size: Sequence[int], dpi: int = DPI) -> int:
    """Find the smallest factor that enlarges tiles of a size (H, W) to 64 pixels, or to 0.64 inch above 100 dpi."""
    return max(1, -(-round(ON_SCREEN * max(1.0, dpi / DPI)) // min(size)))


def save(drawable: Drawable, path: Path, *, scale: int | None = None, labels: bool = True, dpi: int = DPI) -> None:
    """Write a picture in the format of the file's suffix, completely or not at all.

    `.png` and `.jpg` are pixels; `.pdf` and `.svg` have text as text, and images as pixels; `.npz` has the arrays, and
    `.txt` the lines of a picture that consists of text.

    Raises:
        GenlabError: for another suffix, before anything is drawn, and when the file cannot be written.
    """
    text: str | None = getattr(drawable, "text", None)
    kind = picture_format(path, arrays=True, text=text is not None)
    if kind == "txt":
        with whole_file(path) as part:
            part.write_text(f"{text}\n", encoding="utf-8")
    elif kind == "npz":
        with whole_file(path) as part, part.open("wb") as file:
            np.savez_compressed(file, **drawable.arrays())
    else:
        description: str = getattr(drawable, "description", "")
        write_figure(drawable.figure(scale=scale, labels=labels, dpi=dpi), path, description)
