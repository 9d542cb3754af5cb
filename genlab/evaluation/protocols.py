"""Table of the protocols by which models are judged, according to their capabilities."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from genlab.capabilities import (
    Bounds,
    ExactLikelihood,
    HasLikelihood,
    HasPartition,
    KnowsWords,
    Quantizes,
    Reconstructs,
    Samples,
    Translates,
    can_given,
)
from genlab.evaluation.bound import judge_bound
from genlab.evaluation.likelihood import judge_exact_likelihood, judge_likelihood
from genlab.evaluation.partition import judge_partition
from genlab.evaluation.quantized import judge_quantized
from genlab.evaluation.reconstructions import judge_reconstructions
from genlab.evaluation.rows import Row
from genlab.evaluation.samples import judge_samples
from genlab.evaluation.sentences import judge_sentences
from genlab.evaluation.splits import Options, Splits
from genlab.evaluation.translations import judge_translations


@dataclass(frozen=True)
class Protocol:
    """A way to judge models of a capability.

    Args:
        judge: measures a model with the capability on the images of a split.
        estimates: whether it uses `Options.codes`, the number of codes per image for an estimate.
        anneals: whether it uses `Options.temperatures`, the number of temperatures.
        compares_features: whether it can compare features of a network, as `Options.by_features` asks for.
    """

    judge: Callable[[Any, Splits, Options], list[Row]]
    estimates: bool = False
    anneals: bool = False
    compares_features: bool = False


PROTOCOLS: dict[type[Any], Protocol] = {
    Translates: Protocol(judge_translations, compares_features=True),
    KnowsWords: Protocol(judge_sentences, estimates=True),
    HasLikelihood: Protocol(judge_likelihood, estimates=True),
    ExactLikelihood: Protocol(judge_exact_likelihood),
    Bounds: Protocol(judge_bound, estimates=True),
    HasPartition: Protocol(judge_partition, estimates=True, anneals=True),
    Quantizes: Protocol(judge_quantized),
    Samples: Protocol(judge_samples, compares_features=True),
    Reconstructs: Protocol(judge_reconstructions),
}
"""Protocols by capability; a model is judged by the first capability that it has."""


def judging_capability(model: object, by_features: bool = False) -> type[Any]:
    """Return the capability by which a model is judged; the last one considered if the model has none.

    Args:
        model: model to judge; a conditional one is judged under conditions.
        by_features: whether features are to be compared.
    """
    asked = [capability for capability, protocol in PROTOCOLS.items() if protocol.compares_features or not by_features]
    return next((capability for capability in asked if can_given(model, capability)), asked[-1])
