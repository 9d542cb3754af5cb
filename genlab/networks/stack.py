"""The layers of a stacked autoencoder, each an encoder of its input with a decoder back to it."""

import math
from collections.abc import Callable, Sequence
from typing import cast

from torch import Tensor, nn

from genlab.errors import GenlabError
from genlab.ranges import extent
from genlab.recorded import Recorded, as_network
from genlab.types import Shape


class StackLayer(nn.Module, Recorded):
    """A layer built for inputs (B, *input_shape), with codes (B, *code_shape).

    Args:
        encoder: from the layer's input to its code, before the activation.
        decoder: from the code to the input, before the activation of the layer below.
        activation: of the code.
        code_shape: the shape of a code.
    """

    supplied = 1

    def __init__(
        self, encoder: nn.Module, decoder: nn.Module, activation: nn.Module, code_shape: tuple[int, ...]
    ) -> None:
        super().__init__()
        self.encoder, self.decoder, self.activation = encoder, decoder, activation
        self.code_shape = code_shape

    def encode(self, x: Tensor) -> Tensor:
        """Inputs (B, *input_shape) to codes (B, *code_shape)."""
        codes: Tensor = self.activation(self.encoder(x))
        return codes

    def decode(self, z: Tensor) -> Tensor:
        """Codes (B, *code_shape) to inputs (B, *input_shape), before the activation of the layer below."""
        inputs: Tensor = self.decoder(z)
        return inputs


class DenseLayer(StackLayer):
    """A fully connected layer, for inputs of any shape.

    Args:
        input_shape: of one input.
        size: units of the code.
        activation: builds the activation of the code.
    """

    def __init__(
        self, input_shape: tuple[int, ...], size: int, activation: Callable[[], nn.Module] = nn.Sigmoid
    ) -> None:
        extent(size=size)
        inputs = math.prod(input_shape)
        super().__init__(
            nn.Sequential(nn.Flatten(), nn.Linear(inputs, size)),
            nn.Sequential(nn.Linear(size, inputs), nn.Unflatten(1, tuple(input_shape))),
            activation(),
            (size,),
        )


class ConvLayer(StackLayer):
    """A convolution that halves height and width, and a transposed one back.

    Args:
        input_shape: (C, H, W) of one input, of two pixels a side at least.
        channels: of the code.
        activation: builds the activation of the code.

    Raises GenlabError for inputs of another shape.
    """

    def __init__(
        self, input_shape: tuple[int, ...], channels: int, activation: Callable[[], nn.Module] = nn.LeakyReLU
    ) -> None:
        if len(input_shape) != 3 or min(input_shape[1:]) < 2:
            raise GenlabError(
                f"a ConvLayer takes inputs (C, H, W) of two pixels a side at least, not {tuple(input_shape)}; "
                "put it below dense layers, and not too many of them on one another"
            )
        extent(channels=channels)
        fan_in, height, breadth = input_shape
        super().__init__(
            nn.Conv2d(fan_in, channels, 4, stride=2, padding=1),
            nn.ConvTranspose2d(channels, fan_in, 4, stride=2, padding=1, output_padding=(height % 2, breadth % 2)),
            activation(),
            (channels, height // 2, breadth // 2),
        )


LayerFactory = Callable[[tuple[int, ...]], StackLayer]
"""Builds a layer from the shape of its input."""


class LayerStack(nn.ModuleList):
    """Layers upon one another, the lowest first, for images (B, C, H, W).

    Args:
        image_shape: (C, H, W) of the images.
        factories: build the layers, or are layers already.
    """

    def __init__(self, image_shape: Shape, factories: Sequence[LayerFactory]) -> None:
        super().__init__()
        self.shapes: list[tuple[int, ...]] = [image_shape]
        """Of the images and of the codes of each layer."""
        for build in factories:
            layer = as_network(build, self.shapes[-1])
            self.append(layer)
            self.shapes.append(layer.code_shape)

    def layer(self, level: int) -> StackLayer:
        """A layer, counted from 0."""
        return cast(StackLayer, self[level])

    def encode(self, x: Tensor, depth: int) -> Tensor:
        """The codes of images by the lowest `depth` layers: (B, C, H, W) to (B, *shapes[depth])."""
        for level in range(depth):
            x = self.layer(level).encode(x)
        return x

    def decode(self, z: Tensor, depth: int) -> Tensor:
        """The logits of images from codes of the lowest `depth` layers: (B, *shapes[depth]) to (B, C, H, W)."""
        for level in reversed(range(depth)):
            z = self.decode_layer(level, z)
        return z

    def decode_layer(self, level: int, z: Tensor) -> Tensor:
        """The codes of the layer below from those of a layer, counted from 0; the logits of images for the lowest."""
        inputs: Tensor = self.layer(level).decode(z)
        return self.layer(level - 1).activation(inputs) if level else inputs
