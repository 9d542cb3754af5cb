"""Models whose codes are grids: reconstructions, use of the codebook, and the length of a description."""

import warnings
from collections import defaultdict
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from genlab.errors import counted
from genlab.evaluation.reconstructions import SSIM_WINDOWS
from genlab.evaluation.rows import Row, averages
from genlab.evaluation.splits import Options, Splits
from genlab.metrics.code_usage import CodeUsage
from genlab.metrics.translation import translation_scores
from genlab.models.shared.code_health import collapsed, is_collapsed, is_silent, silent
from genlab.models.shared.grid_priors import most_nats

AT_ONCE = 250
"""Number of images evaluated together."""


@torch.no_grad()
def judge_quantized(model: Any, splits: Splits, options: Options) -> list[Row]:
    """Average errors of reconstructions and the description length, and count the codes that are used.

    The description length is the cost of writing images down exactly, in nats: "prior" for their codes, and
    "reconstruction" for their pixels given the codes, under the model's likelihood. It bounds -log p(x) from above.
    Without a trained prior, all codes count as equally likely. Warns of a collapsed codebook, and of codes that say
    almost nothing.
    """
    coder, levels = model.coder, range(len(model.coder.grids))
    usages = [CodeUsage(coder.quantizer(level).codes) for level in levels]
    scores: dict[str, list[Tensor]] = defaultdict(list)
    for able, x in splits.seen_by(model, options, AT_ONCE, "Evaluating"):
        codes = able.encode(x)
        y = able.decode(codes)
        for usage, grid in zip(usages, coder.split(codes), strict=True):
            usage.update(grid)
        for name, values in {"mse": (y - x).square().flatten(1).mean(1), **translation_scores(y, x)}.items():
            scores[name].append(values)
        nats = {name: values.double() for name, values in able.description(x).items()}
        if coder.likelihood.is_distance:  # which cannot describe pixels
            del nats["reconstruction"]
        else:
            nats["description_length"] = torch.stack([*nats.values()]).sum(0)
            nats["bits_per_dim"] = coder.likelihood.bits_per_dim(-nats["description_length"], x[0].numel())
        for name, values in nats.items():
            scores[name].append(values)
    stamp: dict[str, Any] = {
        "images": f"{counted(sum(map(len, scores['mse'])), 'image')} of the {splits.split} split, values in [0, 1]",
        "likelihood": type(coder.likelihood).__name__,
        "bits_per_dim_of": "description_length",
    }
    if "ssim" in scores:
        stamp["ssim_windows"] = SSIM_WINDOWS
    rows = [replace(row, unit=row.unit or ("nats" if row.name in nats else "")) for row in averages(scores, stamp)]
    means = {row.name: float(row.value) for row in rows}
    for level, usage in zip(levels, usages, strict=True):
        rows += usage_rows(usage, model, level)
        warn(usage, model, level, means[coder.named("prior", level)])
    return rows


def usage_rows(usage: CodeUsage, model: Any, level: int) -> list[Row]:
    """Make rows of the number of a level's codes that were used, and of their perplexity, stamped with the grid."""
    coder = model.coder
    (height, width), codes = coder.grids[level], coder.quantizer(level).codes
    stamp = {
        coder.named("codes", level): f"{codes:,} in a grid of {height} x {width}",
        coder.named("prior_of_codes", level): "learned" if model.has_prior(level) else "uniform",
    }
    return [Row(coder.named(name, level), float(value), stamp=stamp) for name, value in usage.compute().items()]


def warn(usage: CodeUsage, model: Any, level: int, nats: float) -> None:
    """Warn if a level's codebook has collapsed, or its codes say almost nothing under a learned prior."""
    name, used, codes = model.coder.level_names[level], int(usage.compute()["codes_used"]), len(usage.counts)
    if is_collapsed(used, codes, int(usage.counts.sum())):
        warnings.warn(collapsed(name, used, codes), stacklevel=2)
    most = most_nats(model.coder, level)
    if model.has_prior(level) and is_silent(nats, most):
        warnings.warn(silent(name, nats, most), stacklevel=2)
