"""How near translations of test images come to the truth, or to their domain, for `genlab evaluate`."""

import argparse
from collections import defaultdict
from collections.abc import Iterator
from typing import Any
from urllib.error import URLError

import torch
from torch import Tensor
from torchmetrics.image.lpip import LearnedPerceptualImagePatchSimilarity
from tqdm import tqdm

from genlab.commands.shared.domains import Translated, test_images
from genlab.commands.shared.trained import Trained
from genlab.evaluation.extractors import Extractor, extractor
from genlab.evaluation.reconstructions import averaged
from genlab.evaluation.samples import images_of, judged, require_enough, suffixed
from genlab.losses.reconstruction import SSIM_WINDOW
from genlab.metrics.sample_quality import distances
from genlab.metrics.translation import sharpness, translation_scores
from genlab.models.capabilities import Translates

AT_ONCE = 16
"""Images that are translated together."""
LARGE_ENOUGH = 64
"""Pixels of a side from which LPIPS's network can judge images."""


def translation_quality(trained: Trained, args: argparse.Namespace) -> dict[str, Any]:
    """Of each direction: L1, PSNR, SSIM, LPIPS and sharpness where the truth is known; otherwise FID and KID.

    The figures of untranslated images tell what doing nothing is worth.
    """
    model = trained.able_to(Translates)  # type: ignore[type-abstract]
    found: dict[str, Any] = {}
    images = test_images(trained).some(args.limit, args.seed)
    by_domain = args.fid or args.features or not images.aligned
    judges = {
        direction: extractor(args.features, images.data, images.translated(direction).end_shape, trained.device)
        for direction in (model.directions if by_domain else ())
    }
    for direction in model.directions:
        test = images.translated(direction)
        if by_domain:
            figures = against_domain(model, test, judges[direction], args.seed)
        else:
            figures = against_truth(model, test, args.seed)
        found |= {f"{direction}_{name}": value for name, value in figures.items()}
    return found


def against_truth(model: Translates, test: Translated, seed: int) -> dict[str, Any]:
    """Scores of translations, averaged over images; "sharpness" is relative to the truth's."""
    scores: dict[str, list[Tensor]] = defaultdict(list)
    lpips = perceptual(test)
    for rows, x, y in translations(model, test, seed):
        truth = test.end[rows]["image"]
        kinds = {"": y} | ({"_untranslated": x} if test.start_shape == test.end_shape else {})
        for kind, images in kinds.items():
            for name, values in translation_scores(images, truth).items():
                scores[name + kind].append(values)
        scores["sharpness"].append(sharpness(y))
        scores["sharpness_of_truth"].append(sharpness(truth))
        if lpips:
            lpips.update(y.expand(-1, 3, -1, -1), truth.expand(-1, 3, -1, -1))
    means = averaged({name: torch.cat(values) for name, values in scores.items() if "sharpness" not in name})
    means["sharpness"] = torch.cat(scores["sharpness"]).mean().item()
    means["sharpness"] /= max(torch.cat(scores["sharpness_of_truth"]).mean().item(), 1e-12)
    found: dict[str, Any] = {"images": f"{len(test.start)} of the test split", **means}
    if "ssim" in means:
        found["ssim_windows"] = f"{SSIM_WINDOW} x {SSIM_WINDOW}, Gaussian, wholly within the image"
    return found | ({"lpips": lpips.compute().item()} if lpips else {})


def against_domain(model: Translates, test: Translated, judge: Extractor, seed: int) -> dict[str, Any]:
    """Distances of translations from images of the domain that they are translated to."""
    require_enough(min(len(test.start), len(test.end)))
    real, _ = judged(judge, images_of(test.end))
    fake, _ = judged(judge, (y for _, _, y in translations(model, test, seed)))
    found: dict[str, Any] = {
        "extractor": judge.name,
        "resize": judge.resize,
        "images": f"{len(fake)} translations, {len(real)} images of the test split",
        **distances(real, fake),
    }
    if test.start_shape == test.end_shape:
        untranslated, _ = judged(judge, images_of(test.start))
        found |= suffixed(distances(real, untranslated), "_untranslated")
    return found


def translations(model: Translates, test: Translated, seed: int) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """Positions, images there and their translations, in batches."""
    random = torch.Generator().manual_seed(seed)
    with tqdm(total=len(test.start), desc="Translating", unit=" images") as bar:
        for rows in torch.arange(len(test.start)).split(AT_ONCE):
            x = test.start[rows]["image"]
            with torch.no_grad():
                y = model.translate(x, direction=test.direction, generator=random)
            yield rows, x, y
            bar.update(len(rows))


def perceptual(test: Translated) -> LearnedPerceptualImagePatchSimilarity | None:
    """LPIPS (Zhang et al. 2018) with AlexNet, where images are large enough and its weights can be had."""
    if min(test.end_shape[1:]) < LARGE_ENOUGH:
        return None
    try:
        return LearnedPerceptualImagePatchSimilarity("alex", normalize=True)
    except (URLError, OSError, RuntimeError) as error:
        print(f"without LPIPS: AlexNet's weights cannot be had ({' '.join(str(error).split())})")
        return None
