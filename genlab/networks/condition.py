"""Networks that see a condition: labels (B,), int64, or attributes (B, count), from 0 (absent) to 1 (present).

Embeddings start with variance 1, the scale of codes.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from genlab.errors import GenlabError
from genlab.recorded import as_network
from genlab.types import NetworkFactory, Shape


class AttributeEmbedding(nn.Module):
    """Learned linear embedding of attributes: (B, count) to (B, size)."""

    def __init__(self, count: int, size: int) -> None:
        super().__init__()
        self.linear = nn.Linear(count, size)
        nn.init.normal_(self.linear.weight, std=count**-0.5)
        nn.init.zeros_(self.linear.bias)

    def forward(self, attributes: Tensor) -> Tensor:
        numbers: Tensor = self.linear(2 * attributes.to(self.linear.weight) - 1)
        return numbers


class ConditionalGenerator(nn.Module):
    """Generator given a condition, whose embedding is appended to the code (Mirza & Osindero 2014, section 3.2).

    The embedding is scaled to the norm of a one-hot label: larger ones drown the code, and each class collapses to one
    image. Maps codes (B, code_size) and conditions to images (B, C, H, W).

    Args:
        generator: builds the network from codes to images.
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

    def forward(self, z: Tensor, condition: Tensor) -> Tensor:
        numbers = repeated(self.numbers(condition), z.shape[0])
        images: Tensor = self.network(torch.cat([z, numbers / numbers.shape[1] ** 0.5], 1))
        return images


class ConditionChannel(nn.Module):
    """Discriminator that sees the condition's embedding as an extra channel of the images.

    Args:
        discriminator: builds the network from images to logits.
        image_shape: (C, H, W).
        numbers: embeds conditions: (B, ...) to (B, size).
        size: size of the embedding.
    """

    def __init__(self, discriminator: NetworkFactory, image_shape: Shape, numbers: nn.Module, size: int) -> None:
        super().__init__()
        channels, height, width = image_shape
        self.network = as_network(discriminator, (channels + 1, height, width), 1)
        self.channel = nn.Sequential(numbers, nn.Linear(size, height * width), nn.Unflatten(1, (1, height, width)))

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        logits: Tensor = self.network(torch.cat([x, self.channel(condition)], 1))
        return logits


class Projection(nn.Module):
    """Projection discriminator (Miyato & Koyama 2018, equation 3).

    The logit is a linear function of the image's features plus their inner product with the condition's embedding.

    Args:
        discriminator: builds the network from images to features (B, size).
        image_shape: (C, H, W).
        numbers: embeds conditions: (B, ...) to (B, size).
        size: size of features and embedding.
    """

    def __init__(self, discriminator: NetworkFactory, image_shape: Shape, numbers: nn.Module, size: int) -> None:
        super().__init__()
        self.features, self.numbers = as_network(discriminator, image_shape, size), numbers
        self.linear = nn.Linear(size, 1)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        features = F.leaky_relu(self.features(x), 0.2)
        logits: Tensor = self.linear(features) + (self.numbers(condition) * features).sum(1, keepdim=True)
        return logits


def repeated(condition: Tensor, count: int) -> Tensor:
    """Repeat conditions (B, ...) for `count` images, a multiple of B.

    Take the count from a tensor's shape: `len` would fix it in a graph that is meant for any number of images.

    Raises:
        GenlabError: for a count that is not a multiple of B.
    """
    if count % max(1, len(condition)):
        raise GenlabError(
            f"there are {len(condition)} conditions for {count} images; give one for each, or one for all"
        )
    return condition.repeat(count // max(1, len(condition)), *[1] * (condition.ndim - 1))
