"""The page that a sheet is drawn on: the layout of tiles, labels, title and colour bar."""

import math
import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import matplotlib
import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.text import Text
from numpy.typing import NDArray
from torch import Tensor

from genlab.errors import GenlabError
from genlab.images import eight_bits

if TYPE_CHECKING:
    from genlab.pictures.drawing import Sheet

FONT_SIZE = 9.0
"""Size of the smallest labels in points."""
MOST_PIXELS = 2**27
"""Maximum number of pixels in a picture, about 11,500 x 11,500, which take a few GB of memory."""
LONGEST_SIDE = 2**16 - 1
"""Maximum length in pixels of a picture's side in matplotlib."""
FRAME = 190
"""Grey level of the frames around tiles."""
LONGEST_TITLE_LINE = 44
"""Number of characters that always fit in a line of the title, however narrow the grid is."""
LONGEST_LABEL_LINE = 24
"""Maximum number of characters in a line of a row's label."""
CHARACTER = 0.58
"""Approximate width of a character as a share of the font size."""


class Page:
    """The layout of a sheet, in pixels; positions are counted from the grid's top left corner, right and down."""

    def __init__(self, sheet: "Sheet", scale: int, dpi: int) -> None:
        rows, columns, _, height, width = sheet.tiles.shape
        self.sheet, self.scale, self.dpi = sheet, scale, dpi
        self.height, self.width = height * scale, width * scale  # of a tile
        smaller = min(self.height, self.width)
        gap = max(3, round(smaller / 24))
        self.frame = gap // 3  # separates a tile from the page
        self.tops, self.grid_height = _positions(rows, self.height, gap, sheet.row_breaks)
        self.lefts, self.grid_width = _positions(columns, self.width, gap, sheet.column_breaks)
        _require_drawable(self.grid_width, self.grid_height)
        self.left = self.top = self.right = self.bottom = float(gap)  # margins, which grow with their content
        self.font = max(FONT_SIZE * dpi / 72, 0.12 * smaller)  # grows with large tiles
        self.pad = 0.5 * self.font
        self.page = Figure(dpi=dpi, facecolor="white")
        self.renderer = FigureCanvasAgg(self.page).get_renderer()
        self.texts: list[tuple[Text, float, float]] = []
        self.row_axis = 0.0  # pixels that the axis name takes, which may be more than the rows take

    def figure(self, labels: bool) -> Figure:
        """Draw the page."""
        if labels:
            self._label_rows()
            self._label_columns()
            self._write_title()
            self._reach_vertically((self.grid_height - self.row_axis) / 2, (self.grid_height + self.row_axis) / 2)
            self._leave_room_for_color_bar()
        margins = (self.left, self.top, self.right, self.bottom)
        self.left, self.top, self.right, self.bottom = (math.ceil(margin) for margin in margins)
        self.page_width, self.page_height = (
            self.left + self.grid_width + self.right,
            self.top + self.grid_height + self.bottom,
        )
        _require_drawable(self.page_width, self.page_height)
        self.page.set_size_inches((self.page_width + 0.01) / self.dpi, (self.page_height + 0.01) / self.dpi)
        for text, x, y in self.texts:
            text.set_position(((self.left + x) / self.page_width, 1 - (self.top + y) / self.page_height))
        frame = self.frame
        axes = self._axes(-frame, -frame, self.grid_width + 2 * frame, self.grid_height + 2 * frame)
        axes.imshow(self._grid(), interpolation="none", aspect="auto")
        axes.set_axis_off()
        if labels:
            self._draw_color_bar()
        return self.page

    def _grid(self) -> NDArray[np.uint8]:
        tiles = _colored(self.sheet)
        shown = ~tiles.isnan().flatten(2).all(2)
        frame = self.frame
        grid = np.full((self.grid_height + 2 * frame, self.grid_width + 2 * frame, 3), 255, np.uint8)
        pixels = eight_bits(tiles.nan_to_num(1.0)).permute(0, 1, 3, 4, 2).numpy()
        for row, column in shown.nonzero().tolist():
            tile = pixels[row, column].repeat(self.scale, 0).repeat(self.scale, 1)
            framed = np.pad(tile, ((frame, frame), (frame, frame), (0, 0)), constant_values=FRAME)
            top, left = self.tops[row], self.lefts[column]
            grid[top : top + framed.shape[0], left : left + framed.shape[1]] = framed
        return grid

    def _label_rows(self) -> None:
        lines = ["\n".join(map(_wrapped, label.splitlines())) for label in self.sheet.row_labels]
        labels = [self._write(line, ha="right", va="center", multialignment="right") for line in lines]
        for text, top in zip(labels, self.tops, strict=False):
            self._put(text, -self.pad, top + self.height / 2)
        if labels:
            self.left += self.pad + max(self._size(text)[0] for text in labels)
        if self.sheet.row_axis:
            line = self._in_lines(self.sheet.row_axis, self.grid_height)
            name = self._write(line, ha="center", va="center", rotation=90, multialignment="center")
            across, self.row_axis = self._size(name)
            self._put(name, -self.left - across / 2, self.grid_height / 2)
            self.left += across + self.pad

    def _label_columns(self) -> None:
        labels = self._column_labels()
        for text, left in zip(labels, self.lefts, strict=False):
            middle = left + self.width / 2
            self._put(text, middle, -self.pad)
            tilted = text.get_rotation() > 0
            self._reach_horizontally(middle, middle + self._size(text)[0] * (1 if tilted else 0.5))
        if labels:
            self.top += self.pad + max(self._size(text)[1] for text in labels)
        if self.sheet.column_axis:
            line = self._in_lines(self.sheet.column_axis, self.grid_width)
            name = self._write(line, ha="center", va="bottom", multialignment="center")
            along, across = self._size(name)
            self._put(name, self.grid_width / 2, -self.top)
            self.top += across + self.pad
            self._reach_horizontally(self.grid_width / 2 - along / 2, self.grid_width / 2 + along / 2)

    def _column_labels(self) -> list[Text]:
        """Write labels above their columns: on one line if they fit, else on several, else tilted."""
        room = self.width + min(0.5 * self.pad, self.width)
        for lines in (list, lambda labels: [label.replace("_", "_\n").replace(" ", "\n") for label in labels]):
            labels = [self._write(line, ha="center", va="bottom") for line in lines(self.sheet.column_labels)]
            if all(self._size(text)[0] <= room and text.get_text().count("\n") < 3 for text in labels):
                return labels
            for text in labels:
                text.remove()
        tilted: dict[str, Any] = {"rotation": 45, "rotation_mode": "anchor"}
        return [self._write(label, ha="left", va="center", **tilted) for label in self.sheet.column_labels]

    def _write_title(self) -> None:
        if self.sheet.title or self.sheet.subject:
            size = 1.15 * self.font
            line = max(LONGEST_TITLE_LINE, int(self.grid_width / (CHARACTER * size)))
            parts = [part for part in (self.sheet.title, self.sheet.subject) if part]
            if len(" · ".join(parts)) <= line:
                parts = [" · ".join(parts)]
            lines = "\n".join(textwrap.fill(part, line) for part in parts)
            text = self._write(lines, size, ha="left", va="bottom")
            across, along = self._size(text)
            self._put(text, 0, -self.top - 0.5 * self.pad)
            self.top += along + 1.5 * self.pad
            self._reach_horizontally(0, across)

    def _leave_room_for_color_bar(self) -> None:
        if self.sheet.colors:
            label = self._write(self.sheet.colors.label, rotation=90)
            self._reach_vertically(0, max(self._size(label)[1], self._bar_height() + self.font / 2))
            self.right = max(self.right, 3 * self.pad + 8 * self.font)
            label.remove()

    def _draw_color_bar(self) -> None:
        if not self.sheet.colors:
            return
        name, low, high, label = self.sheet.colors
        axes = self._axes(self.grid_width + 3 * self.pad, 0, self.font, self._bar_height())
        bar = self.page.colorbar(ScalarMappable(Normalize(low, high), name), axes, ticks=[low, (low + high) / 2, high])
        points = self.font * 72 / self.dpi
        bar.ax.tick_params(labelsize=points)
        bar.set_label(label, size=points)

    def _bar_height(self) -> float:
        return max(6 * self.font, min(self.grid_height, 20 * self.font))

    def _axes(self, left: float, top: float, width: float, height: float) -> Axes:
        bottom = self.page_height - self.top - top - height
        across, up = self.page_width, self.page_height
        return self.page.add_axes(((self.left + left) / across, bottom / up, width / across, height / up))

    def _in_lines(self, name: str, room: float) -> str:
        """Break the name of an axis into lines of `room` pixels, but of at least LONGEST_LABEL_LINE characters."""
        return textwrap.fill(name, max(LONGEST_LABEL_LINE, int(room / (CHARACTER * self.font))))

    def _write(self, line: str, font: float = 0.0, **options: Any) -> Text:
        points = (font or self.font) * 72 / self.dpi
        text: Text = self.page.text(0, 0, line, size=points, parse_math=False, **options)
        return text

    def _put(self, text: Text, x: float, y: float) -> None:
        self.texts.append((text, x, y))

    def _size(self, text: Text) -> tuple[float, float]:
        box = text.get_window_extent(self.renderer, self.dpi)
        return box.width, box.height

    def _reach_horizontally(self, start: float, end: float) -> None:
        self.left, self.right = max(self.left, self.pad - start), max(self.right, self.pad + end - self.grid_width)

    def _reach_vertically(self, start: float, end: float) -> None:
        self.top, self.bottom = max(self.top, self.pad - start), max(self.bottom, self.pad + end - self.grid_height)


