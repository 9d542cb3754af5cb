"""Reconstructions, compared with the images that they are of."""

from collections import defaultdict
from typing import Any

import torch
from torch import Tensor
from tqdm import tqdm

from genlab.capabilities import reconstructed, seen_in
from genlab.errors import counted
from genlab.evaluation.options import Options
from genlab.evaluation.rows import Row, averages
from genlab.evaluation.splits import Splits
from genlab.losses.reconstruction import SSIM_WINDOW
from genlab.metrics.translation import translation_scores

AT_ONCE = 500
"""Images that are reconstructed together."""
SSIM_WINDOWS = f"{SSIM_WINDOW} x {SSIM_WINDOW}, Gaussian, wholly within the image"


@torch.no_grad()
def judge_reconstructions(model: Any, splits: Splits, options: Options) -> list[Row]:
    """Average L1, MSE, PSNR and SSIM of reconstructions over images.

    Of a denoising model, also those of reconstructions from corrupted images.
    """
    images = splits.images_for(model)
    if options.condition is not None:
        model = model.given(options.condition)
    order = torch.randperm(len(images), generator=torch.Generator().manual_seed(options.seed))
    chosen = order[: options.limit].sort().values
    random = torch.Generator().manual_seed(options.seed)
    scores: dict[str, dict[str, list[Tensor]]] = defaultdict(lambda: defaultdict(list))
    with tqdm(total=len(chosen), desc="Reconstructing", unit=" images") as bar:
        for rows in chosen.split(AT_ONCE):
            able, x = seen_in(model, images[rows])
            kinds = {"": able.reconstruct(x)}
            _, *corrupted, restored = reconstructed(able, x, random)
            if corrupted:
                kinds["_from_corrupted"] = restored
            for kind, y in kinds.items():
                for name, values in {"mse": (y - x).square().flatten(1).mean(1), **translation_scores(y, x)}.items():
                    scores[kind][name].append(values)
            bar.update(len(rows))
    stamp = {"images": f"{counted(len(chosen), 'image')} of the {splits.split} split, values in [0, 1]"}
    if "ssim" in scores[""]:
        stamp["ssim_windows"] = SSIM_WINDOWS
    return [row for kind, found in scores.items() for row in averages(found, stamp, kind)]
