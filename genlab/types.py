"""The types that genlab's parts hand to each other: image shapes, batches and factories."""

from collections.abc import Callable, Iterable
from typing import Literal, NotRequired, TypedDict

from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

Shape = tuple[int, int, int]
"""An image's shape: (channels, height, width)."""

NetworkFactory = Callable[[Shape, int], nn.Module]
"""Builds an encoder or a decoder from the image's shape and the size of the code.

In Python, models also take a network that is built already in its place; see `genlab.networks.Recorded`.
"""

OptimizerFactory = Callable[[Iterable[nn.Parameter]], Optimizer]
"""Builds an optimizer from the parameters that it shall train."""

ScheduleFactory = Callable[[Optimizer], LRScheduler]
"""Builds the schedule of an optimizer's learning rate; see `genlab.schedules`."""

Interval = Literal["step", "epoch"]
"""What a schedule counts: steps of its optimizer, or epochs."""


class ImageBatch(TypedDict):
    """A batch of images, with what is known about them."""

    image: Tensor
    """(B, C, H, W), float in [0, 1]."""
    label: NotRequired[Tensor]
    """(B,), class indices, int64."""
    attributes: NotRequired[Tensor]
    """(B, number of attributes), 1.0 for those that an image has, else 0.0."""
    index: NotRequired[Tensor]
    """(B,), positions in the data set, int64; there when a position has the same pixels each time."""


class PairBatch(TypedDict):
    """A batch of aligned pairs: `target[i]` is what `source[i]` is to become."""

    source: Tensor
    """(B, C, H, W), float in [0, 1]."""
    target: Tensor
    """(B, C', H, W), float in [0, 1]."""


class DomainBatch(TypedDict):
    """A batch from two domains: in training `a[i]` and `b[i]` have nothing to do with each other."""

    a: Tensor
    """(B, C, H, W), float in [0, 1]."""
    b: Tensor
    """(B, C', H, W), float in [0, 1]."""
