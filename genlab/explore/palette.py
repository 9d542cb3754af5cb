"""The colours of drawings, such as edges and label maps, for the sketch pad."""

import torch
from torch import Tensor

LOOKED_AT = 16
"""Images."""
MOST = 16
"""Colours at most."""
LEVEL = 4
"""Largest difference between neighbours in a flat area, as compressed images have."""
ALIKE = 24
"""Largest difference in a channel between pixels of one colour."""
FAR = 96
"""Difference of lines from what they are drawn on."""
FLAT = 0.25
"""Share of pixels in flat areas, at least: photographs have less."""
COVERED = 0.95
"""Share of these that have one of the colours, at least."""
RARE = 0.002
"""Share of pixels that make a colour, at least."""


def palette_of(images: Tensor) -> list[list[int]] | None:
    """Find the colours of drawings: few, in flat areas.

    Args:
        images: (N, C, H, W), uint8, of 1 or 3 channels.

    Returns:
        (r, g, b) from 0 to 255, the most frequent first; None for images that are no drawings.
    """
    if images.shape[1] not in (1, 3) or min(images.shape[2:]) < 3:
        return None
    x = images[:LOOKED_AT].expand(-1, 3, -1, -1).int()
    inner = x[:, :, 1:-1, 1:-1]
    around = x[:, :, :-2, 1:-1], x[:, :, 2:, 1:-1], x[:, :, 1:-1, :-2], x[:, :, 1:-1, 2:]
    steps = torch.stack([(side - inner).abs().amax(1) for side in around]).amax(0)
    pixels, flat = inner.movedim(1, -1).flatten(0, 2), (steps <= LEVEL).flatten()
    colors, rest = _most_frequent(pixels[flat], MOST)
    if flat.float().mean() < FLAT or rest > 1 - COVERED:
        return None
    if len(colors) == 1:  # lines are too thin to have a flat area
        lines, _ = _most_frequent(pixels[_distance(pixels, colors[0]) > FAR], 1)
        colors += lines
    return [color.tolist() for color in colors]


def _most_frequent(pixels: Tensor, most: int) -> tuple[list[Tensor], float]:
    """Find the most frequent colours of pixels (N, 3), and the share of pixels that have none of them."""
    total = max(1, len(pixels))
    colors: list[Tensor] = []
    while len(pixels) and len(colors) < most:
        coarse = pixels // 8 @ torch.tensor([32 * 32, 32, 1], dtype=pixels.dtype)
        counts = coarse.bincount()
        if counts.max() < RARE * total:
            break
        colors.append(pixels[coarse == counts.argmax()].median(0).values)
        pixels = pixels[_distance(pixels, colors[-1]) > ALIKE]
    return colors, len(pixels) / total


def _distance(pixels: Tensor, color: Tensor) -> Tensor:
    return (pixels - color).abs().amax(1)
