"""The restricted Boltzmann machine (Smolensky 1986; Hinton 2002): visible and hidden units, a weight for each pair."""

from typing import Any

import torch
from torch import Generator, Tensor, nn

from genlab.boltzmann.hidden import BinaryHiddenUnits, HiddenUnits
from genlab.boltzmann.units import VisibleUnits
from genlab.ranges import extent

SMALL = 0.01
"""Standard deviation of weights before training (Hinton 2010, section 8)."""


class KnownLinear(torch.autograd.Function):
    """A linear layer whose outputs are already known, so that only its gradients are computed."""

    @staticmethod
    def forward(ctx: Any, inputs: Tensor, weight: Tensor, bias: Tensor, outputs: Tensor) -> Tensor:
        ctx.save_for_backward(inputs, weight)
        return outputs.view_as(outputs)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor, Tensor, None]:
        inputs, weight = ctx.saved_tensors
        of_inputs = gradient @ weight.to(gradient) if ctx.needs_input_grad[0] else None
        return of_inputs, gradient.T @ inputs.to(gradient), gradient.sum(0), None


class BoltzmannMachine(nn.Module):
    """Visible units v and hidden units h, with p(v, h) proportional to exp(-E(v, h)).

    E(v, h) = energy(v) - c h - h W scaled(v), where energy and scale are those of the visible units. Linear hidden
    units add h^2 / 2.

    Args:
        visible: the visible units.
        hidden: number of hidden units.
        hidden_units: their distribution; by default `BinaryHiddenUnits`.

    Example:
        >>> units = genlab.boltzmann.BinaryUnits(6)
        >>> machine = genlab.boltzmann.BoltzmannMachine(units, hidden=4)
        >>> machine.gibbs(torch.zeros(3, 6), steps=10).shape
        torch.Size([3, 6])
    """

    def __init__(self, visible: VisibleUnits, hidden: int, hidden_units: HiddenUnits | None = None) -> None:
        super().__init__()
        extent(hidden=hidden)
        self.visible = visible
        self.hidden_units = hidden_units or BinaryHiddenUnits()
        self.hidden = nn.Linear(visible.size, hidden)
        """W (hidden, visible), and c (hidden,)."""
        nn.init.normal_(self.hidden.weight, std=SMALL)
        nn.init.zeros_(self.hidden.bias)

    def inputs(self, v: Tensor, known: Tensor | None = None) -> Tensor:
        """Return the inputs of hidden units given visible ones (B, size): (B, hidden); for binary ones, log-odds.

        Args:
            v: visible units.
            known: the inputs, if already computed without gradients; those returned have gradients.
        """
        weight, bias = self.hidden.weight, self.hidden.bias
        seen = self.visible.scaled(v).to(weight.dtype)
        found: Tensor = self.hidden(seen) if known is None else KnownLinear.apply(seen, weight, bias, known)
        return found

    def inputs_of_visible(self, h: Tensor) -> Tensor:
        """Return what hidden units (B, hidden) add to the inputs of visible ones: (B, size)."""
        return h.to(self.hidden.weight.dtype) @ self.hidden.weight

    def free_energy(self, v: Tensor, inputs: Tensor | None = None) -> Tensor:
        """Return -log of the sum of exp(-E(v, h)) over h, (B,), in nats: -log p(v) up to a constant, log Z.

        F(v) = energy(v) - sum_j log(1 + exp(inputs_j(v))) for binary hidden units; its gradient is that of E, averaged
        over p(h | v).

        Args:
            v: visible units, (B, size).
            inputs: inputs of the hidden units, if already computed.
        """
        given = self.inputs(v) if inputs is None else inputs
        return self.visible.energy(v) - self.hidden_units.log_sum(given)

    @torch.no_grad()
    def gibbs(self, v: Tensor, steps: int, generator: Generator | None = None, inputs: Tensor | None = None) -> Tensor:
        """Run Gibbs chains from visible units (B, size); each step draws all h given v, then all v given h.

        Args:
            v: where the chains start.
            steps: number of steps.
            generator: CPU generator of all draws.
            inputs: inputs of the hidden units given `v`, if already computed.
        """
        for _ in range(steps):
            given = self.inputs(v) if inputs is None else inputs
            h = self.hidden_units.draw(given, generator)
            v, inputs = self.visible.draw(self.inputs_of_visible(h), generator), None
        return v

    def divergence(self, v: Tensor, negative: Tensor, inputs: Tensor) -> tuple[Tensor, Tensor]:
        """Return the mean free energy of `v` minus that of negative samples, a scalar, and the inputs given `v`.

        Args:
            v: visible units, (B, size).
            negative: negative samples, any number of them.
            inputs: inputs of the hidden units given `v`, (B, hidden), with or without gradients; those returned have
                gradients.
        """
        both = torch.cat([v, negative.to(v.dtype)])  # so that weights have one gradient, not the sum of two
        with torch.no_grad():
            known = torch.cat([inputs, self.inputs(negative)])
        given = self.inputs(both, known)
        energy = self.free_energy(both, given)
        return energy[: len(v)].mean() - energy[len(v) :].mean(), given[: len(v)]

    def hidden_mean(self, v: Tensor) -> Tensor:
        """Return the means of hidden units given visible ones (B, size): (B, hidden); of binary ones, probabilities."""
        return self.hidden_units.mean(self.inputs(v))

    def smoothed(self, v: Tensor) -> Tensor:
        """Return the means of visible units, given the means of hidden units given `v`: (B, size)."""
        return self.visible.mean(self.inputs_of_visible(self.hidden_mean(v)))

    def draw_base(self, n: int, generator: Generator | None = None) -> Tensor:
        """Draw visible units from the base-rate model: (n, size)."""
        return self.visible.draw(self.visible.bias.new_zeros(n, self.visible.size), generator, beta=0.0)
