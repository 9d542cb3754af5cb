"""Types that the parts of genlab pass to each other: image shapes, batches and factories."""

from collections.abc import Callable, Iterable
from typing import Literal, NotRequired, TypedDict

from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

Shape = tuple[int, int, int]
"""Shape of an image: (channels, height, width)."""

NetworkFactory = Callable[[Shape, int], nn.Module]
"""Builds an encoder or a decoder from the shape of images and the size of codes.

In Python, models also take a network that is already built; see `genlab.networks.Recorded`.
"""

GridNetworkFactory = Callable[[Shape, int, int, int], nn.Module]
"""Builds an autoregressive network from the shape of grids, the number of values, the size of a condition's embedding,
and the number of a map's channels; see `genlab.networks.GatedPixelCNN`."""

SentenceNetworkFactory = Callable[[int, int], nn.Module]
"""Builds an encoder or a decoder of sentences from the number of words and the size of codes; see
`genlab.networks.RecurrentEncoder` and `genlab.networks.RecurrentDecoder`."""

OptimizerFactory = Callable[[Iterable[nn.Parameter]], Optimizer]
"""Builds an optimizer from the parameters to train."""

ScheduleFactory = Callable[[Optimizer], LRScheduler]
"""Builds the learning-rate schedule of an optimizer; see `genlab.schedules`."""

Interval = Literal["step", "epoch"]
"""Unit that a schedule counts: steps of its optimizer, or epochs."""


class ImageBatch(TypedDict):
    """Batch of images, with labels or attributes."""

    image: Tensor
    """(B, C, H, W), float in [0, 1]."""
    label: NotRequired[Tensor]
    """(B,), class labels, int64."""
    attributes: NotRequired[Tensor]
    """(B, number of attributes), 1.0 for attributes that an image has, else 0.0."""
    index: NotRequired[Tensor]
    """(B,), positions in the data set, int64; present if a position always has the same pixels."""


class PairBatch(TypedDict):
    """Batch of aligned pairs: `target[i]` is the translation of `source[i]`."""

    source: Tensor
    """(B, C, H, W), float in [0, 1]."""
    target: Tensor
    """(B, C', H, W), float in [0, 1]."""


DomainBatch = dict[str, Tensor]
"""Batch of images from domains, float in [0, 1]: "a" (B, C, H, W), "b" (B, C', H, W), and perhaps "c" and so on, with
the shape of b; in training `a[i]` and `b[i]` are unrelated."""


class SentenceBatch(TypedDict):
    """Batch of sentences, each as the numbers of its words in a `genlab.vocabulary.Vocabulary`."""

    tokens: Tensor
    """(B, T), int64: words, the end, then padding; T is the length of the longest sentence, its end included."""
