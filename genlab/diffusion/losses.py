"""Losses of denoisers: one value per image, (B,), summed over values, in float32.

A loss is a function of a `Denoiser`, images, their noise and its levels; models draw the noise and the levels.
"""

from collections.abc import Callable

from torch import Tensor

from genlab.diffusion.denoisers import Denoiser, broadcast

DenoisingLoss = Callable[[Denoiser, Tensor, Tensor, Tensor], Tensor]
"""Maps a denoiser, images (B, C, H, W) in [-1, 1], noise of their shape and levels (B,) to (B,)."""


def prediction_error(denoiser: Denoiser, x: Tensor, noise: Tensor, sigma: Tensor) -> Tensor:
    """Squared error of the network's output.

    For a network that predicts noise, it is L_simple (Ho et al. 2020, equation 14); for `KarrasPrediction`, the loss of
    Karras et al. 2022, equation 8.
    """
    levels = broadcast(sigma, x)
    noisy = x + levels * noise
    wanted = denoiser.prediction.output(x, noisy, levels)
    return (denoiser.output(noisy, sigma) - wanted).square().flatten(1).sum(1)


def image_error(denoiser: Denoiser, x: Tensor, noise: Tensor, sigma: Tensor) -> Tensor:
    """Squared error of the estimated image, weighted by the signal-to-noise ratio, at most 5 (Hang et al. 2023).

    Whatever the network predicts, small levels, which dominate the error of predicted noise, weigh less.
    """
    levels = broadcast(sigma, x)
    weights = levels.square().reciprocal().clamp(max=5.0)
    return (weights * (denoiser(x + levels * noise, sigma) - x).square()).flatten(1).sum(1)
