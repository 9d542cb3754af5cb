"""Visible units of restricted Boltzmann machines: binary or Gaussian, and the base-rate model of annealing.

In a machine, units v have the energy `energy(v)`, minus what the hidden units add, which see `scaled(v)`. The base-rate
model has the energy `base_energy(v)` alone: its units are independent, and as pixels are on average.
"""

import math
from abc import ABC, abstractmethod

import torch
import torch.nn.functional as F
from torch import Generator, Tensor, nn

from genlab.losses.softplus import softplus
from genlab.precision import at_least_float32, computed_in_float32, doubled
from genlab.ranges import above, extent
from genlab.recorded import Recorded

LEAST_DEVIATION = 0.01
"""Minimum standard deviation that a pixel is taken to have."""


def draw_binary(probability: Tensor, generator: Generator | None = None) -> Tensor:
    """Draw 0s and 1s, given the probability of each 1, on the generator's device so that all devices agree."""
    exact = at_least_float32(probability)  # bfloat16's 8 bits are too few to compare with
    device = exact.device if generator is None else generator.device
    drawn = torch.rand(*exact.shape, generator=generator, device=device, dtype=exact.dtype)  # bernoulli is slower
    return (drawn.to(exact.device) < exact).to(probability.dtype)


class VisibleUnits(nn.Module, Recorded, ABC):
    """Units that hold flattened images.

    Args:
        size: number of units.
    """

    supplied = 1
    takes_grey = True
    """Whether units can have any value in [0, 1]."""

    def __init__(self, size: int) -> None:
        super().__init__()
        extent(size=size)
        self.size = size
        self.bias = nn.Parameter(torch.zeros(size))

    @abstractmethod
    def measure(self, pixels: Tensor) -> None:
        """Set the base-rate model and the biases from training images (N, size) in [0, 1]."""

    @abstractmethod
    def from_pixels(self, pixels: Tensor) -> Tensor:
        """Convert flattened images (B, size) in [0, 1] to values of units."""

    @abstractmethod
    def to_pixels(self, v: Tensor) -> Tensor:
        """Convert values of units, or their means, to flattened images in [0, 1]."""

    @abstractmethod
    def scaled(self, v: Tensor) -> Tensor:
        """Return the values (B, size) as the hidden units see them."""

    @abstractmethod
    def energy(self, v: Tensor) -> Tensor:
        """Return the energy of values (B, size) without hidden units, (B,), in at least float32."""

    @abstractmethod
    def base_energy(self, v: Tensor) -> Tensor:
        """Return the energy of values (B, size) under the base-rate model: (B,)."""

    @abstractmethod
    def base_log_partition(self) -> Tensor:
        """Return the log of the base-rate model's partition function, a scalar in nats."""

    @abstractmethod
    def mean(self, inputs: Tensor) -> Tensor:
        """Return the means of units, given what hidden units add to their inputs, (B, size)."""

    @abstractmethod
    def draw(self, inputs: Tensor, generator: Generator | None = None, beta: float = 1.0) -> Tensor:
        """Draw units, given what hidden units add to their inputs, (B, size), at an inverse temperature.

        With `beta` from 0 to 1 the energy is `(1 - beta) * base_energy(v) + beta * energy(v)`, and the hidden units
        add `beta * inputs`.
        """

    @abstractmethod
    def log_prob(self, v: Tensor, inputs: Tensor) -> Tensor:
        """Return log p(v), given what hidden units add to the inputs, (B,), in nats."""

    def log_volume(self) -> Tensor:
        """Return by how much the log density of units exceeds that of images in [0, 1], a scalar in nats."""
        return torch.zeros((), device=self.bias.device)


class BinaryUnits(VisibleUnits):
    """Units that are 0 or 1, with the energy -b v.

    Grey values are treated as probabilities: training draws new 0s and 1s from them in each batch (Salakhutdinov &
    Murray 2008).

    Args:
        size: number of units.
    """

    takes_grey = False
    base: Tensor

    def __init__(self, size: int) -> None:
        super().__init__(size)
        self.register_buffer("base", torch.zeros(size))

    def measure(self, pixels: Tensor) -> None:
        """Set the biases to log(p / (1 - p)), where p is the share of images whose pixel is on.

        See Hinton 2010, section 8.

        One image with all pixels on and one with none are added, since some pixels are never on.
        """
        share = (pixels.clamp(0, 1).sum(0) + 1) / (len(pixels) + 2)  # a resize may have overshot
        self._start(share.logit())

    def from_pixels(self, pixels: Tensor) -> Tensor:
        return pixels

    def to_pixels(self, v: Tensor) -> Tensor:
        return v

    def scaled(self, v: Tensor) -> Tensor:
        return v

    def energy(self, v: Tensor) -> Tensor:
        return -computed_in_float32(torch.mv, v, self.bias)

    def base_energy(self, v: Tensor) -> Tensor:
        return -computed_in_float32(torch.mv, v, self.base)

    def base_log_partition(self) -> Tensor:
        return softplus(doubled(self.base)).sum()

    def mean(self, inputs: Tensor) -> Tensor:
        return (inputs + self.bias).sigmoid()

    def draw(self, inputs: Tensor, generator: Generator | None = None, beta: float = 1.0) -> Tensor:
        if beta == 1:
            return draw_binary(self.mean(inputs), generator)
        return draw_binary((beta * (inputs + self.bias) + (1 - beta) * self.base).sigmoid(), generator)

    def log_prob(self, v: Tensor, inputs: Tensor) -> Tensor:
        logits = at_least_float32(inputs + self.bias)
        return (v * logits - softplus(logits)).sum(1)

    def _start(self, biases: Tensor) -> None:
        with torch.no_grad():
            self.base.copy_(biases)
            self.bias.copy_(biases)


