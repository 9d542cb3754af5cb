"""Denoisers that see a condition or not, for classifier-free guidance (Ho & Salimans 2022)."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from genlab.recorded import as_network
from genlab.types import Shape


class ConditionalDenoiser(nn.Module):
    """Denoiser given conditions: embeddings that are added to the time's, or images as extra channels of noisy ones.

    Maps noisy images (B, C, H, W), times (B,), conditions (B, ...) and whether each is seen (B,), 1 or 0, to outputs.
    A condition that is not seen has an embedding of zeros, or is a grey image.

    Args:
        network: builds the network from an input's shape, the number of output channels, and an embedding's size.
        image_shape: (C, H, W) of noisy images.
        numbers: embeds conditions, (B, ...) to (B, size); None for conditions that are images.
        size: size of the embedding, or number of channels of such images.
    """

    def __init__(
        self, network: Callable[..., nn.Module], image_shape: Shape, numbers: nn.Module | None, size: int
    ) -> None:
        super().__init__()
        depth, *sides = image_shape
        further = 0 if numbers else size
        self.network = as_network(network, (depth + further, *sides), depth, size if numbers else 0)
        self.numbers = numbers

    def forward(self, x: Tensor, time: Tensor, condition: Tensor, seen: Tensor) -> Tensor:
        if self.numbers is not None:
            numbers = self.numbers(condition) * seen[:, None]
            outputs: Tensor = self.network(x, time, numbers)
            return outputs
        images = (2 * condition.to(x) - 1) * seen.to(x).view(-1, 1, 1, 1)
        if images.shape[2:] != x.shape[2:]:
            images = F.interpolate(images, x.shape[2:], mode="bilinear")
        outputs = self.network(torch.cat([x, images], 1), time)
        return outputs
