"""Codes of a data set's images, each computed once."""

from collections.abc import Callable

import torch
from torch import Tensor

AT_ONCE = 64
"""Images that are computed together, always as many: the last bits of what a network makes of one depend on it, and
training that is resumed computes others together."""


class CodeCache:
    """Keeps what a frozen network makes of the images of a data set, on the network's device.

    Args:
        size: images in the data set.
    """

    def __init__(self, size: int) -> None:
        self._known = torch.zeros(size, dtype=torch.bool)
        self._codes: Tensor | None = None

    def codes(self, images: Tensor, index: Tensor, compute: Callable[[Tensor], Tensor]) -> Tensor:
        """The codes (B, ...) of images (B, C, H, W) at positions `index` (B,); `compute` codes those that are new."""
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
    """Compute something for images (B, ...) in parts of equal size, the last filled up with images again."""
    rows = torch.arange(-(-len(images) // AT_ONCE) * AT_ONCE, device=images.device) % len(images)
    return torch.cat([compute(images[part]) for part in rows.split(AT_ONCE)])[: len(images)]
