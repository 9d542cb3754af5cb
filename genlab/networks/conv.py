"""Convolutional encoder and decoders in the manner of DCGAN (Radford et al. 2016), for images of any shape.

Each stage of the encoder halves height and width (4 x 4 kernels, stride 2) and doubles the channels, until the
shorter side is below 8; the decoder goes the same way back and meets odd sizes exactly.
"""

import math
from collections.abc import Callable
from itertools import pairwise

import torch.nn.functional as F
from torch import Tensor, nn

from genlab.ranges import extent
from genlab.recorded import Recorded
from genlab.types import Shape


def halvings(image_shape: Shape, width: int) -> list[Shape]:
    """The shapes between the stages, the image's own first: (C, H, W), (width, H/2, W/2), (2 width, H/4, W/4)...

    Halves are rounded down; the shorter side of the last shape is below 8.
    """
    extent(width=width)
    channels, height, breadth = image_shape
    shapes = [(channels, height, breadth)]
    while min(height, breadth) >= 8:
        channels, height, breadth = width, height // 2, breadth // 2
        shapes.append((channels, height, breadth))
        width *= 2
    return shapes


class ConvEncoder(nn.Sequential, Recorded):
    """Images (B, C, H, W) to codes (B, code_size); the first stage has `width` channels.

    Args:
        image_shape: (C, H, W) of the images.
        code_size: dimensions of the code.
        width: channels of the first stage; each further one has twice as many.
        normalization: builds the layer after each convolution from its channels.
        activation: builds the activation of hidden layers.
    """

    def __init__(
        self,
        image_shape: Shape,
        code_size: int,
        width: int = 32,
        normalization: Callable[[int], nn.Module] = nn.BatchNorm2d,
        activation: Callable[[], nn.Module] = nn.ReLU,
    ) -> None:
        shapes = halvings(image_shape, width)
        layers: list[nn.Module] = []
        for (fan_in, *_), (fan_out, *_) in pairwise(shapes):
            layers += [
                nn.Conv2d(fan_in, fan_out, 4, stride=2, padding=1),
                normalization(fan_out),
                activation(),
            ]
        super().__init__(*layers, nn.Flatten(), nn.Linear(math.prod(shapes[-1]), code_size))


class ConvDecoder(nn.Sequential, Recorded):
    """Codes (B, code_size) to image logits (B, C, H, W); the last hidden stage has `width` channels.

    Args:
        image_shape: (C, H, W) of the images.
        code_size: dimensions of the code.
        width: channels of the last hidden stage; each one before has twice as many.
        normalization: builds the layer before each activation from its channels.
        activation: builds the activation of hidden layers.
    """

    def __init__(
        self,
        image_shape: Shape,
        code_size: int,
        width: int = 32,
        normalization: Callable[[int], nn.Module] = nn.BatchNorm2d,
        activation: Callable[[], nn.Module] = nn.ReLU,
    ) -> None:
        shapes = halvings(image_shape, width)[::-1]
        layers: list[nn.Module] = [nn.Linear(code_size, math.prod(shapes[0])), nn.Unflatten(1, shapes[0])]
        for (fan_in, height, breadth), (fan_out, *target) in pairwise(shapes):
            odd = (target[0] - 2 * height, target[1] - 2 * breadth)
            layers += [normalization(fan_in), activation(), *self.enlarging(fan_in, fan_out, odd)]
        super().__init__(*layers)

    @staticmethod
    def enlarging(fan_in: int, fan_out: int, odd: tuple[int, int]) -> list[nn.Module]:
        """What doubles height and width, and adds `odd` rows and columns, 0 or 1 of each."""
        return [nn.ConvTranspose2d(fan_in, fan_out, 4, stride=2, padding=1, output_padding=odd)]


class Doubling(nn.Module):
    """Each pixel becomes two by two: (B, C, H, W) to (B, C, 2 H, 2 W), the last row or column once more for odd sizes.

    On a CPU this takes a fraction of the time of torch's nearest-neighbour interpolation.

    Args:
        odd: rows and columns, 0 or 1 of each, beyond the doubled size.
    """

    def __init__(self, odd: tuple[int, int] = (0, 0)) -> None:
        super().__init__()
        self.odd = odd

    def forward(self, x: Tensor) -> Tensor:
        batch, channels, height, breadth = x.shape
        pairs = x[:, :, :, None, :, None].expand(-1, -1, -1, 2, -1, 2)
        doubled = pairs.reshape(batch, channels, 2 * height, 2 * breadth)
        rows, columns = self.odd
        return F.pad(doubled, (0, columns, 0, rows), mode="replicate") if rows or columns else doubled


class UpsamplingDecoder(ConvDecoder):
    """Codes (B, code_size) to image logits (B, C, H, W), each stage a nearest-neighbour enlargement and a convolution.

    Unlike transposed convolutions, these leave no checkerboard pattern (Odena et al. 2016).
    """

    @staticmethod
    def enlarging(fan_in: int, fan_out: int, odd: tuple[int, int]) -> list[nn.Module]:
        """What doubles height and width, and adds `odd` rows and columns, 0 or 1 of each."""
        return [Doubling(odd), nn.Conv2d(fan_in, fan_out, 3, padding=1)]
