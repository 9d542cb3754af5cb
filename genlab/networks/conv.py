"""Convolutional encoder and decoders in the style of DCGAN (Radford et al. 2016), for images of any shape.

Each stage of the encoder halves height and width (4 x 4 kernels, stride 2) and doubles the channels, until the
shorter side is below 8. The decoder mirrors it, and reproduces odd sizes exactly.
"""

import math
from collections.abc import Callable
from itertools import pairwise

import torch.nn.functional as F
from torch import Tensor, nn

from genlab.ranges import extent
from genlab.recorded import Recorded
from genlab.types import Shape


def halvings(image_shape: Shape, channels: int) -> list[Shape]:
    """List the shapes between stages: (C, H, W), (channels, H/2, W/2), (2 channels, H/4, W/4), ...

    Halves are rounded down; the shorter side of the last shape is below 8.

    Args:
        image_shape: (C, H, W), the first of the shapes.
        channels: number of channels after the first halving.
    """
    extent(channels=channels)
    _, height, width = image_shape
    shapes: list[Shape] = [(image_shape[0], height, width)]
    while min(height, width) >= 8:
        height, width = height // 2, width // 2
        shapes.append((channels, height, width))
        channels *= 2
    return shapes


class ConvEncoder(nn.Sequential, Recorded):
    """Convolutional encoder: images (B, C, H, W) to codes (B, code_size).

    Args:
        image_shape: (C, H, W) of the images.
        code_size: dimensions of the code.
        channels: number of channels of the first stage; each further stage has twice as many.
        normalization: builds the layer after each convolution, given its number of channels.
        activation: builds the activation of hidden layers.

    Example:
        >>> encoder = ConvEncoder((3, 218, 178), code_size=128, channels=16)
        >>> encoder(torch.rand(2, 3, 218, 178)).shape
        torch.Size([2, 128])
    """

    def __init__(
        self,
        image_shape: Shape,
        code_size: int,
        channels: int = 32,
        normalization: Callable[[int], nn.Module] = nn.BatchNorm2d,
        activation: Callable[[], nn.Module] = nn.ReLU,
    ) -> None:
        shapes = halvings(image_shape, channels)
        layers: list[nn.Module] = []
        for (fan_in, *_), (fan_out, *_) in pairwise(shapes):
            layers += [
                nn.Conv2d(fan_in, fan_out, 4, stride=2, padding=1),
                normalization(fan_out),
                activation(),
            ]
        super().__init__(*layers, nn.Flatten(), nn.Linear(math.prod(shapes[-1]), code_size))


class ConvDecoder(nn.Sequential, Recorded):
    """Decoder of transposed convolutions: codes (B, code_size) to outputs (B, C, H, W).

    Args:
        image_shape: (C, H, W) of the images.
        code_size: dimensions of the code.
        channels: number of channels of the last hidden stage; each stage before it has twice as many.
        normalization: builds the layer before each activation, given its number of channels.
        activation: builds the activation of hidden layers.
    """

    def __init__(
        self,
        image_shape: Shape,
        code_size: int,
        channels: int = 32,
        normalization: Callable[[int], nn.Module] = nn.BatchNorm2d,
        activation: Callable[[], nn.Module] = nn.ReLU,
    ) -> None:
        shapes = halvings(image_shape, channels)[::-1]
        layers: list[nn.Module] = [nn.Linear(code_size, math.prod(shapes[0])), nn.Unflatten(1, shapes[0])]
        for (fan_in, height, width), (fan_out, *target) in pairwise(shapes):
            odd = (target[0] - 2 * height, target[1] - 2 * width)
            layers += [normalization(fan_in), activation(), *self.enlarging(fan_in, fan_out, odd)]
        super().__init__(*layers)

    @staticmethod
    def enlarging(fan_in: int, fan_out: int, odd: tuple[int, int]) -> list[nn.Module]:
        """Build the layers that double height and width, and add `odd` rows and columns, 0 or 1 of each."""
        return [nn.ConvTranspose2d(fan_in, fan_out, 4, stride=2, padding=1, output_padding=odd)]


class Doubling(nn.Module):
    """Nearest-neighbour enlargement by two, (B, C, H, W) to (B, C, 2 H, 2 W), with an odd row or column repeated.

    On a CPU it takes a fraction of the time of torch's nearest-neighbour interpolation.

    Args:
        odd: number of rows and columns, 0 or 1 of each, beyond the doubled size.
    """

    def __init__(self, odd: tuple[int, int] = (0, 0)) -> None:
        super().__init__()
        self.odd = odd

    def forward(self, x: Tensor) -> Tensor:
        batch, channels, height, width = x.shape
        pairs = x[:, :, :, None, :, None].expand(-1, -1, -1, 2, -1, 2)
        doubled = pairs.reshape(batch, channels, 2 * height, 2 * width)
        rows, columns = self.odd
        return F.pad(doubled, (0, columns, 0, rows), mode="replicate") if rows or columns else doubled


class UpsamplingDecoder(ConvDecoder):
    """Upsampling decoder: codes (B, code_size) to outputs (B, C, H, W).

    Each stage is a nearest-neighbour enlargement and a convolution, which avoid the checkerboard patterns of transposed
    convolutions (Odena et al. 2016).
    """

    @staticmethod
    def enlarging(fan_in: int, fan_out: int, odd: tuple[int, int]) -> list[nn.Module]:
        """Build the layers that double height and width, and add `odd` rows and columns, 0 or 1 of each."""
        return [Doubling(odd), nn.Conv2d(fan_in, fan_out, 3, padding=1)]
