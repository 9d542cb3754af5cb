"""Denoisers: functions that estimate images from noisy ones and their noise level, and functions of denoisers.

Samplers and bounds know nothing else of a model.
"""

from collections.abc import Callable
from typing import TypeAlias

import torch
from torch import Tensor, nn

from genlab.diffusion.predictions import Prediction
from genlab.precision import at_least_float32

Denoise: TypeAlias = Callable[[Tensor, Tensor | float], Tensor]
"""Maps noisy images x + σ ε, (B, ...), and σ, one number or (B,), to an estimate of x, (B, ...)."""


class Denoiser:
    """A network and the meaning of its output: a `Denoise`.

    Args:
        network: maps scaled noisy images (B, C, H, W), times (B,), and further arguments to outputs.
        prediction: meaning of its output.
        given: further arguments of the network, such as a condition's embedding.
    """

    def __init__(self, network: nn.Module, prediction: Prediction, *given: Tensor) -> None:
        self.network, self.prediction, self.given = network, prediction, given

    def output(self, noisy: Tensor, sigma: Tensor | float) -> Tensor:
        """Compute the network's output, in at least float32. Its time is log σ / 4 (Karras et al. 2022, table 1)."""
        levels = broadcast(sigma, noisy)
        scaled = self.prediction.scalings(levels).input * noisy
        weights = next(self.network.parameters())
        return at_least_float32(self.network(scaled.to(weights.dtype), levels.flatten().log() / 4, *self.given))

    def __call__(self, noisy: Tensor, sigma: Tensor | float) -> Tensor:
        """Estimate images."""
        return self.prediction.image(self.output(noisy, sigma), noisy, broadcast(sigma, noisy))


def broadcast(sigma: Tensor | float, x: Tensor) -> Tensor:
    """Return levels, one number or (B,), as (B, 1, ...), in the precision of images (B, ...)."""
    levels = torch.as_tensor(sigma, dtype=x.dtype).to(x.device)
    return levels.expand(len(x)).view(-1, *[1] * (x.ndim - 1))


def clipped(denoise: Denoise) -> Denoise:
    """Clip estimates to [-1, 1], the range of images (as the code of Ho et al. 2020 does)."""
    return lambda x, sigma: denoise(x, sigma).clamp(-1, 1)


def guided(conditional: Denoise, unconditional: Denoise, scale: float) -> Denoise:
    """Follow a condition more or less closely than the model does (Ho & Salimans 2022, equation 6; scale is 1 + w).

    Args:
        conditional: estimates under the condition.
        unconditional: estimates without it.
        scale: 0 ignores the condition, 1 is the conditional model, more exaggerates the condition's effect.
    """
    if scale == 1:
        return conditional

    def denoise(x: Tensor, sigma: Tensor | float) -> Tensor:
        without = unconditional(x, sigma)
        return without + scale * (conditional(x, sigma) - without) if scale else without

    return denoise


def completing(denoise: Denoise, image: Tensor, mask: Tensor) -> Denoise:
    """Keep the known part of an image (replacement; Song et al. 2021, appendix I.2).

    The estimates of known pixels are the pixels themselves: a sampler then only adds the noise of each level to them,
    and the other pixels are estimated together with them.

    Args:
        denoise: estimates whole images.
        image: (B, C, H, W) or (1, C, H, W); values at unknown pixels do not matter.
        mask: 1 at pixels to be generated, 0 at known ones; broadcasts against the image.
    """
    return lambda x, sigma: torch.where(mask > 0, denoise(x, sigma), image)


def watched(denoise: Denoise, look: Callable[[Tensor, float, int], None]) -> Denoise:
    """Call `look` before each estimate of a sampler, with the noisy images, their level, and the step, from 0.

    A step may estimate twice: Heun's method looks ahead at the next level, and then takes its step from there.
    """
    last, step = None, -1

    def denoise_watched(x: Tensor, sigma: Tensor | float) -> Tensor:
        nonlocal last, step
        now = float(sigma)
        last, step = now, step + (now != last)
        look(x, now, step)
        return denoise(x, sigma)

    return denoise_watched
