"""Likelihoods p(x | z): what a decoder's outputs say about an image x, (B, C, H, W) in [0, 1].

A decoder is built for images of `outputs` times C channels: some likelihoods need two numbers for each value of an
image. All take the sigmoid of the (first) output for the value's mean.

Some are probabilities of 8-bit or binary values, others densities of real ones. Bits per dimension make them
comparable, if a density p on [0, 1] stands for the probability p / 256 of one of 256 levels. For 8-bit images that is a
bound when they are dequantised, each value spread evenly over its level (Theis et al. 2016, section 3.1); of images as
they are, on a grid of values, a density can be arbitrarily high.
"""

import math
from abc import abstractmethod
from collections.abc import Callable
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from genlab.errors import GenlabError
from genlab.losses.precision import at_least_float32, computed_in_float32
from genlab.ranges import above
from genlab.types import Shape

LEVEL = 1 / 256
"""The smallest standard deviation or scale that is learned; the largest is 1."""


class Likelihood(nn.Module):
    """The distribution of an image given a decoder's outputs (B, outputs * C, H, W)."""

    outputs = 1
    """Decoder outputs for each value of an image."""
    is_density = True
    """Whether `log_prob` is that of real values in [0, 1]; else it is a probability."""

    @abstractmethod
    def log_prob(self, outputs: Tensor, x: Tensor) -> Tensor:
        """log p(x) of images in nats: (B,), computed in float32."""

    def mean(self, outputs: Tensor) -> Tensor:
        """The expected image: (B, C, H, W) in [0, 1]."""
        return outputs.chunk(self.outputs, 1)[0].sigmoid()

    def bits_per_dim(self, log_prob: Tensor, dimensions: int) -> Tensor:
        """-log2 of the probability of an image of so many values (C * H * W), divided by their number.

        `log_prob` is log p(x), or a bound on it, in nats, of any shape.
        """
        return (math.log(256) * self.is_density - log_prob / dimensions) / math.log(2)


class IndependentValues(Likelihood):
    """A likelihood under which an image's values are independent."""

    def log_prob(self, outputs: Tensor, x: Tensor) -> Tensor:
        """log p(x) of images in nats, summed over values: (B,), computed in float32."""
        return computed_in_float32(self.of_values, outputs, x).flatten(1).sum(1)

    @abstractmethod
    def of_values(self, outputs: Tensor, x: Tensor) -> Tensor:
        """The log-probability of each value: (B, C, H, W)."""


class Bernoulli(IndependentValues):
    """Bernoulli values, given by their logits (Kingma & Welling 2013, appendix C.1).

    A probability of binary images. For grey ones in [0, 1] it is the usual cross-entropy: the expected log-probability
    when each value is binarised at random.
    """

    is_density = False

    def of_values(self, outputs: Tensor, x: Tensor) -> Tensor:
        return x * outputs - F.softplus(outputs)  # on a CPU faster than torch's cross-entropy


class Gaussian(IndependentValues):
    """Normal values of one variance. With a fixed one it is the squared error, but for a factor and a constant.

    Args:
        sigma: the standard deviation; white is 1.
        learned: learn it, starting with `sigma`, from the data (Rybkin et al. 2021, with one variance for all).
    """

    def __init__(self, sigma: float = 0.1, learned: bool = False) -> None:
        super().__init__()
        self.log_sigma = LogScale(sigma, learned)

    def of_values(self, outputs: Tensor, x: Tensor) -> Tensor:
        return _normal(x - outputs.sigmoid(), self.log_sigma())


class PixelGaussian(IndependentValues):
    """Normal values with a variance for each, the decoder's second output (Kingma & Welling 2013, appendix C.2)."""

    outputs = 2

    def of_values(self, outputs: Tensor, x: Tensor) -> Tensor:
        mean, spread = outputs.chunk(2, 1)
        return _normal(x - mean.sigmoid(), bounded(spread))


class Laplace(IndependentValues):
    """Laplacian values of one scale. With a fixed one it is the absolute error, but for a factor and a constant.

    Args:
        scale: the mean absolute deviation; white is 1.
        learned: learn it, starting with `scale`.
    """

    def __init__(self, scale: float = 0.1, learned: bool = False) -> None:
        super().__init__()
        self.log_scale = LogScale(scale, learned)

    def of_values(self, outputs: Tensor, x: Tensor) -> Tensor:
        log_scale: Tensor = self.log_scale()
        return -(x - outputs.sigmoid()).abs() * (-log_scale).exp() - log_scale - math.log(2)


class DiscretizedLogistic(IndependentValues):
    """Probabilities of 256 levels k / 255: what a logistic distribution has around each (Kingma et al. 2016, eq. 21).

    The lowest level has all that is below it, the highest all above.

    Args:
        scale: of the logistic distribution, where learning it starts; white is 1.
    """

    is_density = False

    def __init__(self, scale: float = 0.1) -> None:
        super().__init__()
        self.log_scale = LogScale(scale, learned=True)

    def of_values(self, outputs: Tensor, x: Tensor) -> Tensor:
        rate = (-self.log_scale()).exp()
        away = x - outputs.sigmoid()
        above, below = rate * (away + 1 / 510), rate * (away - 1 / 510)  # the level's ends
        lowest, highest = F.logsigmoid(above), F.logsigmoid(-below)
        # sigmoid(a) - sigmoid(b) = sigmoid(a) sigmoid(-b) (1 - exp(b - a))
        between = lowest + highest + (-torch.expm1(-rate / 255)).log()
        return torch.where(x < 1 / 510, lowest, torch.where(x > 1 - 1 / 510, highest, between))


def usual_likelihood(image_shape: Shape) -> Callable[[], Likelihood]:
    """Choose what suits images (C, H, W): `Bernoulli` for grey ones, `Gaussian` of a learned variance for others.

    Grey values are often nearly black or white, as a coin's sides; those of photographs in colour rarely are.
    """
    return Bernoulli if image_shape[0] == 1 else partial(Gaussian, learned=True)


def bounded(raw: Tensor) -> Tensor:
    """The logarithm of a scale between a grey level, 1 / 256, and white, 1, from any number."""
    return math.log(LEVEL) * raw.sigmoid()


class LogScale(nn.Module):
    """The logarithm of one scale for all values, fixed or learned between a grey level and white, at least in float32.

    A fixed one is the given number, whatever the precision of the model's weights.

    Raises GenlabError for a scale that cannot be.
    """

    def __init__(self, scale: float, learned: bool) -> None:
        super().__init__()
        above(0, scale=scale)
        if learned and not LEVEL < scale < 1:
            raise GenlabError(
                f"a scale that is learned starts between 1/256 (a grey level) and 1 (white), not at {scale}"
            )
        self.learned = learned
        self.fixed = math.log(scale)
        start = torch.tensor(math.log(scale))
        raw = (start / math.log(LEVEL)).logit() if learned else start
        self.raw = nn.Parameter(raw, requires_grad=learned)  # of a fixed scale only for the sake of older checkpoints

    def forward(self) -> Tensor:
        raw = at_least_float32(self.raw)
        return bounded(raw) if self.learned else torch.full_like(raw, self.fixed)  # bf16-true has rounded raw


def _normal(away: Tensor, log_sigma: Tensor) -> Tensor:
    """The log-density of a normal variable this far away from its mean."""
    return -0.5 * (away * (-log_sigma).exp()).square() - log_sigma - 0.5 * math.log(2 * math.pi)
