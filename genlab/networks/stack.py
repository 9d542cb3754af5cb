"""Layers of a stacked autoencoder, each an encoder with a decoder back to its input."""

import math
from collections.abc import Callable, Sequence
from typing import cast

from torch import Tensor, nn

from genlab.errors import GenlabError
from genlab.ranges import extent
from genlab.recorded import Recorded, as_network
from genlab.types import Shape


class StackLayer(nn.Module, Recorded):
    """Layer for inputs (B, *input_shape), with codes (B, *code_shape).

    Args:
        encoder: maps inputs to codes, before the activation.
        decoder: maps codes to inputs, before the activation of the layer below.
        activation: activation of codes.
        code_shape: shape of one code.
    """

    supplied = 1

    def __init__(
        self, encoder: nn.Module, decoder: nn.Module, activation: nn.Module, code_shape: tuple[int, ...]
    ) -> None:
        super().__init__()
        self.encoder, self.decoder, self.activation = encoder, decoder, activation
        self.code_shape = code_shape

    def encode(self, x: Tensor) -> Tensor:
        """Encode inputs (B, *input_shape): codes (B, *code_shape)."""
        codes: Tensor = self.activation(self.encoder(x))
        return codes

    def decode(self, z: Tensor) -> Tensor:
        """Decode codes (B, *code_shape): inputs (B, *input_shape), before the activation of the layer below."""
        inputs: Tensor = self.decoder(z)
        return inputs


class DenseLayer(StackLayer):
    """Fully connected layer for inputs of any shape.

    Args:
        input_shape: shape of one input.
        size: number of units of the code.
        activation: builds the activation of the code.

    Example:
        >>> layer = DenseLayer((1, 8, 8), size=30)
        >>> codes = layer.encode(torch.rand(16, 1, 8, 8))
        >>> codes.shape, layer.decode(codes).shape
        (torch.Size([16, 30]), torch.Size([16, 1, 8, 8]))
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
    """Convolution that halves height and width, with a transposed convolution back.

    Args:
        input_shape: (C, H, W) of one input, at least two pixels high and wide.
        channels: number of channels of the code.
        activation: builds the activation of the code.

    Raises:
        GenlabError: for inputs of another shape.
    """

    def __init__(
        self, input_shape: tuple[int, ...], channels: int, activation: Callable[[], nn.Module] = nn.LeakyReLU
    ) -> None:
        if len(input_shape) != 3 or min(input_shape[1:]) < 2:
            raise GenlabError(
                f"a ConvLayer takes inputs (C, H, W) of at least 2 x 2 pixels, not {tuple(input_shape)}; "
                "put it below dense layers, and stack fewer of them"
            )
        extent(channels=channels)
        fan_in, height, width = input_shape
        super().__init__(
            nn.Conv2d(fan_in, channels, 4, stride=2, padding=1),
            nn.ConvTranspose2d(channels, fan_in, 4, stride=2, padding=1, output_padding=(height % 2, width % 2)),
            activation(),
            (channels, height // 2, width // 2),
        )


LayerFactory = Callable[[tuple[int, ...]], StackLayer]
"""Builds a layer from the shape of its input."""


class LayerStack(nn.ModuleList):
    """Stack of layers for images (B, C, H, W), the lowest first.

    Args:
        image_shape: (C, H, W) of the images.
        factories: factories of layers, or layers that are already built.
    """

    def __init__(self, image_shape: Shape, factories: Sequence[LayerFactory]) -> None:
        super().__init__()
        self.shapes: list[tuple[int, ...]] = [image_shape]
        """Shapes of the images and of the codes of each layer."""
        for build in factories:
            layer = as_network(build, self.shapes[-1])
            self.append(layer)
            self.shapes.append(layer.code_shape)

    def layer(self, level: int) -> StackLayer:
        """Return a layer, counted from 0."""
        return cast(StackLayer, self[level])

    def encode(self, x: Tensor, depth: int) -> Tensor:
        """Encode images with the lowest `depth` layers: (B, C, H, W) to (B, *shapes[depth])."""
        for level in range(depth):
            x = self.layer(level).encode(x)
        return x

    def decode(self, z: Tensor, depth: int) -> Tensor:
        """Decode codes of the lowest `depth` layers to logits of images: (B, *shapes[depth]) to (B, C, H, W)."""
        for level in reversed(range(depth)):
            z = self.decode_layer(level, z)
        return z

    def decode_layer(self, level: int, z: Tensor) -> Tensor:
        """Decode a layer's codes to codes of the layer below, or to logits of images for the lowest layer, level 0."""
        inputs: Tensor = self.layer(level).decode(z)
        return self.layer(level - 1).activation(inputs) if level else inputs
