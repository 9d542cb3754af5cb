"""Fully connected encoder, decoder and discriminator."""

import math
from collections.abc import Callable, Sequence
from itertools import pairwise

from torch import nn

from genlab.networks.init import normalised
from genlab.ranges import extent, share
from genlab.recorded import Recorded
from genlab.types import Shape


def mlp(sizes: Sequence[int], activation: Callable[[], nn.Module]) -> list[nn.Module]:
    """Build linear layers of the given sizes, the input's first, with activations in between."""
    for hidden in sizes[1:-1]:
        extent(hidden=hidden)
    layers: list[nn.Module] = []
    for fan_in, fan_out in pairwise(sizes):
        layers += [nn.Linear(fan_in, fan_out), activation()]
    return layers[:-1]


class MLPEncoder(nn.Sequential, Recorded):
    """Fully connected encoder: images (B, C, H, W) to codes (B, code_size).

    Args:
        image_shape: (C, H, W) of the images.
        code_size: dimensions of the code.
        hidden: sizes of the hidden layers.
        activation: builds the activation of each hidden layer.

    Example:
        >>> encoder = MLPEncoder((1, 28, 20), code_size=2, hidden=(256, 64))
        >>> encoder(torch.rand(16, 1, 28, 20)).shape
        torch.Size([16, 2])
    """

    def __init__(
        self,
        image_shape: Shape,
        code_size: int,
        hidden: tuple[int, ...] = (500,),
        activation: Callable[[], nn.Module] = nn.ReLU,
    ) -> None:
        super().__init__(nn.Flatten(), *mlp((math.prod(image_shape), *hidden, code_size), activation))


class MLPDecoder(nn.Sequential, Recorded):
    """Fully connected decoder: codes (B, code_size) to outputs (B, C, H, W).

    Args:
        image_shape: (C, H, W) of the images.
        code_size: dimensions of the code.
        hidden: sizes of the hidden layers.
        activation: builds the activation of each hidden layer.
    """

    def __init__(
        self,
        image_shape: Shape,
        code_size: int,
        hidden: tuple[int, ...] = (500,),
        activation: Callable[[], nn.Module] = nn.ReLU,
    ) -> None:
        layers = mlp((code_size, *hidden, math.prod(image_shape)), activation)
        super().__init__(*layers, nn.Unflatten(1, tuple(image_shape)))


class MLPDiscriminator(nn.Sequential, Recorded):
    """Fully connected discriminator with dropout: images (B, C, H, W) to logits (B, size) (Goodfellow et al. 2014).

    Args:
        image_shape: (C, H, W) of the images.
        size: number of logits, or of features, for each image.
        hidden: sizes of the hidden layers.
        dropout: share of each hidden layer's units that is dropped in training.
        spectral: divide each layer's weights by their largest singular value (Miyato et al. 2018).
    """

    def __init__(
        self,
        image_shape: Shape,
        size: int,
        hidden: tuple[int, ...] = (512, 256),
        dropout: float = 0.3,
        spectral: bool = False,
    ) -> None:
        share(dropout=dropout)
        layers: list[nn.Module] = [nn.Flatten()]
        sizes = (math.prod(image_shape), *hidden)
        for fan_in, fan_out in pairwise(sizes):
            extent(hidden=fan_out)
            layers += [nn.Linear(fan_in, fan_out), nn.LeakyReLU(0.2), nn.Dropout(dropout)]
        super().__init__(*layers, nn.Linear(sizes[-1], size))
        if spectral:
            self.apply(normalised)
