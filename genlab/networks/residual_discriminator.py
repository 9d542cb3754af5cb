"""Residual discriminator of StyleGAN2 (Karras et al. 2020, figure 7c), for images of any shape in [-1, 1]."""

import math
from itertools import pairwise

import torch
from torch import Tensor, nn

from genlab.networks.equalized import GAIN, EqualConv, EqualLinear, Filter, activated, stages
from genlab.precision import at_least_float32
from genlab.ranges import at_least, extent
from genlab.recorded import Recorded
from genlab.types import Shape


class ResidualStage(nn.Module):
    """Two convolutions, the second of which halves height and width, in parallel with a shortcut.

    Args:
        in_channels: number of input channels.
        out_channels: number of output channels.
    """

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        half = math.sqrt(0.5)  # so that the sum of both has the variance of each
        self.first = EqualConv(in_channels, in_channels, gain=GAIN)
        self.second = EqualConv(in_channels, out_channels, gain=GAIN * half, halves=True)
        self.shortcut = EqualConv(in_channels, out_channels, kernel=1, gain=half, bias=False)
        self.filter = Filter()

    def forward(self, x: Tensor) -> Tensor:
        beside: Tensor = self.shortcut(self.filter.halved(x))
        x = activated(self.second(activated(self.first(x))))
        return x + beside


class BatchDeviation(nn.Module):
    """Extra channel with the mean standard deviation within a group of images (Karras et al. 2018, section 3).

    Image i of n is grouped with images i + n / size, i + 2 n / size and so on, with n / size rounded down, wrapping
    around the batch. Two processes have the groups of one with twice the batch, if size divides n. Deviations are
    computed in float32 at least.

    Args:
        size: number of images in a group.
    """

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size = size

    def forward(self, x: Tensor) -> Tensor:
        size = min(self.size, x.shape[0])
        step = x.shape[0] // size
        wide = at_least_float32(x)  # in float16, 1e-8 is 0 and the root's slope infinite
        group = torch.stack([wide.roll(-step * place, 0) for place in range(size)])
        variance = (group - group.mean(0)).square().mean(0)  # torch.var is slow over so few
        deviation = (variance + 1e-8).sqrt().mean((1, 2, 3), keepdim=True).to(x.dtype)
        return torch.cat([x, deviation.expand(-1, 1, *x.shape[2:])], 1)


class ResidualDiscriminator(nn.Module, Recorded):
    """Discriminator of StyleGAN2: images (B, C, H, W) to logits (B, size).

    Args:
        image_shape: (C, H, W) of the images.
        size: number of logits, or of features, for each image.
        channels: number of channels at the size of images; each smaller stage has twice as many.
        max_channels: maximum number of channels.
        group_size: number of images whose standard deviation is an extra feature of each; 0 for none.

    Example:
        >>> discriminator = ResidualDiscriminator((1, 28, 20), 1, channels=8)
        >>> discriminator(torch.rand(4, 1, 28, 20)).shape
        torch.Size([4, 1])
    """

    def __init__(
        self, image_shape: Shape, size: int, channels: int = 32, max_channels: int = 256, group_size: int = 4
    ) -> None:
        super().__init__()
        extent(channels=channels, max_channels=max_channels)
        at_least(0, group_size=group_size)
        shapes = stages(image_shape, channels, max_channels)
        depth = shapes[-1][0]
        self.first = EqualConv(image_shape[0], shapes[0][0], kernel=1, gain=GAIN)
        self.stages = nn.Sequential(
            *(ResidualStage(fan_in, fan_out) for (fan_in, *_), (fan_out, *_) in pairwise(shapes))
        )
        self.deviation = BatchDeviation(group_size) if group_size else None
        self.last = EqualConv(depth + bool(group_size), depth, gain=GAIN)
        self.features = EqualLinear(math.prod(shapes[-1]), depth, gain=GAIN)
        self.logits = EqualLinear(depth, size)
        self.to(memory_format=torch.channels_last)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stages(activated(self.first(x.contiguous(memory_format=torch.channels_last))))
        if self.deviation is not None:
            x = self.deviation(x)
        x = activated(self.last(x))
        logits: Tensor = self.logits(activated(self.features(x.flatten(1))))
        return logits
