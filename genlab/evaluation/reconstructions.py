"""How near reconstructions of test images come to them, for `genlab evaluate`."""

import argparse
from collections import defaultdict
from typing import Any

import torch
from torch import Tensor
from tqdm import tqdm

from genlab.commands.shared.trained import BATCH, Trained
from genlab.errors import counted
from genlab.losses.reconstruction import SSIM_WINDOW
from genlab.metrics.translation import translation_scores
from genlab.models.capabilities import Reconstructs, reconstructed
from genlab.tables import ERROR


def reconstruction_quality(trained: Trained, args: argparse.Namespace) -> dict[str, Any]:
    """L1, MSE, PSNR and SSIM of reconstructions, averaged over test images, as they are.

    Of a denoising model, also those of reconstructions from corrupted images.
    """
    model = trained.able_to(Reconstructs)  # type: ignore[type-abstract]
    test = trained.images()
    order = torch.randperm(len(test), generator=torch.Generator().manual_seed(args.seed))
    chosen = order[: args.limit].sort().values
    random = torch.Generator().manual_seed(args.seed)
    scores: dict[str, list[Tensor]] = defaultdict(list)
    with tqdm(total=len(chosen), desc="Reconstructing", unit=" images") as bar, torch.no_grad():
        for rows in chosen.split(BATCH):
            x = test[rows]["image"]
            kinds = {"": model.reconstruct(x)}
            _, *corrupted, restored = reconstructed(model, x, random)
            if corrupted:
                kinds["_from_corrupted"] = restored
            for kind, images in kinds.items():
                found = {"mse": (images - x).square().flatten(1).mean(1), **translation_scores(images, x)}
                for name, values in found.items():
                    scores[name + kind].append(values)
            bar.update(len(rows))
    of_images = {"images": f"{counted(len(chosen), 'image')} of the {trained.split} split, values in [0, 1]"}
    if "ssim" in scores:
        of_images["ssim_windows"] = f"{SSIM_WINDOW} x {SSIM_WINDOW}, Gaussian, wholly within the image"
    return of_images | averaged({name: torch.cat(values) for name, values in scores.items()})


def averaged(scores: dict[str, Tensor]) -> dict[str, float]:
    """The means of scores (N,), each with its standard error, of more than one image."""
    found = {}
    for name, values in scores.items():
        found[name] = values.mean().item()
        if len(values) > 1:
            found[name + ERROR] = (values.std() / len(values) ** 0.5).item()
    return found
