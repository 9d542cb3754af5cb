"""Degradations of images, which pix2pix and CycleGAN learn to undo.

Each maps images (B, C, H, W) in [0, 1] to images of the same height and width in [0, 1].
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor
from torchvision.transforms.v2.functional import rgb_to_grayscale

from genlab.ranges import above, at_least, between
from genlab.types import Shape


class Degradation(ABC):
    """A fixed transform of images that loses information."""

    @abstractmethod
    def __call__(self, images: Tensor) -> Tensor:
        """Degrade images (B, C, H, W) in [0, 1] to (B, C', H, W) in [0, 1]."""

    def shape(self, image_shape: Shape) -> Shape:
        """Return the shape (C', H, W) of the degraded images, given the shape (C, H, W) of the images."""
        return image_shape


@dataclass(frozen=True)
class Greyscale(Degradation):
    """Luminance, in one channel (ITU-R BT.601)."""

    def __call__(self, images: Tensor) -> Tensor:
        grey: Tensor = rgb_to_grayscale(images) if images.shape[1] == 3 else images
        return grey

    def shape(self, image_shape: Shape) -> Shape:
        return 1, *image_shape[1:]


@dataclass(frozen=True)
class Edges(Greyscale):
    """Gradient magnitude of the luminance by Sobel's filter, in one channel: white lines on black.

    Args:
        gain: factor that multiplies the magnitude, which is then clipped at 1; the magnitude of a step from black to
            white is 1.

    Raises:
        GenlabError: for a gain that is not positive.
    """

    gain: float = 2.0

    def __post_init__(self) -> None:
        above(0, gain=self.gain)

    def __call__(self, images: Tensor) -> Tensor:
        across = torch.tensor([[-1.0, 0.0, 1.0], [-2.0, 0.0, 2.0], [-1.0, 0.0, 1.0]]) / 4
        kernels = torch.stack([across, across.T])[:, None].to(images)
        padded = F.pad(super().__call__(images), (1, 1, 1, 1), mode="replicate")
        right, down = F.conv2d(padded, kernels).split(1, dim=1)
        return (self.gain * torch.hypot(right, down)).clamp(max=1)


@dataclass(frozen=True)
class MaskedCentre(Degradation):
    """The image with a grey box over its centre.

    Args:
        share: share of the height and of the width that the box covers.

    Raises:
        GenlabError: for a share outside [0, 1].
    """

    share: float = 0.5

    def __post_init__(self) -> None:
        between(0, 1, share=self.share)

    def __call__(self, images: Tensor) -> Tensor:
        masked = images.clone()
        (top, high), (left, wide) = (
            ((size - round(size * self.share)) // 2, round(size * self.share)) for size in images.shape[-2:]
        )
        masked[..., top : top + high, left : left + wide] = 0.5
        return masked


@dataclass(frozen=True)
class Half(Degradation):
    """One half of the image; the other half is grey.

    Args:
        keep: the half that is kept.
    """

    keep: Literal["left", "right", "top", "bottom"] = "left"

    def __call__(self, images: Tensor) -> Tensor:
        masked = images.clone()
        height, width = images.shape[-2:]
        lost = {
            "left": (slice(None), slice(width // 2, None)),
            "right": (slice(None), slice(width - width // 2)),
            "top": (slice(height // 2, None), slice(None)),
            "bottom": (slice(height - height // 2), slice(None)),
        }[self.keep]
        masked[..., *lost] = 0.5
        return masked


@dataclass(frozen=True)
class LowResolution(Degradation):
    """Squares of `factor` x `factor` pixels, each filled with its mean colour.

    Args:
        factor: side of the squares in pixels; those at the lower and right border may be smaller.

    Raises:
        GenlabError: for a factor below 1.
    """

    factor: int = 4

    def __post_init__(self) -> None:
        at_least(1, factor=self.factor)

    def __call__(self, images: Tensor) -> Tensor:
        height, width = images.shape[-2:]
        small = F.avg_pool2d(images, self.factor, ceil_mode=True)
        return small.repeat_interleave(self.factor, -2).repeat_interleave(self.factor, -1)[..., :height, :width]
