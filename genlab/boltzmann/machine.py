"""The restricted Boltzmann machine (Smolensky 1986; Hinton 2002): visible and hidden units, and one weight a pair."""

import torch
from torch import Generator, Tensor, nn

from genlab.boltzmann.hidden import BinaryHiddenUnits, HiddenUnits
from genlab.boltzmann.units import VisibleUnits
from genlab.ranges import extent

SMALL = 0.01
"""Standard deviation of weights before training (Hinton 2010, section 8)."""


class BoltzmannMachine(nn.Module):
    """Visible units v and hidden units h, with p(v, h) proportional to exp(-E(v, h)).

    E(v, h) = energy(v) - c h - h W scaled(v), where energy and scale are those of the visible units. Linear hidden
    units add h^2 / 2.

    Args:
        visible: the visible units.
        hidden: number of hidden units.
        hidden_units: what they are.

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

    def inputs(self, v: Tensor) -> Tensor:
        """Return the inputs of hidden units given visible ones (B, size), for binary ones log-odds: (B, hidden)."""
        found: Tensor = self.hidden(self.visible.scaled(v).to(self.hidden.weight.dtype))
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
            inputs: those of hidden units, where they are known.
        """
        given = self.inputs(v) if inputs is None else inputs
        return self.visible.energy(v) - self.hidden_units.log_sum(given)

    @torch.no_grad()
    def gibbs(self, v: Tensor, steps: int, generator: Generator | None = None, inputs: Tensor | None = None) -> Tensor:
        """Take Gibbs chains at visible units (B, size) further by steps, each of all h given v and all v given h.

        Args:
            v: where the chains are.
            steps: how many.
            generator: of all that is drawn, on the CPU.
            inputs: those of hidden units given `v`, where they are known.
        """
        for _ in range(steps):
            given = self.inputs(v) if inputs is None else inputs
            h = self.hidden_units.draw(given, generator)
            v, inputs = self.visible.draw(self.inputs_of_visible(h), generator), None
        return v

    def hidden_mean(self, v: Tensor) -> Tensor:
        """Return the means of hidden units given visible ones (B, size), for binary ones probabilities: (B, hidden)."""
        return self.hidden_units.mean(self.inputs(v))

    def smoothed(self, v: Tensor) -> Tensor:
        """Return the means of visible units given those of hidden ones given `v`: (B, size)."""
        return self.visible.mean(self.inputs_of_visible(self.hidden_mean(v)))

    def draw_base(self, n: int, generator: Generator | None = None) -> Tensor:
        """Draw visible units from the base-rate model: (n, size)."""
        return self.visible.draw(self.visible.bias.new_zeros(n, self.visible.size), generator, beta=0.0)
