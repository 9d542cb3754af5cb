"""Penalties on the slope of a discriminator, (B,), computed outside of autocast, in its weights' own precision.

A discriminator is a function of images (B, ...) to logits (B, ...), each of one image: with batch normalisation it
depends on the others too, and the slope is none of an image's (Gulrajani et al. 2017, section 4). Give its network
`torch.nn.Identity` or `torch.nn.InstanceNorm2d` as normalization.
"""

from abc import abstractmethod
from collections.abc import Callable

import torch
from torch import Tensor

from genlab.losses.precision import at_least_float32, unautocast
from genlab.ranges import at_least

Discriminator = Callable[[Tensor], Tensor]


class Penalty:
    """A further term of the discriminator's loss.

    Args:
        weight: of the term.
    """

    def __init__(self, weight: float = 10.0) -> None:
        at_least(0, weight=weight)
        self.weight = weight

    @abstractmethod
    def __call__(self, discriminator: Discriminator, real: Tensor, fake: Tensor) -> Tensor:
        """The penalty, (B,), given as many real as generated images, detached."""


class GradientPenalty(Penalty):
    """weight * (||gradient of D|| - 1)^2, between real and generated images (Gulrajani et al. 2017, equation 3)."""

    def __call__(self, discriminator: Discriminator, real: Tensor, fake: Tensor) -> Tensor:
        """The penalty at a point of the line between each real image and a generated one, drawn uniformly."""
        real, fake = unautocast(real), unautocast(fake)
        share = torch.rand(len(real), *[1] * (real.ndim - 1), device=real.device, dtype=real.dtype)
        return self.weight * (slopes(discriminator, torch.lerp(fake, real, share)) - 1).square()


class R1(Penalty):
    """weight / 2 * ||gradient of D||^2 at real images (Mescheder et al. 2018, equation 9)."""

    def __call__(self, discriminator: Discriminator, real: Tensor, fake: Tensor) -> Tensor:
        """The penalty at each real image."""
        return 0.5 * self.weight * slopes(discriminator, real).square()


def slopes(discriminator: Discriminator, x: Tensor) -> Tensor:
    """The Euclidean norms of a discriminator's gradients, (B,), which can be differentiated again."""
    x = unautocast(x).detach().requires_grad_()
    with torch.autocast(x.device.type, enabled=False):
        (gradients,) = torch.autograd.grad(discriminator(x).sum(), x, create_graph=True)
    norms: Tensor = at_least_float32(gradients).flatten(1).norm(dim=1)
    return norms
