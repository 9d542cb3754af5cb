"""Pictures of grids of codes: which code is used where."""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from genlab.networks.quantizers import Quantizer


@torch.no_grad()
def coloured_grids(model: Any, images: Tensor) -> dict[str, Tensor]:
    """Draw the codes of images, each in its colour and as large as the part of the image that it encodes.

    Args:
        model: one that `Quantizes`.
        images: (B, C, H, W) in [0, 1].

    Returns:
        Images (B, 3, H, W) in [0, 1] for each level, by the level's name.
    """
    found = {}
    for level, grid in enumerate(model.coder.split(model.encode(images))):
        palette = palette_of(model.coder.quantizer(level))
        coloured = palette[grid.cpu()].movedim(-1, 1)
        found[model.coder.named("codes", level).replace("_", " ")] = F.interpolate(coloured, images.shape[-2:])
    return found


def palette_of(quantizer: Quantizer) -> Tensor:
    """Choose a colour for each code: its vector's ranks in the codebook's first three principal components.

    Returns:
        (codes, 3) in [0, 1]: red, green and blue.
    """
    vectors = quantizer.of_indices(torch.arange(quantizer.codes, device=next(quantizer.buffers()).device)).float().cpu()
    centred = vectors - vectors.mean(0)
    axes = torch.linalg.svd(centred, full_matrices=False).Vh[:3]
    ranks = (centred @ axes.T).argsort(0).argsort(0) / (quantizer.codes - 1)
    return F.pad(ranks, (0, 3 - ranks.shape[1]), value=0.5)
