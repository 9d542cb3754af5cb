"""Grids of images, drawn without a model."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from genlab.pictures.drawing import Sheet
from genlab.pictures.lines import Lines


def in_rows(images: Tensor, columns: int, **options: Any) -> Sheet:
    """Images (B, C, H, W) in [0, 1], row by row; `options` are those of a `Sheet`."""
    return Sheet(_filled(images, min(columns, len(images))), **options)


def of_samples(observations: Tensor | Sequence[str], columns: int = 8, **options: Any) -> "Sheet | Lines":
    """Draw what a model has sampled: images (B, C, H, W) as a grid, texts as lines; `options` are those of either."""
    if isinstance(observations, Tensor):
        return in_rows(observations, columns, **options)
    return Lines(observations, **options)


def stacked(kinds: Mapping[str, Tensor], columns: int, **options: Any) -> Sheet:
    """Images of several kinds, each row of one above the row of the next: by name, (B, C, H, W) in [0, 1].

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
    """A sheet with one more column on the left, of images (rows, C, H, W)."""
    labels = sheet.column_labels or [""] * sheet.tiles.shape[1]
    tiles = torch.cat(alike([images[:, None], sheet.tiles]), 1)
    return replace(sheet, tiles=tiles, column_labels=[name, *labels], column_breaks=[1])


def alike(parts: Sequence[Tensor]) -> list[Tensor]:
    """Images (..., C, H, W) on the CPU, grey ones as RGB where there are RGB ones beside them."""
    channels = max(part.shape[-3] for part in parts)
    return [part.detach().float().cpu().expand(*part.shape[:-3], channels, -1, -1) for part in parts]


def number(value: float, digits: int = 3, sign: bool = False) -> str:
    """Write a number with a few digits, and with the minus that is printed in a text."""
    text = f"{value:+.{digits}g}" if sign and value else f"{abs(value) if value == 0 else value:.{digits}g}"
    return text.replace("-", "−")  # noqa: RUF001


def _filled(images: Tensor, columns: int) -> Tensor:
    """Images (B, C, H, W), row by row: (rows, columns, C, H, W) on the CPU; NaN fills the last row up."""
    images = images.detach().float().cpu()
    blank = images.new_full((-len(images) % columns, *images.shape[1:]), torch.nan)
    filled: Tensor = torch.cat([images, blank]).unflatten(0, (-1, columns))
    return filled
