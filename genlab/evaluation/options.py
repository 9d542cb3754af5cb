"""How a model is judged, where that can be chosen."""

from dataclasses import dataclass

import torch
from torch import Tensor

from genlab.devices import CPU


@dataclass(frozen=True)
class Options:
    """What can be chosen of how a model is judged.

    Args:
        limit: maximum number of images.
        seed: of which images these are, and of all that is random.
        codes: per image, which a likelihood is estimated with; by default the protocol's own number.
        by_features: whether features are compared, also of a model that could be judged otherwise.
        network: whose features; see `genlab.evaluation.extractors.extractor`.
        device: where the network works.
        condition: under which a conditional model sees all images, (1, ...) as its `given` takes it; by default it sees
            each under its own.
    """

    limit: int = 10**9
    seed: int = 0
    codes: int | None = None
    by_features: bool = False
    network: str | None = None
    device: torch.device = CPU
    condition: Tensor | None = None
