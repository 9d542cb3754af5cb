"""Likelihoods p(x | z) of images x, (B, C, H, W) in [0, 1], given a decoder's outputs.

A decoder has `outputs` times C channels, as some likelihoods need two numbers per value of an image. The sigmoid of the
(first) output is the value's mean.

Some likelihoods are probabilities of 8-bit or binary values, others are densities of real values. Bits per dimension
make them comparable: a density p on [0, 1] counts as the probability p / 256 of one of 256 levels. For 8-bit images
this is a bound if they are dequantised, with each value spread evenly over its level (Theis et al. 2016, section 3.1).
For images that are not, a density can be arbitrarily high.
"""

import math
from abc import abstractmethod
from collections.abc import Callable
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from genlab.errors import GenlabError
from genlab.losses.softplus import softplus
from genlab.precision import at_least_float32, computed_in_float32
from genlab.ranges import above
from genlab.types import Shape

LEVEL = 1 / 256
"""Smallest standard deviation or scale that can be learned; the largest is 1."""


class Likelihood(nn.Module):
    """Distribution of an image given a decoder's outputs (B, outputs * C, H, W).

    Example:
        >>> likelihood = Gaussian(sigma=0.5)
        >>> outputs = torch.zeros(2, 1, 8, 8)  # of a decoder; their sigmoid, 0.5, is the mean
        >>> likelihood.log_prob(outputs, torch.full((2, 1, 8, 8), 0.5))
        tensor([-14.4506, -14.4506])
        >>> likelihood.mean(outputs).shape
        torch.Size([2, 1, 8, 8])
    """

    outputs = 1
    """Number of decoder outputs for each value of an image."""
    is_density = True
    """Whether `log_prob` is the density of real values in [0, 1]; otherwise it is a probability."""
    is_distance = False
    """Whether `log_prob` is neither, but a distance in their place, from which no evidence can be estimated."""

    @abstractmethod
    def log_prob(self, outputs: Tensor, x: Tensor) -> Tensor:
        """Compute log p(x) of images in nats: (B,), in float32."""

    def mean(self, outputs: Tensor) -> Tensor:
        """Compute the expected images, (B, C, H, W) in [0, 1]."""
        return outputs.chunk(self.outputs, 1)[0].sigmoid()

    def bits_per_dim(self, log_prob: Tensor, dimensions: int) -> Tensor:
        """Convert log p(x) to bits per dimension, in which likelihoods of all kinds are comparable.

        Args:
            log_prob: log p(x) in nats, or a bound on it, of any shape.
            dimensions: number of values of an image, C * H * W.
        """
        return (math.log(256) * self.is_density - log_prob / dimensions) / math.log(2)


class IndependentValues(Likelihood):
    """Likelihood under which the values of an image are independent."""

    def log_prob(self, outputs: Tensor, x: Tensor) -> Tensor:
        """Compute log p(x) of images in nats, summed over values: (B,), in float32."""
        return computed_in_float32(self.of_values, outputs, x).flatten(1).sum(1)

    @abstractmethod
    def of_values(self, outputs: Tensor, x: Tensor) -> Tensor:
        """Compute the log-probability of each value: (B, C, H, W)."""


class Bernoulli(IndependentValues):
    """Bernoulli distribution of binary values, given by logits (Kingma & Welling 2013, appendix C.1).

    For grey values in [0, 1] it is the usual cross-entropy: the expected log-probability when each value is binarised
    at random.
    """

    is_density = False

    def of_values(self, outputs: Tensor, x: Tensor) -> Tensor:
        return x * outputs - softplus(outputs)


class Gaussian(IndependentValues):
    """Normal distribution with one variance for all values.

    With a fixed variance it is the squared error, up to a factor and a constant.

    Args:
        sigma: standard deviation; white is 1.
        learned: learn the standard deviation, starting from `sigma` (Rybkin et al. 2021).
    """

    def __init__(self, sigma: float = 0.1, learned: bool = False) -> None:
        super().__init__()
        self.log_sigma = LogScale(sigma, learned)

    def of_values(self, outputs: Tensor, x: Tensor) -> Tensor:
        return normal_log_density(x - outputs.sigmoid(), self.log_sigma())


class PixelGaussian(IndependentValues):
    """Normal distribution with a variance for each value, from the decoder (Kingma & Welling 2013, appendix C.2)."""

    outputs = 2

    def of_values(self, outputs: Tensor, x: Tensor) -> Tensor:
        mean, spread = outputs.chunk(2, 1)
        return normal_log_density(x - mean.sigmoid(), bounded(spread))


class Laplace(IndependentValues):
    """Laplace distribution with one scale for all values.

    With a fixed scale it is the absolute error, up to a factor and a constant.

    Args:
        scale: mean absolute deviation; white is 1.
        learned: learn the scale, starting from `scale`.
    """

    def __init__(self, scale: float = 0.1, learned: bool = False) -> None:
        super().__init__()
        self.log_scale = LogScale(scale, learned)

    def of_values(self, outputs: Tensor, x: Tensor) -> Tensor:
        log_scale: Tensor = self.log_scale()
        return -(x - outputs.sigmoid()).abs() * (-log_scale).exp() - log_scale - math.log(2)


class DiscretizedLogistic(IndependentValues):
    """Discretized logistic distribution over the 256 levels k / 255 (Kingma et al. 2016, equation 21).

    The lowest level also has the probability of all values below it, and the highest that of all above.

    Args:
        scale: initial scale of the logistic distribution, which is learned; white is 1.
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
    """Choose the default for images (C, H, W): `Bernoulli` for grey ones, `Gaussian` with a learned variance otherwise.

    Grey values are often nearly black or white; those of colour photographs rarely are.
    """
    return Bernoulli if image_shape[0] == 1 else partial(Gaussian, learned=True)


def bounded(raw: Tensor) -> Tensor:
    """Map any number to the logarithm of a scale between one grey level, 1 / 256, and white, 1."""
    return math.log(LEVEL) * raw.sigmoid()


class LogScale(nn.Module):
    """Logarithm of one scale for all values, fixed or learned, in at least float32.

    A fixed scale is exactly the given number, whatever the precision of the model's weights.

    Args:
        scale: the scale, or its initial value if it is learned.
        learned: learn it, between one grey level, 1 / 256, and white, 1.

    Raises:
        GenlabError: for a scale out of range.
    """

    def __init__(self, scale: float, learned: bool) -> None:
        super().__init__()
        above(0, scale=scale)
        if learned and not LEVEL < scale < 1:
            raise GenlabError(
                f"a learned scale must start between 1/256 (one grey level) and 1 (white), not at {scale}"
            )
        self.learned = learned
        self.fixed = math.log(scale)
        start = torch.tensor(math.log(scale))
        raw = (start / math.log(LEVEL)).logit() if learned else start
        self.raw = nn.Parameter(raw, requires_grad=learned)  # a fixed scale has it only for older checkpoints

    def forward(self) -> Tensor:
        raw = at_least_float32(self.raw)
        return bounded(raw) if self.learned else torch.full_like(raw, self.fixed)  # bf16-true has rounded raw


def normal_log_density(away: Tensor, log_sigma: Tensor) -> Tensor:
    """Log-density of a normal variable at a distance from its mean."""
    return -0.5 * (away * (-log_sigma).exp()).square() - log_sigma - 0.5 * math.log(2 * math.pi)
