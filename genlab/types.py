"""The types that genlab's parts hand to each other: image shapes, batches and factories."""

from collections.abc import Callable, Iterable
from typing import NotRequired, TypedDict

from torch import Tensor, nn
from torch.optim import Optimizer

Shape = tuple[int, int, int]
"""An image's shape: (channels, height, width)."""

NetworkFactory = Callable[[Shape, int], nn.Module]
"""Builds an encoder or a decoder from the image's shape and the size of the code."""

OptimizerFactory = Callable[[Iterable[nn.Parameter]], Optimizer]
"""Builds an optimizer from the parameters that it shall train."""


class ImageBatch(TypedDict):
    """A batch of images, with what is known about them."""

    image: Tensor
    """(B, C, H, W), float in [0, 1]."""
    label: NotRequired[Tensor]
    """(B,), class indices, int64."""
