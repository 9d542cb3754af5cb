"""Sheets, titled and labelled grids of images, as matplotlib figures and as files."""

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
"""Minimum number of pixels of a tile's shorter side."""
DPI = 100
"""Dots per inch of a figure, unless others are asked for."""


class ColorMap(NamedTuple):
    """Colours of the values of one-channel tiles, shown by a colour bar."""

    name: str
    """Matplotlib's name of it, such as "RdBu_r"."""
    low: float
    high: float
    label: str
    """Meaning of the values, with their unit."""


class Drawable(Protocol):
    """A picture that can be drawn as a figure, or kept as arrays."""

    def of(self, subject: str) -> "Drawable":
        """Return the picture with another subject, the model that it is of."""
        ...

    def figure(self, *, scale: int | None = None, labels: bool = True, dpi: int = DPI) -> Figure:
        """Draw the figure; see `Sheet.figure`."""
        ...

    def arrays(self) -> dict[str, Any]:
        """Return what the figure shows as arrays, by name."""
        ...


@dataclass(frozen=True)
class Sheet:
    """A titled grid of images with labelled rows and columns.

    Args:
        tiles: (rows, columns, C, H, W) in [0, 1]; of one channel with `colors`, values of any range. A tile of NaN is
            left blank.
        title: what is shown.
        subject: which model shows it: its class, data and epoch.
        row_labels: one per row, or none.
        column_labels: one per column, or none.
        row_axis: name of what changes from row to row, with its unit.
        column_axis: name of what changes from column to column, with its unit.
        row_breaks: rows that a wider gap is left above.
        column_breaks: columns that a wider gap is left before.
        colors: how values become colours; None for tiles that are images, grey (C = 1) or RGB (C = 3).

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

    def of(self, subject: str) -> "Sheet":
        """Return the sheet with another subject."""
        return replace(self, subject=subject)

    def figure(self, *, scale: int | None = None, labels: bool = True, dpi: int = DPI) -> Figure:
        """Draw the sheet. Each pixel of a tile becomes a square of `scale` pixels: nothing is interpolated.

        Args:
            scale: by default the smallest that gives tiles of 64 pixels or more at 100 dpi, and as many inches at more.
            labels: False leaves out title, labels and colour bar.
            dpi: dots per inch, which decide how large text is beside tiles of a given `scale`.

        Raises:
            GenlabError: for a picture that would be too large.
        """
        return Page(self, scale or enlargement(self.tiles.shape[-2:], dpi), dpi).figure(labels)

    def arrays(self) -> dict[str, Any]:
        """Return tiles (rows, columns, C, H, W), float32, title, subject, labels and names of the axes."""
        return {
            "tiles": self.tiles.float().numpy(),
            "title": self.title,
            "subject": self.subject,
            "row_labels": list(self.row_labels),
            "column_labels": list(self.column_labels),
            "row_axis": self.row_axis,
            "column_axis": self.column_axis,
        }

    def save(self, path: str | Path, *, scale: int | None = None, labels: bool = True, dpi: int = DPI) -> None:
        """Write the figure, or for `.npz` the arrays; see `figure` and `genlab.pictures.drawing.save`."""
        save(self, Path(path), scale=scale, labels=labels, dpi=dpi)


def enlargement(size: Sequence[int], dpi: int = DPI) -> int:
    """Find the smallest factor by which tiles of a size (H, W) reach 64 pixels, and at more than 100 dpi 0.64 inch."""
    return max(1, -(-round(ON_SCREEN * max(1.0, dpi / DPI)) // min(size)))


def save(drawable: Drawable, path: Path, *, scale: int | None = None, labels: bool = True, dpi: int = DPI) -> None:
    """Write a picture in the format that its ending says, whole or not at all.

    `.png` and `.jpg` are pixels; `.pdf` and `.svg` have text as text, and images of pixels; `.npz` has the arrays, and
    `.txt` the lines of a picture that has nothing else.

    Raises:
        GenlabError: for another ending, before anything is drawn, and when the file cannot be written.
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
        write_figure(drawable.figure(scale=scale, labels=labels, dpi=dpi), path)
