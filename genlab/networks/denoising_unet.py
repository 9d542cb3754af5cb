"""U-Net of diffusion models (Ho et al. 2020, appendix B; Dhariwal & Nichol 2021), for images of any shape."""

import math
from collections.abc import Sequence
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from genlab.errors import GenlabError
from genlab.ranges import at_least, extent, share
from genlab.recorded import Recorded
from genlab.types import Shape

GROUPS = 8
"""Maximum number of groups of channels that are normalised together; fewer if it does not divide the channels."""
FASTEST, SLOWEST = 100.0, 0.5
"""Frequencies of the waves that embed a time; times are about -2 to 3."""


class DenoisingUNet(nn.Module, Recorded):
    """Denoiser: noisy images (B, C, H, W), times (B,) and a condition's embedding (B, condition_size) to outputs.

    Each stage consists of residual blocks that the time and the condition scale and shift. Between stages, height and
    width are halved, rounded up; on the way back, skip connections lead from each block to its counterpart.

    Args:
        image_shape: (C, H, W) of the input images.
        out_channels: number of channels of outputs (B, out_channels, H, W).
        condition_size: size of a condition's embedding; 0 without one.
        channels: number of channels of the first stage.
        multipliers: number of channels of each stage, as a multiple of `channels`.
        blocks: number of residual blocks of each stage on the way down; one more on the way up.
        attention: stages whose shorter side has at most this many pixels have self-attention; 0 for none.
        patch: side of the squares of pixels that the network sees as one position with the channels of all; with 2, a
            network with the same channels is four times as fast.
        dropout: share of units dropped in training.

    Raises:
        GenlabError: for numbers out of range, and for more stages than halvings of the image allow.

    Example:
        >>> network = DenoisingUNet((1, 28, 20), 1, 0, channels=16)
        >>> network(torch.randn(2, 1, 28, 20), torch.zeros(2)).shape
        torch.Size([2, 1, 28, 20])
    """

    supplied: ClassVar[int] = 3

    def __init__(
        self,
        image_shape: Shape,
        out_channels: int,
        condition_size: int,
        channels: int = 64,
        multipliers: Sequence[int] = (1, 2, 2),
        blocks: int = 2,
        attention: int = 8,
        patch: int = 1,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        extent(channels=channels, blocks=blocks, patch=patch)
        for multiplier in multipliers:
            extent(multipliers=multiplier)
        at_least(0, attention=attention)
        share(dropout=dropout)
        depth, height, width = image_shape
        side = -(-min(height, width) // patch)
        if not multipliers or side < 2 ** (len(multipliers) - 1):
            raise GenlabError(
                f"multipliers are {list(multipliers)}: one for each stage, each at half the size of that before; an "
                f"image of {width} x {height} pixels in patches of {patch} has at most {side.bit_length()} stages"
            )
        numbers = 4 * channels
        self.patch, self.waves = patch, channels
        self.time = nn.Sequential(nn.Linear(channels, numbers), nn.SiLU(), nn.Linear(numbers, numbers))
        self.condition = nn.Linear(condition_size, numbers) if condition_size else None
        self.first = nn.Conv2d(depth * patch**2, channels, 3, padding=1)
        self.down, self.up = nn.ModuleList(), nn.ModuleList()
        sizes, current = [channels], channels
        attends = []
        for stage, multiplier in enumerate(multipliers):
            attends.append(side <= attention)
            for _ in range(blocks):
                self.down.append(Block(current, multiplier * channels, numbers, dropout, attends[stage]))
                current = multiplier * channels
                sizes.append(current)
            if stage < len(multipliers) - 1:
                self.down.append(Halving(current))
                sizes.append(current)
                side = -(-side // 2)
        self.middle = nn.ModuleList(
            [Block(current, current, numbers, dropout, attention > 0), Block(current, current, numbers, dropout, False)]
        )
        for stage, multiplier in reversed([*enumerate(multipliers)]):
            for _ in range(blocks + 1):
                self.up.append(Block(current + sizes.pop(), multiplier * channels, numbers, dropout, attends[stage]))
                current = multiplier * channels
            if stage > 0:
                self.up.append(Doubling(current))
        self.last = nn.Sequential(
            normalization(current), nn.SiLU(), zero(nn.Conv2d(current, out_channels * patch**2, 3, padding=1))
        )
        self.to(memory_format=torch.channels_last)

    def forward(self, x: Tensor, time: Tensor, condition: Tensor | None = None) -> Tensor:
        height, width = x.shape[-2:]
        x = F.pad(x, (0, -width % self.patch, 0, -height % self.patch), mode="replicate")
        x = F.pixel_unshuffle(x, self.patch).contiguous(memory_format=torch.channels_last)
        numbers = self.time(waves(time, self.waves).to(x.dtype))
        if self.condition is not None and condition is not None:
            numbers = numbers + self.condition(condition.to(x.dtype))
        numbers = F.silu(numbers)
        seen = [x := self.first(x)]
        for layer in self.down:
            seen.append(x := layer(x, numbers))
        for layer in self.middle:
            x = layer(x, numbers)
        for layer in self.up:
            if isinstance(layer, Doubling):
                x = layer(x, seen[-1].shape[-2:])
            else:
                x = layer(torch.cat([x, seen.pop()], 1), numbers)
        outputs: Tensor = F.pixel_shuffle(self.last(x), self.patch)[..., :height, :width]
        return outputs


class Block(nn.Module):
    """Residual block of two convolutions, scaled and shifted by an embedding, followed by self-attention.

    Maps features (B, fan_in, H, W) and embeddings (B, size) to (B, fan_out, H, W).
    """

    def __init__(self, fan_in: int, fan_out: int, numbers: int, dropout: float, attends: bool) -> None:
        super().__init__()
        self.norm1, self.norm2 = normalization(fan_in), normalization(fan_out)
        self.convolution1 = nn.Conv2d(fan_in, fan_out, 3, padding=1)
        self.convolution2 = zero(nn.Conv2d(fan_out, fan_out, 3, padding=1))
        self.modulation = nn.Linear(numbers, 2 * fan_out)
        self.dropout = nn.Dropout(dropout)
        self.shortcut = nn.Conv2d(fan_in, fan_out, 1) if fan_in != fan_out else nn.Identity()
        self.attention = Attention(fan_out) if attends else nn.Identity()

    def forward(self, x: Tensor, numbers: Tensor) -> Tensor:
        residual = self.convolution1(F.silu(self.norm1(x)))
        scale, shift = self.modulation(numbers)[..., None, None].chunk(2, 1)
        residual = F.silu(torch.addcmul(shift, self.norm2(residual), 1 + scale))
        features: Tensor = self.attention(self.shortcut(x) + self.convolution2(self.dropout(residual)))
        return features


class Attention(nn.Module):
    """Self-attention between positions of features (B, channels, H, W), added to them, in heads of 32 channels."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.heads = max(1, channels // 32) if channels % 32 == 0 else 1
        self.norm = normalization(channels)
        self.inputs = nn.Conv2d(channels, 3 * channels, 1)
        self.output = zero(nn.Conv2d(channels, channels, 1))

    def forward(self, x: Tensor) -> Tensor:
        size = x.shape[-2:]
        heads = self.inputs(self.norm(x)).flatten(2).unflatten(1, (3, self.heads, -1)).transpose(-1, -2)
        mixed = F.scaled_dot_product_attention(*(part.contiguous() for part in heads.unbind(1)))
        features: Tensor = x + self.output(mixed.transpose(-1, -2).flatten(1, 2).unflatten(2, size))
        return features


class Halving(nn.Conv2d):
    """Convolution that halves height and width, rounded up."""

    def __init__(self, channels: int) -> None:
        super().__init__(channels, channels, 3, stride=2, padding=1)

    def forward(self, x: Tensor, numbers: Tensor) -> Tensor:  # type: ignore[override]  # called like a block
        return super().forward(x)


class Doubling(nn.Conv2d):
    """Enlargement to a size, twice the features' or a pixel less, followed by a convolution."""

    def __init__(self, channels: int) -> None:
        super().__init__(channels, channels, 3, padding=1)

    def forward(self, x: Tensor, size: torch.Size) -> Tensor:  # type: ignore[override]  # it takes the size too
        height, width = size
        doubled = F.interpolate(x, scale_factor=2.0, mode="nearest")
        return super().forward(doubled[..., :height, :width])


def waves(time: Tensor, count: int) -> Tensor:
    """Embed times (B,) as sines and cosines of the same frequencies: (B, count), in the precision of times."""
    half = (count + 1) // 2
    frequencies = torch.logspace(math.log10(SLOWEST), math.log10(FASTEST), half, device=time.device, dtype=time.dtype)
    angles = time[:, None] * frequencies
    return torch.cat([angles.sin(), angles.cos()], 1)[:, :count]


def normalization(channels: int) -> nn.GroupNorm:
    """Build group normalisation of channels."""
    return nn.GroupNorm(math.gcd(GROUPS, channels), channels)


def zero(convolution: nn.Conv2d) -> nn.Conv2d:
    """Set the weights of a residual's last convolution to 0, so that the residual starts as 0."""
    nn.init.zeros_(convolution.weight)
    if convolution.bias is not None:
        nn.init.zeros_(convolution.bias)
    return convolution
