"""Reconstruction errors of an autoencoder, summed over pixels.

Each takes the decoder's logits, whose sigmoid is the reconstruction, and the image in [0, 1], both (B, C, H, W),
and returns one value per image, (B,).
"""

import torch.nn.functional as F
from torch import Tensor

from genlab.losses.precision import in_float32


@in_float32
def squared_error(logits: Tensor, image: Tensor) -> Tensor:
    """Sum of squared differences of pixels."""
    return (logits.sigmoid() - image).square().flatten(1).sum(1)


@in_float32
def absolute_error(logits: Tensor, image: Tensor) -> Tensor:
    """Sum of absolute differences of pixels."""
    return (logits.sigmoid() - image).abs().flatten(1).sum(1)


@in_float32
def cross_entropy(logits: Tensor, image: Tensor) -> Tensor:
    """Cross-entropy between image and reconstruction taken as Bernoulli probabilities, in nats."""
    return F.binary_cross_entropy_with_logits(logits, image, reduction="none").flatten(1).sum(1)
