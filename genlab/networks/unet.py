"""U-Net generator of pix2pix (Isola et al. 2017, section 6.1), for images of any shape."""

import math
from collections.abc import Callable
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from genlab.networks.init import normal_weights
from genlab.ranges import extent, share
from genlab.recorded import Recorded
from genlab.types import Shape

DEEPEST = 8
"""Maximum number of halvings, for images of 256 x 256 or larger."""
NOISY = 3
"""Maximum number of the decoder's stages with dropout, for images of 128 x 128 or larger."""


class Dropout(nn.Dropout):
    """Dropout that is active in evaluation too, as pix2pix has no other noise."""

    def forward(self, x: Tensor) -> Tensor:
        return F.dropout(x, self.p)


class UNet(nn.Module, Recorded):
    """Generator with skip connections: images (B, C, H, W) to outputs (B, out_channels, H, W), before the tanh.

    Each stage of the encoder halves height and width, until the shorter side is one pixel or there are eight stages.
    The decoder mirrors it, with skip connections from the encoder's stage of the same size. The network also takes
    images larger than those it was built for.

    Args:
        image_shape: (C, H, W) of the input images.
        out_channels: number of channels of the output images.
        channels: number of channels of the first stage; each later stage has twice as many, up to eight times.
        normalization: builds the layer after each convolution but the first, the innermost and the last, given its
            number of channels.
        dropout: share of units dropped in the decoder's first stages, also in evaluation.

    Example:
        >>> generator = UNet((1, 64, 64), out_channels=3, channels=16)  # edges to photographs
        >>> generator(torch.rand(2, 1, 64, 64)).shape
        torch.Size([2, 3, 64, 64])
    """

    def __init__(
        self,
        image_shape: Shape,
        out_channels: int,
        channels: int = 64,
        normalization: Callable[[int], nn.Module] = nn.InstanceNorm2d,
        dropout: float = 0.5,
    ) -> None:
        super().__init__()
        extent(channels=channels)
        share(dropout=dropout)
        depth = max(1, min(DEEPEST, int(math.log2(min(image_shape[1:])))))
        noisy = max(1, min(NOISY, depth - 4))
        sizes = [channels * min(2**stage, 8) for stage in range(depth)]
        self.down = nn.ModuleList([_halving(image_shape[0], channels)])
        for stage, (fan_in, fan_out) in enumerate(pairwise(sizes), start=2):
            last = [] if stage == depth else [normalization(fan_out)]
            self.down.append(nn.Sequential(nn.LeakyReLU(0.2), _halving(fan_in, fan_out), *last))
        self.up = nn.ModuleList()
        for stage in reversed(range(1, depth)):
            fan_in = sizes[stage] * (1 if stage == depth - 1 else 2)
            after = [normalization(sizes[stage - 1])] + [Dropout(dropout)] * (depth - stage <= noisy)
            self.up.append(Enlarging(fan_in, sizes[stage - 1], *after))
        self.up.append(Enlarging(channels * (1 if depth == 1 else 2), out_channels))
        self.apply(normal_weights)

    def forward(self, x: Tensor) -> Tensor:
        sizes, seen = [], []
        for stage in self.down:
            sizes.append(x.shape[-2:])
            x = stage(x)
            seen.append(x)
        x = seen.pop()
        for stage, size in zip(self.up, reversed(sizes), strict=True):
            x = stage(x, size)
            if seen:
                x = torch.cat([x, seen.pop()], 1)
        return x


class Enlarging(nn.Module):
    """Enlarge features (B, fan_in, h, w) to (B, fan_out, *size), with size (2 h, 2 w) or a pixel more.

    Args:
        fan_in: number of channels of the input.
        fan_out: number of channels of the output.
        after: layers that follow the transposed convolution.
    """

    def __init__(self, fan_in: int, fan_out: int, *after: nn.Module) -> None:
        super().__init__()
        self.convolution = nn.ConvTranspose2d(fan_in, fan_out, 4, stride=2, padding=1)
        self.after = nn.Sequential(*after)

    def forward(self, x: Tensor, size: torch.Size) -> Tensor:
        enlarged: Tensor = self.after(self.convolution(F.relu(x), output_size=size))
        return enlarged


def _halving(fan_in: int, fan_out: int) -> nn.Conv2d:
    return nn.Conv2d(fan_in, fan_out, 4, stride=2, padding=1)
