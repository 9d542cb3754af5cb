"""Gradient penalties on discriminators, (B,), computed outside of autocast, in the precision of the weights.

A discriminator maps images (B, ...) to logits (B, ...), each computed from one image alone. With batch normalisation,
logits depend on the other images of the batch, and such a penalty is not valid (Gulrajani et al. 2017, section 4): give
the network `torch.nn.Identity` or `torch.nn.InstanceNorm2d` as normalization.
"""

from abc import abstractmethod
from collections.abc import Callable

import torch
from torch import Tensor

from genlab.precision import at_least_float32, unautocast
from genlab.ranges import at_least

Discriminator = Callable[[Tensor], Tensor]


class Penalty:
    """Additional term of the discriminator's loss.

    Args:
        weight: weight of the term.

    Example:
        >>> penalty = R1(weight=2.0)
        >>> def discriminator(images):  # its gradient has the norm 3 * 8
        ...     return 3 * images.flatten(1).sum(1)
        >>> real, fake = torch.rand(2, 2, 1, 8, 8)
        >>> penalty(discriminator, real, fake)
        tensor([576., 576.])
    """

    batches: int = 1
    """Number of batches like the current one that make up a step, over processes and accumulated batches."""

    def __init__(self, weight: float = 10.0) -> None:
        at_least(0, weight=weight)
        self.weight = weight

    @abstractmethod
    def __call__(self, discriminator: Discriminator, real: Tensor, fake: Tensor) -> Tensor:
        """Compute the penalty, (B,).

        Args:
            discriminator: maps images to logits.
            real: real images, (B, ...).
            fake: as many generated images, detached.
        """


class GradientPenalty(Penalty):
    """Penalty weight * (||grad D|| - 1)^2 between real and generated images (Gulrajani et al. 2017, equation 3)."""

    def __call__(self, discriminator: Discriminator, real: Tensor, fake: Tensor) -> Tensor:
        """Compute the penalty at a random point on the line between each real image and a generated one."""
        real, fake = unautocast(real), unautocast(fake)
        share = torch.rand(len(real), *[1] * (real.ndim - 1), device=real.device, dtype=real.dtype)
        return self.weight * (slopes(discriminator, torch.lerp(fake, real, share)) - 1).square()


class R1(Penalty):
    """Penalty weight / 2 * ||grad D||^2 at real images (Mescheder et al. 2018, equation 9)."""

    def __call__(self, discriminator: Discriminator, real: Tensor, fake: Tensor) -> Tensor:
        """Compute the penalty at each real image."""
        return 0.5 * self.weight * slopes(discriminator, real).square()


class ScaledR1(R1):
    """R1 with a weight of scale * pixels / images per step, found for images of many sizes (Karras et al. 2020b).

    Args:
        scale: factor of the weight.
    """

    def __init__(self, scale: float = 2e-4) -> None:
        super().__init__(0.0)
        at_least(0, scale=scale)
        self.scale = scale

    def __call__(self, discriminator: Discriminator, real: Tensor, fake: Tensor) -> Tensor:
        """Compute the penalty at each real image, and store its `weight`."""
        self.weight = self.scale * real[0, 0].numel() / (len(real) * self.batches)
        return super().__call__(discriminator, real, fake)


def slopes(discriminator: Discriminator, x: Tensor) -> Tensor:
    """Compute the Euclidean norms of a discriminator's gradients at images, (B,), which can be differentiated again."""
    x = unautocast(x).detach().requires_grad_()
    with torch.autocast(x.device.type, enabled=False):
        (gradients,) = torch.autograd.grad(discriminator(x).sum(), x, create_graph=True)
    norms: Tensor = at_least_float32(gradients).flatten(1).norm(dim=1)
    return norms
