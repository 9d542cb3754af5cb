"""Likelihoods of images: the ELBO, and log p(x) by importance sampling."""

from dataclasses import replace
from typing import Any

import torch
from tqdm import tqdm

from genlab.capabilities import seen_in
from genlab.errors import GenlabError
from genlab.evaluation.options import Options
from genlab.evaluation.rows import Row, averages
from genlab.evaluation.splits import Splits
from genlab.losses import Perceptual

AT_ONCE = 100
"""Images that are evaluated together."""
CODES = 5000
"""Codes per image, unless another number is asked for."""


@torch.no_grad()
def judge_likelihood(model: Any, splits: Splits, options: Options) -> list[Row]:
    """Estimate the ELBO, with one code per image, and log p(x), by importance sampling, both in nats.

    Bits per dimension are those of log p(x), the tighter bound, whichever the model was trained on.

    Raises:
        GenlabError: for a model with a perceptual distance in place of a likelihood.
    """
    if isinstance(model.likelihood, Perceptual):
        raise GenlabError(
            f"the {type(model).__name__} has a perceptual distance in place of a likelihood; judge its samples: --fid"
        )
    images = splits.images_for(model)
    if options.condition is not None:
        model = model.given(options.condition)
    order = torch.randperm(len(images), generator=torch.Generator().manual_seed(options.seed))
    chosen = order[: options.limit].sort().values
    random = torch.Generator().manual_seed(options.seed)
    codes = options.codes or CODES
    elbo, log_likelihood, bits = [], [], []
    with tqdm(total=len(chosen), desc="Evaluating", unit=" images") as bar:
        for rows in chosen.split(AT_ONCE):
            able, x = seen_in(model, images[rows])
            elbo.append(able.log_likelihood(x, 1, random))
            log_likelihood.append(able.log_likelihood(x, codes, random))
            bits.append(able.likelihood.bits_per_dim(log_likelihood[-1], x[0].numel()))
            bar.update(len(rows))
    stamp = {"likelihood": type(model.likelihood).__name__, "test_images": len(chosen), "samples": codes}
    scores = {"elbo": elbo, "log_likelihood": log_likelihood, "bits_per_dim": bits}
    *others, bits_per_dim = averages(scores, stamp)
    return [*others, replace(bits_per_dim, stamp={**stamp, "bits_per_dim_of": "log_likelihood"})]
