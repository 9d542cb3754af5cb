"""Passes up and down the layers of a deep belief net, and what is computed from them."""

from typing import cast

import torch
import torch.nn.functional as F
from torch import Generator, Tensor, nn

from genlab.boltzmann.machine import BoltzmannMachine
from genlab.boltzmann.units import draw_binary
from genlab.models.shared.calls import of_images
from genlab.models.shared.gibbs import GibbsModel
from genlab.precision import at_least_float32, doubled


class Passes(GibbsModel):
    """A GibbsModel with a Boltzmann machine for each hidden layer; chains run in the top one.

    A "level" counts layers of units: 0 for pixels, 1 for the lowest hidden layer.
    """

    machines: nn.ModuleList
    generative: nn.ParameterList
    is_untied: Tensor
    classes: int
    depth: int
    """Number of machines trained so far, including the current one."""

    def machine(self, level: int) -> BoltzmannMachine:
        """Return the machine above a level."""
        return cast(BoltzmannMachine, self.machines[level])

    @property
    def top(self) -> BoltzmannMachine:
        """The highest machine trained so far."""
        return self.machine(self.depth - 1)

    @property
    def sees_labels(self) -> bool:
        """Whether the highest machine trained so far sees labels."""
        return self.classes > 0 and self.depth == len(self.machines)

    def labelled(self, h: Tensor, labels: Tensor | None) -> Tensor:
        """Append labels (B,) to units (B, size), as the top machine sees them; without labels, 1 / classes for each."""
        if not self.classes:
            return h
        if labels is None:
            return torch.cat([h, h.new_full((len(h), self.classes), 1 / self.classes)], 1)
        return torch.cat([h, F.one_hot(labels, self.classes).to(h)], 1)

    def unlabelled(self, v: Tensor) -> Tensor:
        """Remove the labels from visible units of the top machine."""
        return v[:, : -self.classes] if self.sees_labels else v

    def pixel_states(self, pixels: Tensor, generator: Generator | None = None) -> Tensor:
        """Return the lowest units for flattened images (B, pixels); binary ones are drawn from grey pixels."""
        units = self.machine(0).visible
        return units.from_pixels(pixels if units.takes_grey else draw_binary(pixels, generator))

    def recognised(self, pixels: Tensor, level: int, labels: Tensor | None = None) -> Tensor:
        """Return the means of the units at a level given images, computed level by level from the pixels up."""
        found = self.machine(0).visible.from_pixels(pixels)
        for below in range(level):
            seen = self.labelled(found, labels) if below == len(self.machines) - 1 else found
            found = self.machine(below).hidden_mean(seen)
        return found

    def drawn_up(self, pixels: Tensor, level: int, generator: Generator | None = None) -> list[Tensor]:
        """Draw the units of each level up to `level`, lowest first, each given the level below."""
        units = [self.pixel_states(pixels, generator)]
        for below in range(level):
            machine = self.machine(below)
            units.append(machine.hidden_units.draw(machine.inputs(units[-1]), generator))
        return units

    def inputs_below(self, level: int, h: Tensor) -> Tensor:
        """Return the inputs of units at a level from those of the level above, by the generative weights."""
        weight = self.generative[level] if self.is_untied else self.machine(level).hidden.weight
        return h.to(weight.dtype) @ weight

    def mean_below(self, level: int, h: Tensor) -> Tensor:
        """Return the means of the units at a level given those of the level above."""
        return self.machine(level).visible.mean(self.inputs_below(level, h))

    def mean_pixels(self, h: Tensor) -> Tensor:
        """Return the means of pixels in [0, 1], (B, pixels), given the highest hidden units, layer by layer."""
        top = self.top
        v = self.unlabelled(top.visible.mean(top.inputs_of_visible(h)))
        for level in reversed(range(self.depth - 1)):
            v = self.mean_below(level, v)
        return self.machine(0).visible.to_pixels(v)

    def states(self, pixels: Tensor, generator: Generator | None = None) -> Tensor:
        """Draw the visible units of the highest machine given flattened images (B, pixels)."""
        v = self.drawn_up(pixels, self.depth - 1, generator)[-1]
        return self.labelled(v, None) if self.sees_labels else v

    def pictures(self, v: Tensor, generator: Generator) -> Tensor:
        """Return images (B, C, H, W) as means of pixels, drawing the layers from the highest one down."""
        if self.depth == 1:
            h = self.top.hidden_units.draw(self.top.inputs(v), generator)
            return self.machine(0).visible.to_pixels(self.mean_below(0, h)).view(-1, *self.image_shape)
        v = self.unlabelled(v)
        for level in reversed(range(1, self.depth - 1)):
            v = self.machine(level).visible.draw(self.inputs_below(level, v), generator)
        return self.machine(0).visible.to_pixels(self.mean_below(0, v)).view(-1, *self.image_shape)

    def held(self, v: Tensor, pixels: Tensor, mask: Tensor, generator: Generator) -> Tensor:
        """Return visible units of the highest machine for the same images, with given pixels where a mask is 0."""
        if self.depth == 1:
            return torch.where(mask, v, self.pixel_states(pixels, generator))
        made = self.pictures(v, generator).flatten(1)
        return self.states(torch.where(mask, made, pixels), generator)

    def class_scores(self, pixels: Tensor) -> Tensor:
        """Return the log-probabilities of labels for images (B, pixels), up to a constant: (B, classes).

        For each label, it is minus the top machine's free energy with it, given the probabilities of the units below.
        """
        h = self.recognised(pixels, self.depth - 1)
        scores = [
            -self.top.free_energy(self.labelled(h, torch.full((len(h),), label, device=h.device)))
            for label in range(self.classes)
        ]
        return torch.stack(scores, 1)

    @of_images
    @torch.no_grad()
    def unnormalized(self, x: Tensor, generator: Generator | None = None) -> Tensor:
        """Estimate a lower bound of log p(x) + log Z in nats, (B,), from a single draw of the hidden layers.

        With q(h | x) drawn layer by layer, it is log p(x | h) + log p*(h) - log q(h | x), on average at most
        log p(x) + log Z (Salakhutdinov & Murray 2008, equation 24).
        """
        units = self.drawn_up(self.seen(x).flatten(1), self.depth - 1, generator)
        found = -doubled(self.top.free_energy(units[-1])) - self.machine(0).visible.log_volume()
        for level in range(self.depth - 1):
            logits = at_least_float32(self.machine(level).inputs(units[level]))
            chances = torch.distributions.Bernoulli(logits=logits)
            found += self.machine(level).visible.log_prob(units[level], self.inputs_below(level, units[level + 1]))
            found += chances.entropy().sum(1)
        return found
