"""Residual generator of CycleGAN (Zhu et al. 2017, appendix 7.2; Johnson et al. 2016), for images of any shape."""

from collections.abc import Callable
from itertools import pairwise

import torch.nn.functional as F
from torch import Tensor, nn

from genlab.networks.conv import halvings
from genlab.networks.init import normal_weights
from genlab.ranges import between
from genlab.recorded import Recorded
from genlab.types import Shape

HALVINGS = 2
MOST_BLOCKS = 1000
LARGE = 256
"""Shorter side, in pixels, from which images get nine blocks."""


class ResNetGenerator(nn.Sequential, Recorded):
    """Residual generator: images (B, C, H, W) to outputs (B, out_channels, H, W), before the tanh.

    Two stages halve height and width, fewer if the shorter side would fall below 4; residual blocks follow, and as
    many stages double height and width again. The network takes images of any other size too, from 4 x 4 up.

    Args:
        image_shape: (C, H, W) of the input images.
        out_channels: number of channels of the output images.
        channels: number of channels of the first and last stages; each halving doubles it.
        blocks: number of residual blocks; by default nine for images of 256 x 256 or larger, and six for smaller ones.
        normalization: builds the layer after each convolution but the last, given its number of channels.
    """

    def __init__(
        self,
        image_shape: Shape,
        out_channels: int,
        channels: int = 64,
        blocks: int | None = None,
        normalization: Callable[[int], nn.Module] = nn.InstanceNorm2d,
    ) -> None:
        def stage(convolution: nn.Module, fan_out: int) -> list[nn.Module]:
            return [convolution, normalization(fan_out), nn.ReLU()]

        if blocks is None:
            blocks = 9 if min(image_shape[1:]) >= LARGE else 6
        between(0, MOST_BLOCKS, blocks=blocks)
        halved = min(HALVINGS, len(halvings(image_shape, channels)) - 1)
        sizes = [channels * 2**times for times in range(halved + 1)]
        layers = stage(reflecting(image_shape[0], channels, 7), channels)
        for fan_in, fan_out in pairwise(sizes):
            layers += stage(nn.Conv2d(fan_in, fan_out, 3, stride=2, padding=1), fan_out)
        layers += [ResidualBlock(sizes[-1], normalization) for _ in range(blocks)]
        for fan_in, fan_out in pairwise(reversed(sizes)):
            layers += stage(doubling(fan_in, fan_out), fan_out)
        super().__init__(*layers, reflecting(channels, out_channels, 7))
        self.multiple = 2**halved
        self.apply(normal_weights)

    def forward(self, x: Tensor) -> Tensor:
        height, width = x.shape[-2:]
        least = 2 * self.multiple  # residual blocks pad maps by reflection, which takes two rows and columns
        right, below = max(least - width, -width % self.multiple), max(least - height, -height % self.multiple)
        padded = F.pad(x, (0, right, 0, below), mode="replicate") if right or below else x
        logits: Tensor = super().forward(padded)  # type: ignore[no-untyped-call]
        return logits[:, :, :height, :width]


class ResidualBlock(nn.Module):
    """Residual block of two convolutions, for features (B, channels, H, W)."""

    def __init__(self, channels: int, normalization: Callable[[int], nn.Module]) -> None:
        super().__init__()
        self.residual = nn.Sequential(
            reflecting(channels, channels, 3),
            normalization(channels),
            nn.ReLU(),
            reflecting(channels, channels, 3),
            normalization(channels),
        )

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = x + self.residual(x)
        return result


def reflecting(fan_in: int, fan_out: int, kernel: int) -> nn.Conv2d:
    """Build a convolution that keeps height and width, with reflected borders."""
    return nn.Conv2d(fan_in, fan_out, kernel, padding=kernel // 2, padding_mode="reflect")


def doubling(fan_in: int, fan_out: int) -> nn.ConvTranspose2d:
    """Build a transposed convolution that doubles height and width."""
    return nn.ConvTranspose2d(fan_in, fan_out, 3, stride=2, padding=1, output_padding=1)
