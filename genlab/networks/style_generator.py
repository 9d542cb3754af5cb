"""Generator of StyleGAN2 (Karras et al. 2020, arXiv:1912.04958): a mapping network and a synthesis network."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Generator, Tensor, nn

from genlab.networks.equalized import GAIN, EqualLinear, Filter, activated, stages
from genlab.ranges import above, extent
from genlab.recorded import Recorded, as_network
from genlab.types import NetworkFactory, Shape

EPSILON = 1e-8
SHARED = ("synthesis", "to_each_layer", "style_size")
"""Parts of a generator other than its mapping network."""


class MappingNetwork(nn.Module):
    """Mapping of codes z to styles w, (B, code_size) to (B, style_size) (Karras et al. 2019, section 2).

    Args:
        code_size: dimensions of the code, which is scaled to a mean square of 1.
        style_size: dimensions of the style.
        layers: number of fully connected layers.
        lr_multiplier: learning rate of these layers, relative to the optimizer's.
    """

    def __init__(self, code_size: int, style_size: int, layers: int, lr_multiplier: float) -> None:
        super().__init__()
        sizes = [code_size] + layers * [style_size]
        self.layers = nn.ModuleList(
            EqualLinear(fan_in, fan_out, lr_multiplier=lr_multiplier, gain=GAIN) for fan_in, fan_out in pairwise(sizes)
        )

    def forward(self, z: Tensor) -> Tensor:
        w = normalised(z)
        for layer in self.layers:
            w = activated(layer(w))
        return w


class ModulatedConv(nn.Module):
    """Convolution whose weights a style scales (equations 1 and 3), computed by scaling inputs and outputs instead.

    That is equivalent, and needs no separate weights for each image.

    Args:
        in_channels: number of input channels, each scaled by a linear function of the style, initially 1.
        out_channels: number of output channels.
        style_size: dimensions of the style.
        kernel: side of the kernel.
        doubles: whether height and width are doubled, and filtered; for a kernel of 3.
        demodulates: whether outputs are scaled to a variance of 1 for inputs with a variance of 1.
        gain: factor on weights.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        style_size: int,
        kernel: int = 3,
        doubles: bool = False,
        demodulates: bool = True,
        gain: float = 1.0,
    ) -> None:
        super().__init__()
        self.style = EqualLinear(style_size, in_channels, bias=1.0)
        self.weight = nn.Parameter(torch.randn(out_channels, in_channels, kernel, kernel))
        self.demodulates, self.gain, self.scale = demodulates, gain, gain / (in_channels * kernel**2) ** 0.5
        self.padding, self.filter = kernel // 2, Filter() if doubles else None

    def forward(self, x: Tensor, w: Tensor) -> tuple[Tensor, Tensor | None]:
        """Return the outputs, and the factors (B, out_channels, 1, 1) that demodulate them, or None."""
        style = self.style(w)
        x = x * style[:, :, None, None]
        weight = self.weight * self.scale
        if self.filter is None:
            x = F.conv2d(x, weight, padding=self.padding)
        else:
            x = self.filter.after_doubling(F.conv_transpose2d(x, weight.transpose(0, 1), stride=2))
        return x, self.factors(style, weight) if self.demodulates else None

    def factors(self, style: Tensor, weight: Tensor) -> Tensor:
        """Compute the factors that scale outputs to a variance of gain^2, (B, out_channels, 1, 1)."""
        power = F.linear(style.square(), weight.square().sum((2, 3)))
        return self.gain * (power + EPSILON).rsqrt()[:, :, None, None]


class StyledLayer(nn.Module):
    """Modulated convolution with noise, a bias and leaky ReLU.

    Args:
        in_channels: number of input channels.
        shape: (C, H, W) of outputs.
        style_size: dimensions of the style.
        doubles: whether height and width are doubled, and cropped to the shape.
    """

    fixed_noise: Tensor

    def __init__(self, in_channels: int, shape: Shape, style_size: int, doubles: bool) -> None:
        super().__init__()
        channels, self.height, self.width = shape
        self.conv = ModulatedConv(in_channels, channels, style_size, doubles=doubles, gain=GAIN)
        self.bias = nn.Parameter(torch.zeros(channels))
        self.noise_strength = nn.Parameter(torch.zeros(()))
        self.register_buffer("fixed_noise", torch.randn(1, 1, self.height, self.width))

    def forward(self, x: Tensor, w: Tensor, noise: Tensor | None) -> Tensor:
        x, factors = self.conv(x, w)
        x = x[..., : self.height, : self.width]
        noise = self.fixed_noise if noise is None else noise
        x = torch.addcmul((GAIN * self.bias)[:, None, None], x, factors) + GAIN * self.noise_strength * noise
        return activated(x)


