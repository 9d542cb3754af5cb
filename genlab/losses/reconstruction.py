"""Reconstruction errors of autoencoders.

Each takes the decoder's logits, whose sigmoid is the reconstruction, and the images in [0, 1], both (B, C, H, W), and
returns one value per image, (B,), summed over pixels.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from genlab.errors import GenlabError
from genlab.losses.softplus import softplus
from genlab.precision import in_float32
from genlab.ranges import at_least

SSIM_WINDOW = 11
"""Side of the windows of structural similarity, in pixels (Wang et al. 2004)."""
SSIM_DEVIATION = 1.5
"""Standard deviation of the Gaussian weights in a window, in pixels."""


@in_float32
def squared_error(logits: Tensor, image: Tensor) -> Tensor:
    """Sum of squared differences of pixels.

    Example:
        >>> logits = torch.zeros(2, 1, 8, 8)  # their sigmoid is 0.5
        >>> squared_error(logits, torch.ones(2, 1, 8, 8))
        tensor([16., 16.])
    """
    return sum_of_squares(logits.sigmoid(), image)


@in_float32
def absolute_error(logits: Tensor, image: Tensor) -> Tensor:
    """Sum of absolute differences of pixels."""
    return (logits.sigmoid() - image).abs().flatten(1).sum(1)


@in_float32
def cross_entropy(logits: Tensor, image: Tensor) -> Tensor:
    """Cross-entropy between image and reconstruction as Bernoulli probabilities, in nats."""
    return (softplus(logits) - logits * image).flatten(1).sum(1)


@in_float32
def gradient_error(logits: Tensor, image: Tensor) -> Tensor:
    """Sum of squared differences of brightness gradients, from horizontal and vertical Sobel filters.

    The gradient of a step from black to white is 1. Blurred edges cost a lot, a wrong overall brightness nothing.
    """
    return sobel(logits.sigmoid() - image).square().flatten(1).sum(1)


@in_float32
def dissimilarity(logits: Tensor, image: Tensor) -> Tensor:
    """Structural dissimilarity 1 - SSIM (Wang et al. 2004), from 0 for equal images to 2, not summed over pixels.

    Raises:
        GenlabError: for images smaller than 11 x 11 pixels.
    """
    if min(image.shape[-2:]) < SSIM_WINDOW:
        raise GenlabError(
            f"structural similarity needs images of at least {SSIM_WINDOW} x {SSIM_WINDOW} pixels, "
            f"not {image.shape[-2]} x {image.shape[-1]}; choose another loss"
        )
    return 1 - structural_similarity(logits.sigmoid(), image)


ReconstructionError = Callable[[Tensor, Tensor], Any]
"""Maps logits and images, (B, C, H, W), to a tensor (B,). The result is declared as Any because the command line would
take a callable with a declared result for a factory of such results."""


@dataclass(frozen=True)
class WeightedSum:
    """Weighted sum of several errors.

    Args:
        errors: functions such as those of this module.
        weights: one weight for each of them.

    Raises:
        GenlabError: if the numbers of weights and errors differ.

    Example:
        >>> loss = WeightedSum([squared_error, absolute_error], weights=[1.0, 0.5])
        >>> loss(torch.zeros(2, 1, 8, 8), torch.ones(2, 1, 8, 8))
        tensor([32., 32.])
    """

    errors: Sequence[ReconstructionError]
    weights: Sequence[float]

    def __post_init__(self) -> None:
        if len(self.errors) != len(self.weights):
            raise GenlabError(
                f"WeightedSum has {len(self.errors)} errors but {len(self.weights)} weights; give one weight for each"
            )
        for weight in self.weights:
            at_least(0, weight=weight)

    def __call__(self, logits: Tensor, image: Tensor) -> Tensor:
        """Compute one value per image, (B,)."""
        values = [weight * error(logits, image) for error, weight in zip(self.errors, self.weights, strict=True)]
        return torch.stack(values).sum(0)


@in_float32
def structural_similarity(image: Tensor, other: Tensor) -> Tensor:
    """Structural similarity (SSIM) of images in [0, 1]: two tensors (B, C, H, W) to (B,) (Wang et al. 2004, eq. 13).

    It is the mean over channels and over the windows that lie wholly within the image, as in the paper and in
    scikit-image's `structural_similarity(gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=1)`:
    windows of 11 x 11 pixels with Gaussian weights of deviation 1.5, and the constants 0.01^2 and 0.03^2. Libraries
    that pad images give other values. Images have at least 11 x 11 pixels.
    """
    x, y = image.flatten(0, 1)[:, None], other.flatten(0, 1)[:, None]
    mean_x, mean_y, mean_xx, mean_yy, mean_xy = _windowed(torch.cat([x, y, x * x, y * y, x * y])).chunk(5)
    covariance = mean_xy - mean_x * mean_y
    variances = mean_xx - mean_x.square() + mean_yy - mean_y.square()
    luminance = (2 * mean_x * mean_y + 0.01**2) / (mean_x.square() + mean_y.square() + 0.01**2)
    similarity = luminance * (2 * covariance + 0.03**2) / (variances + 0.03**2)
    return similarity.flatten(1).mean(1).view(image.shape[:2]).mean(1)


def _windowed(images: Tensor) -> Tensor:
    """Gaussian means of all windows within images: (N, 1, H, W) to (N, 1, H - 10, W - 10)."""
    down, across = (_window_weights(side).to(images) for side in images.shape[-2:])
    return down.T @ (images @ across)


def _window_weights(side: int) -> Tensor:
    """Weights of the pixels along a side in each window: (side, side - 10), for fast matrix products."""
    away = torch.arange(side)[:, None] - torch.arange(side - SSIM_WINDOW + 1) - SSIM_WINDOW // 2
    weights = (-0.5 * (away / SSIM_DEVIATION).square()).exp() * (away.abs() <= SSIM_WINDOW // 2)
    return weights / weights.sum(0)


def sobel(images: Tensor) -> Tensor:
    """Horizontal and vertical gradients of each channel: (B, C, H, W) to (B, 2 C, H, W), with replicated borders."""
    across = torch.tensor([[-1.0, 0.0, 1.0], [-2.0, 0.0, 2.0], [-1.0, 0.0, 1.0]]) / 4
    channels = images.shape[1]
    kernels = torch.stack([across, across.T])[:, None].repeat(channels, 1, 1, 1).to(images)
    return F.conv2d(F.pad(images, (1, 1, 1, 1), mode="replicate"), kernels, groups=channels)


@in_float32
def absolute_difference(image: Tensor, other: Tensor) -> Tensor:
    """Mean absolute difference of pixels (L1) of images of any range: two tensors (B, C, H, W) to (B,)."""
    return (image - other).abs().flatten(1).mean(1)


@in_float32
def sum_of_squares(value: Tensor, target: Tensor) -> Tensor:
    """Sum of squared differences of values that are not logits: two tensors (B, ...) to (B,)."""
    return (value - target).square().flatten(1).sum(1)
