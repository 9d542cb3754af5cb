"""The table of protocols that models are judged by, from their capabilities."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from genlab.evaluation.likelihood import judge_likelihood
from genlab.evaluation.options import Options
from genlab.evaluation.reconstructions import judge_reconstructions
from genlab.evaluation.rows import Row
from genlab.evaluation.samples import judge_samples
from genlab.evaluation.splits import Splits
from genlab.evaluation.translations import judge_translations
from genlab.models.capabilities import HasLikelihood, Reconstructs, Samples, Translates


@dataclass(frozen=True)
class Protocol:
    """A way to judge models of a capability.

    Args:
        judge: measures a model with the capability on the images of a split.
        estimates: whether it estimates with as many codes per image as `Options.codes` says.
        compares_features: whether it can compare features of a network, as `Options.by_features` asks for.
    """

    judge: Callable[[Any, Splits, Options], list[Row]]
    estimates: bool = False
    compares_features: bool = False


PROTOCOLS: dict[type[Any], Protocol] = {
    Translates: Protocol(judge_translations, compares_features=True),
    HasLikelihood: Protocol(judge_likelihood, estimates=True),
    Samples: Protocol(judge_samples, compares_features=True),
    Reconstructs: Protocol(judge_reconstructions),
}
"""Protocols by capability; a model is judged by the first capability that it has."""


def judging_capability(able: object, by_features: bool = False) -> type[Any]:
    """Choose the capability that a model is judged by; for a model without any, the last one in question.

    Args:
        able: the model, or a conditional one under some condition.
        by_features: whether features are to be compared.
    """
    asked = [capability for capability, protocol in PROTOCOLS.items() if protocol.compares_features or not by_features]
    return next((capability for capability in asked if isinstance(able, capability)), asked[-1])
