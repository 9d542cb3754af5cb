"""Scores that rank single images by how strange they are to a model."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Generator, Tensor
from tqdm import tqdm

from genlab.capabilities import (
    Bounds,
    ExactLikelihood,
    HasLikelihood,
    HasPartition,
    KnowsWords,
    Reconstructs,
    can_given,
    seen_in,
)
from genlab.evaluation.sentences import right

AT_ONCE = 100
"""Number of images scored together."""
CODES = 100
"""Number of codes per image, unless another number is given: enough to rank images."""


@dataclass(frozen=True)
class Score:
    """A measure of how strange images are to models of a capability.

    Args:
        name: name of the score, such as "squared error".
        of: computes the score of each image, (B,), larger for stranger ones, from the model (given the images'
            conditions if it is conditional), images (B, C, H, W), the number of codes per image, and their generator.
        estimates: whether the score depends on codes.
    """

    name: str
    of: Callable[[Any, Tensor, int, Generator], Tensor]
    estimates: bool = False


def surprise(able: HasLikelihood, x: Tensor, codes: int, random: Generator) -> Tensor:
    """Return the negative log-likelihood, by importance sampling: (B,), in nats."""
    return -able.log_likelihood(x, codes, random)


def exact_surprise(able: ExactLikelihood, x: Tensor, codes: int, random: Generator) -> Tensor:
    """Return the negative log-likelihood: (B,), in nats."""
    return -able.log_prob(x)


def squared_error(able: Reconstructs, x: Tensor, codes: int, random: Generator) -> Tensor:
    """Return the squared error of reconstructions, summed over pixels: (B,)."""
    return (able.reconstruct(x) - x).square().flatten(1).sum(1)


def words_wrong(able: Reconstructs, x: Tensor, codes: int, random: Generator) -> Tensor:
    """Return the share of sentences' words that reconstructions do not have at the same place: (B,)."""
    return 1 - right(able.reconstruct(x), x)


def bounded(able: Bounds, x: Tensor, codes: int, random: Generator) -> Tensor:
    """Return the variational bound on the negative log-likelihood, at `codes` timesteps: (B,), in nats."""
    return able.bound(x, codes, random).sum(1)


def unnormalized(able: HasPartition, x: Tensor, codes: int, random: Generator) -> Tensor:
    """Return the negative log-likelihood up to the log partition function, the same for all images: (B,), in nats."""
    return -able.unnormalized(x, random)


SCORES: dict[type[Any], Score] = {
    HasLikelihood: Score("negative log-likelihood", surprise, estimates=True),
    ExactLikelihood: Score("negative log-likelihood", exact_surprise),
    Bounds: Score("bound on negative log-likelihood", bounded, estimates=True),
    HasPartition: Score("unnormalised negative log-likelihood", unnormalized),
    Reconstructs: Score("squared error", squared_error),
}
"""Scores by capability; images are scored by the first capability that a model has."""


OF_WORDS = Score("share of words wrong", words_wrong)
"""Score of sentences for a model that only reconstructs."""


def score_for(model: Any) -> Score | None:
    """Return the score that a model can compute, under conditions if it is conditional; None if there is none."""
    distance = can_given(model, HasLikelihood) and getattr(getattr(model, "likelihood", None), "is_distance", False)
    asked = (capability for capability in SCORES if not (capability is HasLikelihood and distance))
    found = next((SCORES[capability] for capability in asked if can_given(model, capability)), None)
    return OF_WORDS if found is SCORES[Reconstructs] and can_given(model, KnowsWords) else found


@torch.no_grad()
def scores(model: object, images: Any, rows: Tensor, score: Score, random: Generator, codes: int = CODES) -> Tensor:
    """Score images of a data set, at positions `rows` (N,): (N,)."""
    found = []
    unit = f" {getattr(model, 'observations', 'images')}"
    for some in tqdm(rows.split(AT_ONCE), "Scoring", unit_scale=AT_ONCE, unit=unit):
        found.append(score.of(*seen_in(model, images[some]), codes, random))
    return torch.cat(found)
