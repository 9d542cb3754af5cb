"""How strange images of the user's own are to a model, for `genlab evaluate --input`."""

import csv
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from tqdm import tqdm

from genlab.atomic import whole_file
from genlab.commands.shared.shown import Shown, shown
from genlab.commands.shared.trained import Trained
from genlab.errors import GenlabError, counted
from genlab.losses import Perceptual
from genlab.models.capabilities import HasLikelihood, Reconstructs, abilities
from genlab.tables import as_text

AT_ONCE = 100
"""Images that are scored together."""
SAMPLES = 100
"""Codes for each image, unless told otherwise: enough to rank images."""
LISTED = 20
"""Files in the table that is printed."""

Score = Callable[[Any, Tensor], Tensor]
"""How strange images (B, C, H, W) are to a model, (B,)."""


def write_outliers(trained: Trained) -> None:
    """Print and write a table of the files of --input with their scores, the strangest first.

    Each with the share of the data's images, in percent, that are less strange.

    Raises GenlabError for a model that has neither a likelihood nor reconstructions.
    """
    args = trained.args
    if args.fid or args.features:
        raise GenlabError("--fid and --features judge a model's samples; leave out --input")
    random = torch.Generator().manual_seed(args.seed)
    name, score = score_of(trained, random)
    path = trained.out("outliers.csv")
    own = shown(trained, None, 0, random)
    images = trained.images()
    others = Shown(images, torch.randperm(len(images), generator=random)[: args.limit])
    found, compared = (scores(trained, score, part) for part in (own, others))
    shares = torch.searchsorted(compared.sort().values, found) / len(compared)
    columns = {name: found, f"% of {counted(len(compared), f'{trained.split} image')} below": 100 * shares}
    order = found.argsort(descending=True, stable=True).tolist()
    table = {own.names[i]: {name: float(values[i]) for name, values in columns.items()} for i in order}
    with whole_file(path) as part, part.open("w", newline="", encoding="utf-8", errors="surrogateescape") as file:
        csv.writer(file).writerows([["file", *columns], *([name, *row.values()] for name, row in table.items())])
    print(as_text(dict(list(table.items())[:LISTED])))
    if len(table) > LISTED:
        print(f"and {len(table) - LISTED:,} more")
    print(path)


def score_of(trained: Trained, random: torch.Generator) -> tuple[str, Score]:
    """The score that the model has, with its name: the negative log-likelihood, or else the error of reconstructions.

    Raises GenlabError for a model without either.
    """
    samples = trained.args.samples or SAMPLES
    able = trained.under_any_condition()
    if isinstance(able, HasLikelihood) and not isinstance(able.likelihood, Perceptual):
        return "negative log-likelihood", lambda model, x: -model.log_likelihood(x, samples, random)
    if trained.args.samples:
        raise GenlabError("--samples is for likelihoods, which this model has none of")
    if isinstance(able, Reconstructs):
        return "squared error", lambda model, x: (model.reconstruct(x) - x).square().flatten(1).sum(1)
    raise GenlabError(
        f"the {type(trained.model).__name__} in {trained.checkpoint} can neither estimate likelihoods nor reconstruct, "
        f"so it cannot tell what is strange; it can {', '.join(abilities(trained.model))}"
    )


@torch.no_grad()
def scores(trained: Trained, score: Score, pictured: Shown) -> Tensor:
    """How strange images are, (N,)."""
    found = []
    for rows in tqdm(pictured.rows.split(AT_ONCE), "Scoring", unit_scale=AT_ONCE, unit=" images"):
        model, x = trained.able_to_with(pictured.images[rows], object)
        found.append(score(model, x))
    return torch.cat(found)
