"""The variational bound on log p(x) of diffusion models, in parts by timestep."""

import math
from dataclasses import replace
from typing import Any

import torch

from genlab.evaluation.rows import Row, averages
from genlab.evaluation.splits import Options, Splits

AT_ONCE = 500
"""Number of images evaluated together."""
TIMESTEPS = 20
"""Number of timesteps at which an image's bound is estimated, unless another number is given."""
GROUPS = 5
"""Maximum number of groups of timesteps whose parts are reported separately."""


@torch.no_grad()
def judge_bound(model: Any, splits: Splits, options: Options) -> list[Row]:
    """Estimate the variational bound on -log p(x) of 8-bit images (Ho et al. 2020, section 4.3), from above.

    In nats, and in bits per dimension, with its parts: that of the prior, those of groups of timesteps, of which
    "bound_of_steps_0_to_20%" has the most noise, and that of the last step's likelihood.
    """
    random = torch.Generator().manual_seed(options.seed)
    timesteps = options.codes or TIMESTEPS
    bounds, bits, parts = [], [], []
    for able, x in splits.seen_by(model, options, AT_ONCE, "Evaluating"):
        parts.append(able.bound(x, timesteps, random).double())
        bounds.append(parts[-1].sum(1))
        bits.append(bounds[-1] / (x[0].numel() * math.log(2)))
    prior, *steps, last = torch.cat(parts).unbind(1)
    groups = torch.stack(steps, 1).tensor_split(min(GROUPS, len(steps)), 1)
    shares = [round(100 * group / len(groups)) for group in range(len(groups) + 1)]
    scores = {"bound": bounds, "bits_per_dim": bits, "bound_of_prior": [prior]}
    for first, end, group in zip(shares, shares[1:], groups, strict=False):
        scores[f"bound_of_steps_{first}_to_{end}%"] = [group.sum(1)]
    scores["bound_of_likelihood"] = [last]
    stamp = {f"{splits.split}_images": sum(map(len, bounds)), "timesteps": len(steps), "likelihood": "of 256 levels"}
    rows = averages(scores, {**stamp, "bits_per_dim_of": "bound"})
    return [row if row.name == "bits_per_dim" else replace(row, unit="nats") for row in rows]
