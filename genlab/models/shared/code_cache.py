"""Codes of a data set's images, each computed once."""

from collections.abc import Callable

import torch
from torch import Tensor

AT_ONCE = 64
"""Number of images computed together, always the same: a network's output for an image depends on it in the last bits,
and training that is resumed computes other images together."""


class CodeCache:
    """Cache of a frozen network's outputs for the images of a data set, on the network's device.

    Args:
        size: number of images in the data set.
    """

    def __init__(self, size: int) -> None:
        self._known = torch.zeros(size, dtype=torch.bool)
        self._codes: Tensor | None = None

    def codes(self, images: Tensor, index: Tensor, compute: Callable[[Tensor], Tensor]) -> Tensor:
        """Return the codes (B, ...) of images (B, C, H, W) at positions `index` (B,), with `compute` for new ones."""
        new = ~self._known[index.cpu()]
        if new.any():
            codes = in_equal_parts(images[new], compute)
            if self._codes is None:
                self._codes = codes.new_empty(len(self._known), *codes.shape[1:])
            self._codes[index[new]] = codes
            self._known[index[new].cpu()] = True
        assert self._codes is not None
        return self._codes.index_select(0, index)


def in_equal_parts(images: Tensor, compute: Callable[[Tensor], Tensor]) -> Tensor:
    """Compute something for images (B, ...) in parts of equal size, the last one padded with repeated images."""
    rows = torch.arange(-(-len(images) // AT_ONCE) * AT_ONCE, device=images.device) % len(images)
    return torch.cat([compute(images[part]) for part in rows.split(AT_ONCE)])[: len(images)]
