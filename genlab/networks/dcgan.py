"""Convolutional generator and discriminator of DCGAN (Radford et al. 2016), for images of any shape in [-1, 1]."""

import math
from collections.abc import Callable
from itertools import pairwise

from torch import nn

from genlab.networks.conv import ConvDecoder, halvings
from genlab.networks.init import normal_weights, normalised, warn_of_batch_norm
from genlab.recorded import Recorded
from genlab.types import Shape


class DCGANGenerator(ConvDecoder):
    """Generator of DCGAN: codes (B, code_size) to outputs (B, C, H, W), before the tanh.

    Args:
        image_shape: (C, H, W) of the images.
        code_size: dimensions of the code.
        channels: number of channels of the last hidden stage; each stage before it has twice as many.
        normalization: builds the layer after each hidden convolution, given its number of channels.

    Example:
        >>> generator = DCGANGenerator((1, 28, 20), code_size=100)
        >>> generator(torch.randn(2, 100)).shape
        torch.Size([2, 1, 28, 20])
    """

    def __init__(
        self,
        image_shape: Shape,
        code_size: int,
        channels: int = 64,
        normalization: Callable[[int], nn.Module] = nn.BatchNorm2d,
    ) -> None:
        super().__init__(image_shape, code_size, channels, normalization, nn.ReLU)
        self.apply(normal_weights)


class DCGANDiscriminator(nn.Sequential, Recorded):
    """Discriminator of DCGAN: images (B, C, H, W) to logits (B, size).

    Args:
        image_shape: (C, H, W) of the images.
        size: number of logits, or of features, for each image.
        channels: number of channels of the first stage; each stage after it has twice as many.
        normalization: builds the layer after each convolution but the first, given its number of channels.
        spectral: divide each layer's weights by their largest singular value (Miyato et al. 2018). It warns about
            batch normalisation, the default, which undoes that: give `torch.nn.Identity` as normalization.
    """

    def __init__(
        self,
        image_shape: Shape,
        size: int,
        channels: int = 64,
        normalization: Callable[[int], nn.Module] = nn.BatchNorm2d,
        spectral: bool = False,
    ) -> None:
        shapes = halvings(image_shape, channels)
        layers: list[nn.Module] = []
        for stage, ((fan_in, *_), (fan_out, *_)) in enumerate(pairwise(shapes)):
            layers += [nn.Conv2d(fan_in, fan_out, 4, stride=2, padding=1)]
            layers += [normalization(fan_out)] * (stage > 0)
            layers += [nn.LeakyReLU(0.2)]
        super().__init__(*layers, nn.Flatten(), nn.Linear(math.prod(shapes[-1]), size))
        self.apply(normal_weights)
        if spectral:
            self.apply(normalised)
            warn_of_batch_norm(self, "spectral normalisation")