def _wrapped(line: str) -> str:
    return textwrap.fill(line, LONGEST_LABEL_LINE, break_long_words=False)


def _positions(count: int, size: int, gap: int, breaks: Sequence[int]) -> tuple[list[int], int]:
    """Return the starts of rows or columns of a size, and the end of the last."""
    wider = {*breaks} - {0}
    starts, end = [], -gap
    for index in range(count):
        starts.append(end + (3 * gap if index in wider else gap))
        end = starts[-1] + size
    return starts, end


def _colored(sheet: "Sheet") -> Tensor:
    """Turn tiles into RGB images, (rows, columns, 3, H, W) in [0, 1], with NaN for blank tiles."""
    tiles = sheet.tiles.float()
    if sheet.colors:
        name, low, high, _ = sheet.colors
        shades = matplotlib.colormaps[name](Normalize(low, high)(tiles[:, :, 0].numpy()))
        tiles = torch.from_numpy(shades[..., :3]).permute(0, 1, 4, 2, 3)
        return tiles.where(~sheet.tiles.isnan(), torch.nan)
    return tiles.expand(-1, -1, 3, -1, -1)


def _require_drawable(width: float, height: float) -> None:
    if max(width, height) > LONGEST_SIDE or width * height > MOST_PIXELS:
        raise GenlabError(
            f"a picture of {math.ceil(width):,} x {math.ceil(height):,} pixels is too large; "
            "give fewer images, a smaller --scale, or an --out that ends in .npz"
        )
