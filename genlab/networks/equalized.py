"""Layers with equalized learning rates (Karras et al. 2018, section 4.1), and FIR resampling (Karras et al. 2019).

Weights are drawn from N(0, 1), and scaled where they are used, so that an optimizer that normalises gradients, such as
Adam, moves all of them at the same speed.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

SLOPE = 0.2
"""Slope of leaky ReLU below zero."""
GAIN = math.sqrt(2)
"""Factor that keeps variance through leaky ReLU, applied to weights and biases: cheaper than to activations."""
TAPS = (1.0, 3.0, 3.0, 1.0)
"""Filter along each axis, before it is normalised: that of linear interpolation."""


class EqualLinear(nn.Module):
    """Linear layer with an equalized learning rate.

    Args:
        in_features: number of inputs.
        out_features: number of outputs.
        bias: initial value of biases.
        lr_multiplier: learning rate of this layer, relative to the optimizer's.
        gain: factor on outputs; `GAIN` before leaky ReLU.
    """

    def __init__(
        self, in_features: int, out_features: int, bias: float = 0.0, lr_multiplier: float = 1.0, gain: float = 1.0
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(out_features, in_features) / lr_multiplier)
        self.bias = nn.Parameter(torch.full((out_features,), bias / lr_multiplier))
        self.scale, self.bias_scale = gain * lr_multiplier / math.sqrt(in_features), gain * lr_multiplier

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(x, self.weight * self.scale, self.bias * self.bias_scale)


class EqualConv(nn.Module):
    """Convolution with an equalized learning rate, (B, in_channels, H, W) to (B, out_channels, H, W).

    Args:
        in_channels: number of input channels.
        out_channels: number of output channels.
        kernel: side of the kernel, an odd number.
        gain: factor on outputs; `GAIN` before leaky ReLU.
        halves: whether height and width are halved, rounded up, after a filter.
        bias: whether there are biases, initially 0.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel: int = 3,
        gain: float = 1.0,
        halves: bool = False,
        bias: bool = True,
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(out_channels, in_channels, kernel, kernel))
        self.bias = nn.Parameter(torch.zeros(out_channels)) if bias else None
        self.gain, self.scale = gain, gain / math.sqrt(in_channels * kernel**2)
        self.padding, self.stride = kernel // 2, 2 if halves else 1
        self.filter = Filter() if halves else None

    def forward(self, x: Tensor) -> Tensor:
        weight, bias = self.weight * self.scale, None if self.bias is None else self.bias * self.gain
        if self.filter is None:
            return F.conv2d(x, weight, bias, padding=self.padding)
        return F.conv2d(self.filter.before_halving(x, self.padding), weight, bias, stride=2)


class Filter(nn.Module):
    """FIR filter that is applied before downsampling, and after zeros are inserted for upsampling.

    It takes maps (B, C, H, W), which are padded with 0.
    """

    taps: Tensor

    def __init__(self) -> None:
        super().__init__()
        taps = torch.tensor(TAPS) / sum(TAPS)
        self.register_buffer("taps", torch.outer(taps, taps), persistent=False)

    def doubled(self, x: Tensor) -> Tensor:
        """Double height and width: each sample becomes four."""
        return F.conv_transpose2d(x, self._kernel(x, 4.0), stride=2, padding=1, groups=x.shape[1])

    def halved(self, x: Tensor) -> Tensor:
        """Halve height and width, rounded up."""
        return F.conv2d(even(x), self._kernel(x), stride=2, padding=1, groups=x.shape[1])

    def before_halving(self, x: Tensor, padding: int) -> Tensor:
        """Filter the input of a convolution with stride 2 and this padding, which halves it, rounded up."""
        return F.conv2d(even(x), self._kernel(x), padding=padding + 1, groups=x.shape[1])

    def after_doubling(self, x: Tensor) -> Tensor:
        """Filter the output (B, C, 2 H + 1, 2 W + 1) of a transposed convolution with 3 x 3 weights and stride 2."""
        return F.conv2d(x, self._kernel(x, 4.0), padding=1, groups=x.shape[1])

    def _kernel(self, x: Tensor, gain: float = 1.0) -> Tensor:
        return (gain * self.taps).expand(x.shape[1], 1, -1, -1)


def even(x: Tensor) -> Tensor:
    """Append a row of zeros to maps of odd height, and a column to those of odd width."""
    _, _, height, width = x.shape
    return F.pad(x, (0, width % 2, 0, height % 2)) if height % 2 or width % 2 else x


def activated(x: Tensor) -> Tensor:
    """Apply leaky ReLU, in place, to the output of a layer with a gain of `GAIN`."""
    return F.leaky_relu(x, SLOPE, inplace=True)


def stages(image_shape: tuple[int, int, int], channels: int, most: int) -> list[tuple[int, int, int]]:
    """List the shapes between stages, from an image's size down: (channels, H, W), (2 channels, H / 2, W / 2), ...

    Halves are rounded up; the shorter side of the last shape is below 8.

    Args:
        image_shape: (C, H, W).
        channels: number of channels at the size of images.
        most: maximum number of channels.
    """
    _, height, width = image_shape
    shapes = [(min(channels, most), height, width)]
    while min(height, width) >= 8:
        height, width, channels = -(-height // 2), -(-width // 2), 2 * channels
        shapes.append((min(channels, most), height, width))
    return shapes
