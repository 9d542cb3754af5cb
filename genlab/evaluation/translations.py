"""Translations, compared with the truth if it is known, else with images of their domain."""

import warnings
from collections import defaultdict
from collections.abc import Iterator
from typing import Any
from urllib.error import URLError

import torch
from torch import Tensor
from torchmetrics.image.lpip import LearnedPerceptualImagePatchSimilarity
from tqdm import tqdm

from genlab.capabilities import KnowsDeviation, Translates, can
from genlab.evaluation.domains import Translated, domains_of
from genlab.evaluation.extractors import Extractor, extractor
from genlab.evaluation.reconstructions import SSIM_WINDOWS
from genlab.evaluation.rows import Row, averages, rows_of
from genlab.evaluation.samples import images_of, require_enough, seen_by
from genlab.evaluation.splits import Options, Splits
from genlab.metrics.sample_quality import distances
from genlab.metrics.translation import sharpness, translation_scores

AT_ONCE = 16
"""Number of images translated together."""
LARGE_ENOUGH = 64
"""Minimum side in pixels of images that LPIPS's network can judge."""


def judge_translations(model: Translates, splits: Splits, options: Options) -> list[Row]:
    """Measure L1, PSNR, SSIM, LPIPS and sharpness in each direction if the truth is known; otherwise FID and KID.

    Metrics of untranslated images show how good it would be to do nothing.

    Raises:
        GenlabError: for data other than pairs or domains, for too few images, and for a network that is not available.
    """
    everything = domains_of(splits)
    domains = everything.some(options.limit, options.seed)
    by_features = options.by_features or not domains.aligned
    for direction in model.directions if by_features else ():
        compared = [some.translated(direction) for some in (domains, everything)]
        require_enough(*(min(len(images.start), len(images.end)) for images in compared))
    networks = {
        direction: extractor(options.network, domains.data, domains.translated(direction).end_shape, options.device)
        for direction in (model.directions if by_features else ())
    }
    found = []
    for direction in model.directions:
        images = domains.translated(direction)
        rows = (
            against_domain(model, images, splits.split, networks[direction], options.seed)
            if by_features
            else against_truth(model, images, splits.split, options.seed)
        )
        found += [row.renamed(prefix=f"{direction}_") for row in rows]
    return found


def against_truth(model: Translates, images: Translated, split: str, seed: int) -> list[Row]:
    """Average scores of translations over images; "sharpness" is relative to the truth's."""
    scores: dict[str, dict[str, list[Tensor]]] = defaultdict(lambda: defaultdict(list))
    sharp, sharp_truth = [], []
    lpips = perceptual(images)
    random = torch.Generator().manual_seed(seed)
    for rows, x, y in translations(model, images, seed):
        truth = images.end[rows]["image"]
        if can(model, KnowsDeviation):
            for name, values in coverage(model, x, truth, random).items():
                scores[""][name].append(values)
        kinds = {"": y} | ({"_untranslated": x} if images.start_shape == images.end_shape else {})
        for kind, compared in kinds.items():
            for name, values in translation_scores(compared, truth).items():
                scores[kind][name].append(values)
        sharp.append(sharpness(y))
        sharp_truth.append(sharpness(truth))
        if lpips:
            lpips.update(y.expand(-1, 3, -1, -1), truth.expand(-1, 3, -1, -1))
    stamp = {"images": f"{len(images.start)} of the {split} split"}
    if "ssim" in scores[""]:
        stamp["ssim_windows"] = SSIM_WINDOWS
    relative = torch.cat(sharp).mean().item() / max(torch.cat(sharp_truth).mean().item(), 1e-12)
    found = [row for kind, of_kind in scores.items() for row in averages(of_kind, stamp, kind)]
    found.append(Row("sharpness", relative, stamp=stamp))
    return found + ([Row("lpips", lpips.compute().item(), stamp=stamp)] if lpips else [])


@torch.no_grad()
def coverage(model: KnowsDeviation, x: Tensor, truth: Tensor, random: torch.Generator) -> dict[str, Tensor]:
    """Return by name, (B,), the mean deviation, and the shares of the truth within one and two deviations of the mean.

    If deviations are right, and errors normal, these shares are 68.3 % and 95.4 %.
    """
    moments = model.moments(x, random)
    away = (truth - moments["mean"]).abs() / moments["deviation"]
    found = {
        "deviation": moments["deviation"],
        "within_one_deviation": (away <= 1).float(),
        "within_two_deviations": (away <= 2).float(),
    }
    return {name: values.flatten(1).mean(1) for name, values in found.items()}


def against_domain(model: Translates, images: Translated, split: str, network: Extractor, seed: int) -> list[Row]:
    """Measure distances between translations and images of the domain that they are translated to."""
    real, _ = seen_by(network, images_of(images.end))
    fake, _ = seen_by(network, (y for _, _, y in translations(model, images, seed)))
    stamp: dict[str, Any] = {
        **network.stamp,
        "images": f"{len(fake)} translations, {len(real)} images of the {split} split",
    }
    found = rows_of(distances(real, fake), stamp)
    if images.start_shape == images.end_shape:
        untranslated, _ = seen_by(network, images_of(images.start))
        found += rows_of(distances(real, untranslated), stamp, "_untranslated")
    return found


def translations(model: Translates, images: Translated, seed: int) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """Translate images in batches: yields positions, the images there, and their translations."""
    random = torch.Generator().manual_seed(seed)
    with tqdm(total=len(images.start), desc="Translating", unit=" images") as bar:
        for rows in torch.arange(len(images.start)).split(AT_ONCE):
            x = images.start[rows]["image"]
            with torch.no_grad():
                y = model.translate(x, direction=images.direction, generator=random)
            yield rows, x, y
            bar.update(len(rows))


def perceptual(images: Translated) -> LearnedPerceptualImagePatchSimilarity | None:
    """Build LPIPS (Zhang et al. 2018) with AlexNet, if images are large enough and its weights are available."""
    if min(images.end_shape[1:]) < LARGE_ENOUGH:
        return None
    try:
        return LearnedPerceptualImagePatchSimilarity("alex", normalize=True)
    except (URLError, OSError, RuntimeError) as error:
        reason = " ".join(str(error).split())
        warnings.warn(f"LPIPS is left out: AlexNet's weights are not available ({reason})", stacklevel=2)
        return None
