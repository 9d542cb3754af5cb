"""Hidden units of restricted Boltzmann machines: binary ones, or linear ones with Gaussian noise."""

import math
from abc import ABC, abstractmethod

import torch
from torch import Generator, Tensor, nn

from genlab.boltzmann.units import draw_binary
from genlab.losses.softplus import softplus
from genlab.precision import at_least_float32


class HiddenUnits(ABC):
    """Distribution of hidden units h given their inputs (B, hidden), without parameters."""

    activation: type[nn.Module]
    """Activation that turns inputs into means."""

    def mean(self, inputs: Tensor) -> Tensor:
        """Return the means of units: (B, hidden)."""
        means: Tensor = self.activation()(inputs)
        return means

    @abstractmethod
    def draw(self, inputs: Tensor, generator: Generator | None = None) -> Tensor:
        """Draw units: (B, hidden)."""

    @abstractmethod
    def log_sum(self, inputs: Tensor) -> Tensor:
        """Return the log of the sum, or the integral, of what each h adds to a state's weight: (B,), in nats."""


class BinaryHiddenUnits(HiddenUnits):
    """Units that are 0 or 1, whose inputs are their log-odds."""

    activation = nn.Sigmoid

    def draw(self, inputs: Tensor, generator: Generator | None = None) -> Tensor:
        return draw_binary(self.mean(inputs), generator)

    def log_sum(self, inputs: Tensor) -> Tensor:
        """Return the sum of log(1 + exp(inputs))."""
        return softplus(at_least_float32(inputs)).sum(1)


class LinearHiddenUnits(HiddenUnits):
    """Real-valued units with the energy h^2 / 2, whose means are their inputs, with noise of variance 1.

    They suit codes of few numbers, and learn at a hundredth of the rate of binary ones (Hinton & Salakhutdinov 2006).
    """

    activation = nn.Identity

    def draw(self, inputs: Tensor, generator: Generator | None = None) -> Tensor:
        device = inputs.device if generator is None else generator.device
        return inputs + torch.randn(*inputs.shape, generator=generator, device=device).to(inputs)

    def log_sum(self, inputs: Tensor) -> Tensor:
        """Return the sum of inputs^2 / 2 + log(2 pi) / 2."""
        return 0.5 * (at_least_float32(inputs).square() + math.log(2 * math.pi)).sum(1)
