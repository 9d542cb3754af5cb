"""Convolutional encoders and decoders whose codes are maps: a few channels at a fraction of the image's size."""

from itertools import pairwise

from torch import Tensor, nn

from genlab.networks.denoising_unet import normalization
from genlab.networks.resnet import ResidualBlock
from genlab.ranges import between, extent
from genlab.recorded import Recorded
from genlab.types import Shape

MOST_HALVINGS = 6


class MapEncoder(nn.Sequential, Recorded):
    """Convolutional encoder of images to code maps, rounded up: (B, code_size, H / 2^halvings, W / 2^halvings).

    A model with this encoder has codes of `code_size` channels, whose height and width are `map_size`.

    Args:
        image_shape: (C, H, W) of the images.
        code_size: channels of the map.
        channels: number of channels of the first stage; each halving doubles it.
        halvings: number of halvings of height and width.

    Example:
        >>> MapEncoder((3, 64, 64), code_size=8, channels=16)(torch.rand(2, 3, 64, 64)).shape
        torch.Size([2, 8, 16, 16])
    """

    def __init__(self, image_shape: Shape, code_size: int, channels: int = 32, halvings: int = 2) -> None:
        sizes = _sizes(channels, halvings)
        layers: list[nn.Module] = [nn.Conv2d(image_shape[0], channels, 3, padding=1)]
        for fan_in, fan_out in pairwise(sizes):
            layers += [nn.Conv2d(fan_in, fan_out, 3, stride=2, padding=1), ResidualBlock(fan_out, normalization)]
        super().__init__(*layers, *_last(sizes[-1], code_size))
        self.map_size = map_size(image_shape, halvings)


class MapDecoder(nn.Sequential, Recorded):
    """Convolutional decoder of code maps to outputs: (B, code_size, H / 2^halvings, W / 2^halvings) to (B, C, H, W).

    Args:
        image_shape: (C, H, W) of the outputs.
        code_size: channels of the map.
        channels: number of channels of the last stage; each halving of the encoder doubles it.
        halvings: as many as the encoder's.
    """

    def __init__(self, image_shape: Shape, code_size: int, channels: int = 32, halvings: int = 2) -> None:
        sizes = _sizes(channels, halvings)[::-1]
        layers: list[nn.Module] = [nn.Conv2d(code_size, sizes[0], 3, padding=1), ResidualBlock(sizes[0], normalization)]
        for fan_in, fan_out in pairwise(sizes):
            layers += [
                nn.Upsample(scale_factor=2),
                nn.Conv2d(fan_in, fan_out, 3, padding=1),
                ResidualBlock(fan_out, normalization),
            ]
        super().__init__(*layers, *_last(channels, image_shape[0]))
        self.size = image_shape[1:]

    def forward(self, z: Tensor) -> Tensor:
        height, width = self.size
        outputs: Tensor = super().forward(z)  # type: ignore[no-untyped-call]
        return outputs[..., :height, :width]


def map_size(image_shape: Shape, halvings: int) -> tuple[int, int]:
    """Return height and width after a number of halvings, each rounded up."""
    _, height, width = image_shape
    return -(-height // 2**halvings), -(-width // 2**halvings)


def _sizes(channels: int, halvings: int) -> list[int]:
    extent(channels=channels)
    between(1, MOST_HALVINGS, halvings=halvings)
    return [channels * 2**stage for stage in range(halvings + 1)]


def _last(channels: int, outputs: int) -> list[nn.Module]:
    return [normalization(channels), nn.SiLU(), nn.Conv2d(channels, outputs, 3, padding=1)]
