"""Codes of a data set's images, each computed once."""

from collections.abc import Callable, Sized
from typing import Any

import torch
from lightning.pytorch import LightningModule
from lightning.pytorch.utilities.model_helpers import is_overridden
from torch import Tensor
from torch.utils.data import ConcatDataset, Subset

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


def cachable(model: LightningModule, split: str, batch: Any) -> int:
    """Return the number of images in a split, if a batch says which of them it holds, and they never change; else 0.

    They may change in hooks of the user's, and positions in a data set of several parts do not tell its images apart.
    """
    trainer, hooks = model.trainer, ("on_before_batch_transfer", "transfer_batch_to_device", "on_after_batch_transfer")
    sources = [source for source in (model, trainer.datamodule) if source is not None]  # type: ignore[attr-defined]
    loader = trainer.train_dataloader if split == "train" else trainer.val_dataloaders
    images = getattr(loader, "dataset", None)
    if "index" not in batch or not isinstance(images, Sized) or isinstance(images, ConcatDataset | Subset):
        return 0
    return 0 if any(is_overridden(hook, source) for hook in hooks for source in sources) else len(images)


def in_equal_parts(images: Tensor, compute: Callable[[Tensor], Tensor]) -> Tensor:
    """Compute something for images (B, ...) in parts of equal size, the last one padded with repeated images."""
    rows = torch.arange(-(-len(images) // AT_ONCE) * AT_ONCE, device=images.device) % len(images)
    return torch.cat([compute(images[part]) for part in rows.split(AT_ONCE)])[: len(images)]
