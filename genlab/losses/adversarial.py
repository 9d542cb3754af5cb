"""What discriminator and generator minimise, as functions of the discriminator's logits of real and generated images.

Logits are (B, ...), several for an image where a discriminator judges patches; each loss is their mean over an image's
patches, (B,), in float32.
"""

from abc import abstractmethod

import torch.nn.functional as F
from torch import Tensor

from genlab.losses.precision import at_least_float32
from genlab.ranges import share


class AdversarialLoss:
    """Losses of both players."""

    relativistic = False
    """Whether the generator's loss depends on the logits of real images too."""
    boundary: float | None = None
    """The logit above which the discriminator takes an image for real; None where logits have no such meaning."""
    is_cross_entropy = False
    """Whether the discriminator's loss, and with it its own gradient, is near 0 when it is sure and right."""

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        """The discriminator's loss, (B,), given its logits of real and of generated images."""
        return per_image(self.of_real(at_least_float32(real)) + self.of_fake(at_least_float32(fake)))

    def generator(self, fake: Tensor, real: Tensor | None = None) -> Tensor:
        """The generator's loss, (B,), given logits; a relativistic loss needs those of real images too."""
        return per_image(self.of_generated(at_least_float32(fake)))

    @abstractmethod
    def of_real(self, logits: Tensor) -> Tensor:
        """The discriminator's loss of each logit of real images."""

    @abstractmethod
    def of_fake(self, logits: Tensor) -> Tensor:
        """The discriminator's loss of each logit of generated images."""

    @abstractmethod
    def of_generated(self, logits: Tensor) -> Tensor:
        """The generator's loss of each logit."""


class NonSaturating(AdversarialLoss):
    """Cross-entropy, and a generator that maximises log D(G(z)) (Goodfellow et al. 2014, section 3).

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
    """The zero-sum game, whose generator minimises log(1 - D(G(z))) (Goodfellow et al. 2014, equation 1)."""

    def of_generated(self, logits: Tensor) -> Tensor:
        """log(1 - D(G(z)))."""
        return -F.softplus(logits)


class LeastSquares(AdversarialLoss):
    """Squared distances of logits from 1 and 0 (Mao et al. 2017, equation 9).

    The generator's is not halved, so that it weighs as much beside other terms as in CycleGAN (Zhu et al. 2017).

    Args:
        smoothing: the discriminator is to give real images 1 - smoothing.
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
    """Margins of 1 on both sides of 0 (Lim & Ye 2017; Miyato et al. 2018, equations 16 and 17)."""

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
    """The critic's estimate of the earth mover's distance (Arjovsky et al. 2017);

    It needs a `GradientPenalty`, or spectral normalisation.
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
    """Logits relative to the mean logit of the other kind of images (Jolicoeur-Martineau 2018, equations 7 and 8)."""

    relativistic = True
    boundary = None

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        """Real images shall be more real than generated ones are on average, and the other way round."""
        real, fake = at_least_float32(real), at_least_float32(fake)
        return super().discriminator(real - fake.mean(), fake - real.mean())

    def generator(self, fake: Tensor, real: Tensor | None = None) -> Tensor:
        """The other way round."""
        if real is None:
            raise ValueError("a relativistic generator needs the logits of real images too")
        real, fake = at_least_float32(real), at_least_float32(fake)
        return per_image(self.of_generated(fake - real.mean()) + self.of_fake(real - fake.mean()))


def per_image(values: Tensor) -> Tensor:
    """The mean over an image's patches: (B, ...) to (B,)."""
    return values.flatten(1).mean(1) if values.ndim > 1 else values
