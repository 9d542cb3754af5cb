"""Adversarial losses of discriminator and generator, given the discriminator's logits of real and generated images.

Logits are (B, ...), with several per image where a discriminator judges patches. Each loss is the mean over an image's
patches, (B,), in float32.
"""

from abc import abstractmethod

import torch.nn.functional as F
from torch import Tensor

from genlab.precision import at_least_float32
from genlab.ranges import share


class AdversarialLoss:
    """Losses of both players; subclasses define them for a single logit.

    Example:
        >>> loss = NonSaturating()
        >>> real, fake = torch.tensor([2.0, 0.0]), torch.tensor([-1.0, 1.0])  # a discriminator's logits
        >>> loss.discriminator(real, fake)
        tensor([0.4402, 2.0064])
        >>> loss.generator(fake)
        tensor([1.3133, 0.3133])
    """

    relativistic = False
    """Whether the generator's loss also depends on the logits of real images."""
    boundary: float | None = None
    """Logit above which the discriminator takes an image for real; None if logits have no such meaning."""
    is_cross_entropy = False
    """Whether the discriminator's loss, and with it its gradient, vanishes once it is certain and right."""

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        """Compute the discriminator's loss, (B,).

        Args:
            real: logits of real images, (B, ...).
            fake: logits of generated images, (B, ...).
        """
        return per_image(self.of_real(at_least_float32(real)) + self.of_fake(at_least_float32(fake)))

    def generator(self, fake: Tensor, real: Tensor | None = None) -> Tensor:
        """Compute the generator's loss, (B,).

        Args:
            fake: logits of generated images, (B, ...).
            real: logits of real images, (B, ...); only relativistic losses need them.
        """
        return per_image(self.of_generated(at_least_float32(fake)))

    @abstractmethod
    def of_real(self, logits: Tensor) -> Tensor:
        """Compute the discriminator's loss for each logit of real images."""

    @abstractmethod
    def of_fake(self, logits: Tensor) -> Tensor:
        """Compute the discriminator's loss for each logit of generated images."""

    @abstractmethod
    def of_generated(self, logits: Tensor) -> Tensor:
        """Compute the generator's loss for each logit of generated images."""


class NonSaturating(AdversarialLoss):
    """Cross-entropy, with a generator that maximises log D(G(z)) (Goodfellow et al. 2014, section 3).

    Args:
        smoothing: one-sided label smoothing: real images have the label 1 - smoothing (Salimans et al. 2016).
    """

    boundary: float | None = 0.0
    is_cross_entropy = True

    def __init__(self, smoothing: float = 0.0) -> None:
        share(smoothing=smoothing)
        self.smoothing = smoothing

    def of_real(self, logits: Tensor) -> Tensor:
        """-(1 - smoothing) log D(x) - smoothing log(1 - D(x))."""
        return F.softplus(-logits) + self.smoothing * logits

    def of_fake(self, logits: Tensor) -> Tensor:
        """-log(1 - D(G(z)))."""
        return F.softplus(logits)

    def of_generated(self, logits: Tensor) -> Tensor:
        """-log D(G(z))."""
        return F.softplus(-logits)


class Minimax(NonSaturating):
    """Zero-sum game: the generator minimises log(1 - D(G(z))) (Goodfellow et al. 2014, equation 1)."""

    def of_generated(self, logits: Tensor) -> Tensor:
        """log(1 - D(G(z)))."""
        return -F.softplus(logits)


class LeastSquares(AdversarialLoss):
    """Squared distance of logits from 1 for real images and 0 for generated ones (Mao et al. 2017, equation 9).

    The generator's loss is not halved, so that it has the same weight beside other terms as in CycleGAN (Zhu et al.
    2017).

    Args:
        smoothing: one-sided label smoothing: the target of real images is 1 - smoothing.
    """

    boundary = 0.5

    def __init__(self, smoothing: float = 0.0) -> None:
        share(smoothing=smoothing)
        self.smoothing = smoothing

    def of_real(self, logits: Tensor) -> Tensor:
        """(D(x) - 1 + smoothing)^2 / 2."""
        return 0.5 * (logits - 1 + self.smoothing).square()

    def of_fake(self, logits: Tensor) -> Tensor:
        """D(G(z))^2 / 2."""
        return 0.5 * logits.square()

    def of_generated(self, logits: Tensor) -> Tensor:
        """(D(G(z)) - 1)^2."""
        return (logits - 1).square()


class Hinge(AdversarialLoss):
    """Hinge loss with margins of 1 around a logit of 0 (Lim & Ye 2017; Miyato et al. 2018, equations 16 and 17)."""

    boundary = 0.0

    def of_real(self, logits: Tensor) -> Tensor:
        """max(0, 1 - D(x))."""
        return F.relu(1 - logits)

    def of_fake(self, logits: Tensor) -> Tensor:
        """max(0, 1 + D(G(z)))."""
        return F.relu(1 + logits)

    def of_generated(self, logits: Tensor) -> Tensor:
        """-D(G(z))."""
        return -logits


class Wasserstein(AdversarialLoss):
    """Critic's estimate of the earth mover's distance (Arjovsky et al. 2017).

    The critic must be Lipschitz: give the model a `GradientPenalty`, or the network spectral normalisation.
    """

    def of_real(self, logits: Tensor) -> Tensor:
        """-D(x)."""
        return -logits

    def of_fake(self, logits: Tensor) -> Tensor:
        """D(G(z))."""
        return logits

    def of_generated(self, logits: Tensor) -> Tensor:
        """-D(G(z))."""
        return -logits


class RelativisticAverage(NonSaturating):
    """Cross-entropy of logits relative to the other kind's mean logit (Jolicoeur-Martineau 2018, equations 7 and 8)."""

    relativistic = True
    boundary = None

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        """Ask that real images look more real than generated ones do on average, and conversely."""
        real, fake = at_least_float32(real), at_least_float32(fake)
        return super().discriminator(real - fake.mean(), fake - real.mean())

    def generator(self, fake: Tensor, real: Tensor | None = None) -> Tensor:
        """Ask for the opposite of what the discriminator's loss asks for.

        Raises:
            ValueError: without the logits of real images.
        """
        if real is None:
            raise ValueError("a relativistic generator's loss needs the logits of real images; pass real=")
        real, fake = at_least_float32(real), at_least_float32(fake)
        return per_image(self.of_generated(fake - real.mean()) + self.of_fake(real - fake.mean()))


def per_image(values: Tensor) -> Tensor:
    """Average over an image's patches: (B, ...) to (B,)."""
    return values.flatten(1).mean(1) if values.ndim > 1 else values
