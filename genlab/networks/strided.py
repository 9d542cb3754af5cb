"""Encoder and decoder of VQ-VAE (van den Oord et al. 2017, section 4.1), whose codes are maps of any size."""

import torch.nn.functional as F
from torch import Tensor, nn

from genlab.errors import GenlabError
from genlab.ranges import between, extent
from genlab.recorded import Recorded
from genlab.types import Shape

MOST_HALVINGS = 6
MOST_BLOCKS = 1000


class StridedEncoder(nn.Sequential, Recorded):
    """Strided encoder of images to code maps, rounded down: (B, code_size, H / 2^halvings, W / 2^halvings).

    4 x 4 convolutions with stride 2, a 3 x 3 one, residual blocks, and a 1 x 1 one to the map; no normalisation.

    Args:
        image_shape: (C, H, W) of the images.
        code_size: channels of the map.
        channels: number of channels; the first stage has half as many.
        halvings: number of halvings of height and width.
        blocks: number of residual blocks.
        block_channels: number of channels inside a residual block.

    Raises:
        GenlabError: for images too small for so many halvings, and numbers out of range.

    Example:
        >>> StridedEncoder((3, 28, 20), code_size=8, channels=16)(torch.rand(2, 3, 28, 20)).shape
        torch.Size([2, 8, 7, 5])
    """

    def __init__(
        self,
        image_shape: Shape,
        code_size: int,
        channels: int = 128,
        halvings: int = 2,
        blocks: int = 2,
        block_channels: int = 32,
    ) -> None:
        sizes = halved(image_shape, halvings)
        widths = _widths(channels, halvings)
        layers: list[nn.Module] = []
        for fan_in, fan_out in zip([image_shape[0], *widths], widths, strict=False):
            layers += [nn.Conv2d(fan_in, fan_out, 4, stride=2, padding=1), nn.ReLU()]
        super().__init__(
            *layers,
            nn.Conv2d(widths[-1], channels, 3, padding=1),
            *_residual(channels, blocks, block_channels),
            nn.Conv2d(channels, code_size, 1),
        )
        self.map_size = sizes[-1]


class StridedDecoder(nn.Sequential, Recorded):
    """Strided decoder of code maps to outputs: (B, code_size, H / 2^halvings, W / 2^halvings) to (B, C, H, W).

    It mirrors the encoder: a 3 x 3 convolution, residual blocks, and 4 x 4 transposed convolutions with stride 2.

    Args:
        image_shape: (C, H, W) of the outputs.
        code_size: channels of the map.
        channels: number of channels; the last hidden stage has half as many.
        halvings: as many as the encoder's.
        blocks: number of residual blocks.
        block_channels: number of channels inside a residual block.

    Raises:
        GenlabError: for outputs too small for so many halvings, and numbers out of range.
    """

    def __init__(
        self,
        image_shape: Shape,
        code_size: int,
        channels: int = 128,
        halvings: int = 2,
        blocks: int = 2,
        block_channels: int = 32,
    ) -> None:
        sizes = halved(image_shape, halvings)[::-1]
        widths = [channels, *_widths(channels, halvings)[-2::-1], image_shape[0]]
        layers: list[nn.Module] = []
        for level in range(halvings):
            (height, width), (larger_height, larger_width) = sizes[level : level + 2]
            odd = larger_height - 2 * height, larger_width - 2 * width
            enlarging = nn.ConvTranspose2d(widths[level], widths[level + 1], 4, 2, 1, output_padding=odd)
            layers += [enlarging, nn.ReLU()]
        super().__init__(
            nn.Conv2d(code_size, channels, 3, padding=1),
            *_residual(channels, blocks, block_channels),
            *layers[:-1],
        )


class ResidualLayer(nn.Module):
    """Residual block of a 3 x 3 convolution to fewer channels and a 1 x 1 one back: (B, channels, H, W)."""

    def __init__(self, channels: int, block_channels: int) -> None:
        super().__init__()
        self.narrow = nn.Conv2d(channels, block_channels, 3, padding=1)
        self.wide = nn.Conv2d(block_channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = x + self.wide(F.relu(self.narrow(F.relu(x))))
        return result


def halved(image_shape: Shape, halvings: int) -> list[tuple[int, int]]:
    """List heights and widths before and after each halving, rounded down.

    Raises:
        GenlabError: for images that are too small for them.
    """
    between(1, MOST_HALVINGS, halvings=halvings)
    _, height, width = image_shape
    sizes = [(height >> times, width >> times) for times in range(halvings + 1)]
    if min(sizes[-1]) < 1:
        raise GenlabError(
            f"images of {height} x {width} pixels are too small to be halved {halvings} times; give fewer halvings"
        )
    return sizes


def _widths(channels: int, halvings: int) -> list[int]:
    """Return the number of channels after each halving."""
    return [max(1, channels // 2), *[channels] * (halvings - 1)]


def _residual(channels: int, blocks: int, block_channels: int) -> list[nn.Module]:
    extent(channels=channels, block_channels=block_channels)
    between(0, MOST_BLOCKS, blocks=blocks)
    return [*(ResidualLayer(channels, block_channels) for _ in range(blocks)), nn.ReLU()]
