"""Patch discriminator, PatchGAN (Isola et al. 2017, section 3.2.2)."""

from collections.abc import Callable

from torch import nn

from genlab.networks.conv import halvings
from genlab.networks.init import normal_weights
from genlab.ranges import at_least
from genlab.recorded import Recorded
from genlab.types import Shape


class PatchDiscriminator(nn.Sequential, Recorded):
    """Patch discriminator: images (B, C, H, W) to logits (B, size, H', W'), each for one patch.

    With three halvings, patches have 70 x 70 pixels.

    Args:
        image_shape: (C, H, W) of the images.
        size: number of logits, or of features, for each patch.
        channels: number of channels of the first stage; each later stage has twice as many, up to eight times.
        stages: number of halvings; fewer for images whose shorter side would fall below 4.
        normalization: builds the layer after each convolution but the first and the last, given its number of channels.

    Example:
        >>> discriminator = PatchDiscriminator((6, 256, 256), size=1, channels=8)  # sees source and target
        >>> discriminator(torch.rand(1, 6, 256, 256)).shape
        torch.Size([1, 1, 30, 30])
    """

    def __init__(
        self,
        image_shape: Shape,
        size: int,
        channels: int = 64,
        stages: int = 3,
        normalization: Callable[[int], nn.Module] = nn.InstanceNorm2d,
    ) -> None:
        at_least(0, stages=stages)
        strides = [2] * min(stages, len(halvings(image_shape, channels)) - 1) + [1]
        layers: list[nn.Module] = []
        fan_in = image_shape[0]
        for stage, stride in enumerate(strides):
            fan_out = channels * min(2**stage, 8)
            layers += [nn.Conv2d(fan_in, fan_out, 4, stride, padding=1)]
            layers += [normalization(fan_out)] * (stage > 0)
            layers += [nn.LeakyReLU(0.2)]
            fan_in = fan_out
        super().__init__(*layers, nn.Conv2d(fan_in, size, 4, padding=1))
        self.apply(normal_weights)
