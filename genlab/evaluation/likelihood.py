"""How likely test images are under a model, for `genlab evaluate`."""

import argparse
from typing import Any

import torch
from tqdm import tqdm

from genlab.commands.shared.shown import looked_at
from genlab.commands.shared.trained import Trained
from genlab.errors import GenlabError
from genlab.evaluation.reconstructions import averaged
from genlab.losses import Perceptual
from genlab.models.capabilities import HasLikelihood

IMAGES = 100
"""That are evaluated together."""
SAMPLES = 5000
"""Codes for each image, unless told otherwise."""


def likelihood(trained: Trained, args: argparse.Namespace) -> dict[str, Any]:
    """The ELBO, with one sample for each image, and log p(x), by importance sampling, both in nats.

    Bits per dimension are those of log p(x), the tighter bound, whichever the model was trained on.
    """
    test = looked_at(trained)
    chosen = torch.randperm(len(test), generator=torch.Generator().manual_seed(args.seed))[: args.limit].sort().values
    random = torch.Generator().manual_seed(args.seed)
    num_samples = args.samples or SAMPLES
    elbo, log_likelihood = [], []
    if isinstance(trained.model.likelihood, Perceptual):
        raise GenlabError(f"the {type(trained.model).__name__} has a perceptual distance in place of a likelihood")
    with tqdm(total=len(chosen), desc="Evaluating", unit=" images") as bar:
        for rows in chosen.split(IMAGES):
            with torch.no_grad():
                model, x = trained.able_to_with(test[rows], HasLikelihood)  # type: ignore[type-abstract]
            elbo.append(model.log_likelihood(x, 1, random))
            log_likelihood.append(model.log_likelihood(x, num_samples, random))
            bar.update(len(rows))
    values = {"elbo": torch.cat(elbo), "log_likelihood": torch.cat(log_likelihood)}
    values["bits_per_dim"] = model.likelihood.bits_per_dim(values["log_likelihood"], x[0].numel())
    found: dict[str, Any] = {
        "likelihood": type(model.likelihood).__name__,
        "test_images": len(chosen),
        "samples": num_samples,
    }
    return found | averaged(values) | {"bits_per_dim_of": "log_likelihood"}
