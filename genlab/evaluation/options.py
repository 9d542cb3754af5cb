"""Options of an evaluation."""

from dataclasses import dataclass

import torch
from torch import Tensor

from genlab.devices import CPU


@dataclass(frozen=True)
class Options:
    """Options of an evaluation.

    Args:
        limit: maximum number of images.
        seed: seed of the choice of images, and of all noise.
        codes: number of codes per image for estimates of a likelihood; by default the protocol's own.
        by_features: whether to compare features, also for a model that could be judged in another way.
        network: name of the network of these features; see `genlab.evaluation.extractors.extractor`.
        device: device of this network.
        condition: the condition (1, ...), as the model's `given` takes it, of all images; by default each image has its
            own.
    """

    limit: int = 10**9
    seed: int = 0
    codes: int | None = None
    by_features: bool = False
    network: str | None = None
    device: torch.device = CPU
    condition: Tensor | None = None
