"""Colours of drawings, such as edges and label maps, for the sketch pad."""

import torch
from torch import Tensor

LOOKED_AT = 16
"""Maximum number of images to look at."""
MOST = 16
"""Maximum number of colours."""
LEVEL = 4
"""Largest difference between neighbouring pixels of a flat area; compression makes it larger than 0."""
ALIKE = 24
"""Largest difference in a channel between pixels of one colour."""
FAR = 96
"""Minimum difference between lines and their background."""
FLAT = 0.25
"""Minimum share of pixels in flat areas; photographs have less."""
COVERED = 0.95
"""Minimum share of these pixels that have one of the colours."""
RARE = 0.002
"""Minimum share of pixels that have a colour."""


def palette_of(images: Tensor) -> list[list[int]] | None:
    """Find the colours of drawings, which have few colours, in flat areas.

    Args:
        images: (N, C, H, W), uint8; drawings have 1 or 3 channels.

    Returns:
        (r, g, b) from 0 to 255, the most frequent first; None for images that are not drawings.
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
    """Find the most frequent colours of pixels (N, 3), and the share of pixels that have none of these."""
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
