"""Likelihoods of images: log p(x) if it is known, else the ELBO, and log p(x) by importance sampling."""

import math
from dataclasses import replace
from typing import Any

import torch

from genlab.errors import GenlabError
from genlab.evaluation.rows import Row, averages
from genlab.evaluation.splits import Options, Splits

AT_ONCE = 100
"""Number of images evaluated together."""
CODES = 5000
"""Number of codes per image, unless another number is given."""


@torch.no_grad()
def judge_likelihood(model: Any, splits: Splits, options: Options) -> list[Row]:
    """Estimate the ELBO, with one code per image, and log p(x), by importance sampling, both in nats.

    Bits per dimension are those of log p(x), the tighter bound, whichever the model was trained on.

    Raises:
        GenlabError: for a model with a perceptual distance in place of a likelihood.
    """
    if model.likelihood.is_distance:
        raise GenlabError(
            f"the {type(model).__name__} has a perceptual distance in place of a likelihood; "
            "judge its samples with --fid"
        )
    random = torch.Generator().manual_seed(options.seed)
    codes = options.codes or CODES
    elbo, log_likelihood, bits = [], [], []
    for able, x in splits.seen_by(model, options, AT_ONCE, "Evaluating"):
        elbo.append(able.elbo(x, random))
        log_likelihood.append(able.log_likelihood(x, codes, random))
        bits.append(able.likelihood.bits_per_dim(log_likelihood[-1], x[0].numel()))
    count = sum(map(len, elbo))
    stamp = {"likelihood": type(model.likelihood).__name__, f"{splits.split}_images": count, "samples": codes}
    scores = {"elbo": elbo, "log_likelihood": log_likelihood, "bits_per_dim": bits}
    *others, bits_per_dim = averages(scores, stamp)
    return [*others, replace(bits_per_dim, stamp={**stamp, "bits_per_dim_of": "log_likelihood"})]


def judge_exact_likelihood(model: Any, splits: Splits, options: Options) -> list[Row]:
    """Compute log p(x) in nats, and in bits per dimension: not an estimate, but the probability of each image."""
    log_likelihood, bits = [], []
    for able, x in splits.seen_by(model, options, AT_ONCE, "Evaluating"):
        log_likelihood.append(able.log_prob(x))
        bits.append(-log_likelihood[-1] / (x[0].numel() * math.log(2)))
    stamp = {"likelihood": f"exact, of {model.levels} levels", f"{splits.split}_images": sum(map(len, bits))}
    return averages({"log_likelihood": log_likelihood, "bits_per_dim": bits}, stamp)
