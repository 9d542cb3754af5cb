"""Reconstructions, compared with the original images."""

from collections import defaultdict
from typing import Any

import torch
from torch import Tensor

from genlab.capabilities import reconstructed
from genlab.errors import counted
from genlab.evaluation.rows import Row, averages
from genlab.evaluation.splits import Options, Splits
from genlab.losses.reconstruction import SSIM_WINDOW
from genlab.metrics.translation import translation_scores

AT_ONCE = 500
"""Number of images reconstructed together."""
SSIM_WINDOWS = f"{SSIM_WINDOW} x {SSIM_WINDOW}, Gaussian, wholly within the image"


@torch.no_grad()
def judge_reconstructions(model: Any, splits: Splits, options: Options) -> list[Row]:
    """Average L1, MSE, PSNR and SSIM of reconstructions over images.

    For a denoising model, also those of reconstructions from corrupted images.
    """
    random = torch.Generator().manual_seed(options.seed)
    scores: dict[str, dict[str, list[Tensor]]] = defaultdict(lambda: defaultdict(list))
    for able, x in splits.seen_by(model, options, AT_ONCE, "Reconstructing"):
        kinds = {"": able.reconstruct(x)}
        _, *corrupted, restored = reconstructed(able, x, random)
        if corrupted:
            kinds["_from_corrupted"] = restored
        for kind, y in kinds.items():
            for name, values in {"mse": (y - x).square().flatten(1).mean(1), **translation_scores(y, x)}.items():
                scores[kind][name].append(values)
    count = counted(sum(map(len, scores[""]["mse"])), "image")
    stamp = {"images": f"{count} of the {splits.split} split, values in [0, 1]"}
    if "ssim" in scores[""]:
        stamp["ssim_windows"] = SSIM_WINDOWS
    return [row for kind, found in scores.items() for row in averages(found, stamp, kind)]