class LabelledUnits(BinaryUnits):
    """Binary units followed by a label: one unit for each class, of which one is 1 (Hinton et al. 2006).

    Args:
        size: number of units, classes included.
        classes: number of classes.
    """

    supplied = 2

    def __init__(self, size: int, classes: int) -> None:
        super().__init__(size)
        self.classes = classes

    def measure(self, pixels: Tensor) -> None:
        """Set the biases of binary units as `BinaryUnits`, and those of labels to log p, the share of each class.

        One more image of each class is added.
        """
        super().measure(pixels)
        binary, _ = self._parts(self.base)
        _, labels = self._parts(pixels)
        self._start(torch.cat([binary, ((labels.sum(0) + 1) / (len(labels) + self.classes)).log()]))

    def base_log_partition(self) -> Tensor:
        binary, label = self._parts(doubled(self.base))
        return softplus(binary).sum() + label.logsumexp(0)

    def mean(self, inputs: Tensor) -> Tensor:
        binary, label = self._parts(inputs + self.bias)
        return torch.cat([binary.sigmoid(), label.softmax(-1)], -1)

    def draw(self, inputs: Tensor, generator: Generator | None = None, beta: float = 1.0) -> Tensor:
        binary, label = self._parts(beta * (inputs + self.bias) + (1 - beta) * self.base)
        ends = at_least_float32(label).softmax(-1).cumsum(-1)
        device = ends.device if generator is None else generator.device
        drawn = torch.rand(len(ends), 1, generator=generator, device=device, dtype=ends.dtype).to(ends.device)
        chosen = (drawn >= ends[:, :-1]).sum(1)
        one_hot = F.one_hot(chosen, self.classes).to(binary.dtype)
        return torch.cat([draw_binary(binary.sigmoid(), generator), one_hot], -1)

    def log_prob(self, v: Tensor, inputs: Tensor) -> Tensor:
        binary, label = self._parts(at_least_float32(inputs + self.bias))
        seen, one_hot = self._parts(v.to(binary))
        cross_entropy = softplus(binary) - seen * binary
        return (label.log_softmax(-1) * one_hot).sum(1) - cross_entropy.sum(1)

    def _parts(self, values: Tensor) -> tuple[Tensor, Tensor]:
        return values[..., : -self.classes], values[..., -self.classes :]


class GaussianUnits(VisibleUnits):
    """Real-valued units with the energy (v - b)^2 / (2 σ^2); hidden units see v / σ^2 (Cho et al. 2011).

    Units hold standardised pixels: minus their mean, divided by their standard deviation, both of which are measured
    in the first batch of training images and kept in the checkpoint.

    Args:
        size: number of units.
        sigma: standard deviation σ of units given the hidden units, relative to a pixel's own: below 1, since hidden
            units explain most of a pixel.
        learned: whether each unit's σ is learned, starting from this value.
    """

    log_variance: Tensor
    offset: Tensor
    deviation: Tensor

    def __init__(self, size: int, sigma: float = 0.5, learned: bool = False) -> None:
        super().__init__(size)
        above(0, sigma=sigma)
        log_variance = torch.full((size,), 2 * math.log(sigma))
        if learned:
            self.log_variance = nn.Parameter(log_variance)
        else:
            self.register_buffer("log_variance", log_variance)
        self.register_buffer("offset", torch.zeros(size))
        self.register_buffer("deviation", torch.ones(size))

    def measure(self, pixels: Tensor) -> None:
        """Store the mean and the standard deviation of each pixel."""
        self.offset.copy_(pixels.mean(0))
        self.deviation.copy_(pixels.std(0, correction=0).clamp(min=LEAST_DEVIATION))

    def from_pixels(self, pixels: Tensor) -> Tensor:
        return (pixels - self.offset) / self.deviation

    def to_pixels(self, v: Tensor) -> Tensor:
        return (self.offset + self.deviation * v).clamp(0, 1)

    def scaled(self, v: Tensor) -> Tensor:
        return v * (-self.log_variance).exp()

    def energy(self, v: Tensor) -> Tensor:
        precision = (-at_least_float32(self.log_variance)).exp()
        return 0.5 * ((at_least_float32(v) - self.bias).square() * precision).sum(1)

    def base_energy(self, v: Tensor) -> Tensor:
        return 0.5 * at_least_float32(v).square().sum(1)

    def base_log_partition(self) -> Tensor:
        return doubled(self.log_variance.new_zeros(())) + 0.5 * self.size * math.log(2 * math.pi)

    def mean(self, inputs: Tensor) -> Tensor:
        """Return b + W h, (B, size)."""
        return at_least_float32(inputs) + self.bias

    def draw(self, inputs: Tensor, generator: Generator | None = None, beta: float = 1.0) -> Tensor:
        precision = (-at_least_float32(self.log_variance)).exp()
        total = beta * precision + (1 - beta)
        mean = self.mean(inputs) * (beta * precision / total)
        device = mean.device if generator is None else generator.device
        noise = torch.randn(*mean.shape, generator=generator, device=device).to(mean)
        return mean + noise / total.sqrt()

    def log_prob(self, v: Tensor, inputs: Tensor) -> Tensor:
        variance = at_least_float32(self.log_variance).exp()
        squares = (at_least_float32(v) - self.mean(inputs)).square() / variance
        return -0.5 * (squares + (2 * math.pi * variance).log()).sum(1)

    def log_volume(self) -> Tensor:
        """Return the sum of the logs of the pixels' standard deviations."""
        return doubled(self.deviation).log().sum()
