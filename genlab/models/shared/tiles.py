"""Large images in parts: translated tile by tile, and blended where tiles overlap."""

from collections.abc import Callable

import torch
from torch import Tensor

OVERLAP = 0.25
"""Minimum share of a tile's side that overlaps with the next tile."""


def in_tiles(function: Callable[[Tensor], Tensor], images: Tensor, height: int, width: int) -> Tensor:
    """Apply a function to images (B, C, H, W), tile by tile of at most height x width pixels.

    The function must keep the images' size. Where tiles overlap, pixels weigh less towards a tile's border.
    """
    total: Tensor | None = None
    weights = torch.zeros(images.shape[-2:], device=images.device)
    for rows in spans(images.shape[-2], height):
        for columns in spans(images.shape[-1], width):
            weight = ramp(rows, height)[:, None] * ramp(columns, width)
            tile = function(images[:, :, rows, columns])
            if total is None:
                total = torch.zeros(*tile.shape[:2], *images.shape[-2:], device=tile.device)
            total[:, :, rows, columns] += weight.to(tile) * tile
            weights[rows, columns] += weight.to(weights)
    assert total is not None
    return total / weights


def spans(length: int, tile: int) -> list[slice]:
    """Spread parts evenly over a side, so that they cover it, as long as a tile or as the whole side."""
    if length <= tile:
        return [slice(0, length)]
    step = max(1, int(tile * (1 - OVERLAP)))
    count = -(-(length - tile) // step) + 1
    starts = torch.linspace(0, length - tile, count).round().int().tolist()
    return [slice(start, start + tile) for start in starts]


def ramp(span: slice, tile: int) -> Tensor:
    """Return the weights of a tile's pixels along a side: 1 in the middle, falling linearly towards both ends."""
    from_end = torch.arange(1, span.stop - span.start + 1)
    return (torch.minimum(from_end, from_end.flip(0)) / max(1, int(tile * OVERLAP))).clamp(max=1)
