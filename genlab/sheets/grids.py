"""Grids of images, drawn without a model."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from genlab.pictures.drawing import Sheet
from genlab.pictures.lines import Lines


def in_rows(images: Tensor, columns: int, **options: Any) -> Sheet:
    """Arrange images (B, C, H, W) in [0, 1] row by row; `options` are those of a `Sheet`."""
    return Sheet(_filled(images, min(columns, len(images))), **options)


def of_samples(observations: Tensor | Sequence[str], columns: int = 8, **options: Any) -> "Sheet | Lines":
    """Arrange a model's samples: images (B, C, H, W) in a grid, texts in lines; `options` are those of the result."""
    if isinstance(observations, Tensor):
        return in_rows(observations, columns, **options)
    return Lines(observations, **options)


def stacked(kinds: Mapping[str, Tensor], columns: int, **options: Any) -> Sheet:
    """Arrange several kinds of images, by name, (B, C, H, W) in [0, 1]: each row of one above that of the next.

    `options` are those of a `Sheet`.
    """
    columns = min(columns, len(next(iter(kinds.values()))))
    rows = torch.stack(alike([_filled(images, columns) for images in kinds.values()]), 1)
    return Sheet(
        rows.flatten(0, 1),
        row_labels=[*kinds] * len(rows),
        row_breaks=range(0, len(rows) * len(kinds), len(kinds)),
        **options,
    )


def beside_first(images: Tensor, name: str, sheet: Sheet) -> Sheet:
    """Add a column of images (rows, C, H, W) on the left of a sheet."""
    labels = sheet.column_labels or [""] * sheet.tiles.shape[1]
    tiles = torch.cat(alike([images[:, None], sheet.tiles]), 1)
    return replace(sheet, tiles=tiles, column_labels=[name, *labels], column_breaks=[1])


def alike(parts: Sequence[Tensor]) -> list[Tensor]:
    """Return images (..., C, H, W) on the CPU, all as RGB if any is RGB."""
    channels = max(part.shape[-3] for part in parts)
    return [part.detach().float().cpu().expand(*part.shape[:-3], channels, -1, -1) for part in parts]


def number(value: float, digits: int = 3, sign: bool = False) -> str:
    """Format a number with a few digits and a typographic minus sign."""
    text = f"{value:+.{digits}g}" if sign and value else f"{abs(value) if value == 0 else value:.{digits}g}"
    return text.replace("-", "−")  # noqa: RUF001


def _filled(images: Tensor, columns: int) -> Tensor:
    """Arrange images (B, C, H, W) row by row: (rows, columns, C, H, W) on the CPU; NaN fills up the last row."""
    images = images.detach().float().cpu()
    blank = images.new_full((-len(images) % columns, *images.shape[1:]), torch.nan)
    filled: Tensor = torch.cat([images, blank]).unflatten(0, (-1, columns))
    return filled