class StyleSynthesis(nn.Module):
    """Synthesis of images from styles (figure 2d, with skip connections as in figure 7b).

    Args:
        image_shape: (C, H, W) of the images.
        style_size: dimensions of a style.
        channels: number of channels at the size of images; each smaller stage has twice as many.
        max_channels: maximum number of channels.
    """

    def __init__(self, image_shape: Shape, style_size: int, channels: int, max_channels: int) -> None:
        super().__init__()
        shapes = stages(image_shape, channels, max_channels)[::-1]
        self.constant = nn.Parameter(torch.randn(1, *shapes[0]))
        self.layers = nn.ModuleList([StyledLayer(shapes[0][0], shapes[0], style_size, doubles=False)])
        for smaller, larger in pairwise(shapes):
            self.layers.append(StyledLayer(smaller[0], larger, style_size, doubles=True))
            self.layers.append(StyledLayer(larger[0], larger, style_size, doubles=False))
        self.to_image = nn.ModuleList(
            ModulatedConv(depth, image_shape[0], style_size, kernel=1, demodulates=False) for depth, *_ in shapes
        )
        self.bias = nn.Parameter(torch.zeros(image_shape[0], 1, 1))
        self.filter = Filter()
        self.num_layers = len(self.layers) + 1
        """Number of places where a style enters; at the last one, the last stage becomes an image."""
        self.noise_shapes = [shapes[0][1:], *(shape[1:] for shape in shapes[1:] for _ in range(2))]
        """(H, W) of the noise of each layer but the last."""
        self.to(memory_format=torch.channels_last)

    def forward(self, styles: Tensor, noise: Sequence[Tensor | None] | None = None) -> Tensor:
        """Synthesize images, (B, C, H, W), unbounded.

        Args:
            styles: (B, num_layers, style_size).
            noise: a map (B, 1, H, W) or (1, 1, H, W) for each of `noise_shapes`; None for the fixed noise.
        """
        x = self.constant.expand(styles.shape[0], -1, -1, -1).contiguous(memory_format=torch.channels_last)
        maps = noise or [None] * len(self.layers)
        image: Tensor | None = None
        for index, (layer, added) in enumerate(zip(self.layers, maps, strict=True)):
            x = layer(x, styles[:, index], added)
            if index % 2 == 0:  # the end of a stage
                more, _ = self.to_image[index // 2](x, styles[:, index + 1])
                image = more if image is None else self._enlarged(image, more) + more
        return image + self.bias  # type: ignore[operator]  # there is a first stage

    def draw_noise(self, n: int, *, generator: Generator | None = None) -> list[Tensor]:
        """Draw noise for all layers that have it: maps (n, 1, H, W) of N(0, 1).

        Without a generator, it is drawn on the weights' device, from torch's global one.
        """
        device, dtype = self.constant.device, self.constant.dtype
        where = device if generator is None else generator.device
        maps = (torch.randn(n, 1, *size, generator=generator, device=where, dtype=dtype) for size in self.noise_shapes)
        return [noise.to(device) for noise in maps]

    def _enlarged(self, image: Tensor, target: Tensor) -> Tensor:
        """Double an image, and crop it to the target's size."""
        return self.filter.doubled(image)[..., : target.shape[2], : target.shape[3]]


class StyleGenerator(nn.Module, Recorded):
    """Generator of StyleGAN2: codes (B, code_size) to styles (`mapping`), and these to images (`synthesis`).

    Args:
        image_shape: (C, H, W) of the images.
        code_size: dimensions of the code.
        style_size: dimensions of the style w that the mapping network computes from a code.
        mapping_layers: number of layers of the mapping network.
        mapping_lr: learning rate of the mapping network, relative to the optimizer's.
        channels: number of channels at the size of images; each smaller stage has twice as many.
        max_channels: maximum number of channels.

    Example:
        >>> generator = StyleGenerator((1, 28, 20), code_size=64, channels=8)
        >>> w = generator.mapping(torch.randn(2, 64))
        >>> generator.synthesis(generator.to_each_layer(w)).shape
        torch.Size([2, 1, 28, 20])
    """

    def __init__(
        self,
        image_shape: Shape,
        code_size: int,
        style_size: int = 128,
        mapping_layers: int = 8,
        mapping_lr: float = 0.01,
        channels: int = 32,
        max_channels: int = 256,
    ) -> None:
        super().__init__()
        extent(style_size=style_size, mapping_layers=mapping_layers, channels=channels, max_channels=max_channels)
        above(0, mapping_lr=mapping_lr)
        self.style_size = style_size
        self.mapping = MappingNetwork(code_size, style_size, mapping_layers, mapping_lr)
        self.synthesis = StyleSynthesis(image_shape, style_size, channels, max_channels)

    def to_each_layer(self, w: Tensor) -> Tensor:
        """Give each layer the same style: (B, style_size) to (B, num_layers, style_size)."""
        return w[:, None].expand(-1, self.synthesis.num_layers, -1)

    def forward(self, z: Tensor) -> Tensor:
        images: Tensor = self.synthesis(self.to_each_layer(self.mapping(z)))
        return images


class ConditionalStyleGenerator(nn.Module):
    """Generator whose mapping network also sees a condition, embedded and appended to the code (Karras et al. 2020b).

    Both are scaled to a mean square of 1.

    Args:
        generator: builds the network, such as `StyleGenerator`.
        image_shape: (C, H, W).
        code_size: dimensions of the code.
        numbers: embeds conditions: (B, ...) to (B, size).
        size: size of the embedding.
    """

    def __init__(
        self, generator: NetworkFactory, image_shape: Shape, code_size: int, numbers: nn.Module, size: int
    ) -> None:
        super().__init__()
        self.network, self.numbers = as_network(generator, image_shape, code_size + size), numbers

    def mapping(self, z: Tensor, condition: Tensor) -> Tensor:
        """Map codes (B, code_size) and conditions to styles (B, style_size)."""
        network = cast(StyleGenerator, self.network)
        styles: Tensor = network.mapping(torch.cat([normalised(z), normalised(self.numbers(condition))], 1))
        return styles

    def forward(self, z: Tensor, condition: Tensor) -> Tensor:
        images: Tensor = self.synthesis(self.to_each_layer(self.mapping(z, condition)))
        return images

    def __getattr__(self, name: str) -> Any:
        """Get the parts that all conditions share from the network."""
        return getattr(self.network, name) if name in SHARED else super().__getattr__(name)


def normalised(x: Tensor) -> Tensor:
    """Scale vectors (B, size) to a mean square of 1."""
    return x * (x.square().mean(1, keepdim=True) + EPSILON).rsqrt()
