"""Health of a Boltzmann machine in training, and warnings of its known failures."""

import torch
from torch import Generator, Tensor

from genlab.boltzmann.machine import BoltzmannMachine
from genlab.models.shared.alarm import Alarm
from genlab.models.shared.health import spread

ALWAYS = 0.005
"""Mean probability below which a hidden unit is off for almost all images; above 1 minus this, it is on."""
MOST_SATURATED = 0.5
"""Share of hidden units that may be on or off for almost all images."""
STEPS = 100
"""Gibbs steps within which chains should leave the images that they started from."""
LEAST_MIXING = 0.1
"""Distance from these images, relative to that between two images, below which chains have not left them."""
LARGEST_GAP = 0.01
"""Free-energy gap in nats per pixel above which its growth is a sign of overfitting."""


@torch.no_grad()
def mixing(machine: BoltzmannMachine, v: Tensor, generator: Generator) -> float:
    """Measure how far chains get in 100 steps: their mean squared distance from visible units (B, size).

    It is relative to the distance between two of these. All are smoothed first, since pixel noise is not mixing.
    """
    began = machine.smoothed(v)
    ended = machine.smoothed(machine.gibbs(v, STEPS, generator))
    away = (ended - began).square().mean() / 2
    return float(away / spread(began).clamp(min=1e-12))


class BoltzmannHealth(Alarm):
    """Health metrics of a machine over an epoch of validation.

    Args:
        pixels: number of visible units.
    """

    def __init__(self, pixels: int) -> None:
        super().__init__()
        self.pixels = pixels
        self._rates: list[Tensor] = []
        self._errors: list[Tensor] = []
        self._gaps: list[Tensor] = []
        self._before: tuple[float, float] | None = None

    def add(self, rates: Tensor, error: Tensor, gap: Tensor | None) -> None:
        """Add a batch: probabilities of hidden units (B, hidden), mean error and mean free-energy gap."""
        self._rates.append(rates.detach().float().mean(0))
        self._errors.append(error.detach())
        if gap is not None:
            self._gaps.append(gap.detach())

    def end_epoch(self, mixed: float, judge: bool) -> dict[str, float]:
        """Return the share of saturated units and the mixing; if `judge`, warn of what has been bad for epochs."""
        rates = torch.stack(self._rates).mean(0)
        saturated = ((rates < ALWAYS) | (rates > 1 - ALWAYS)).float().mean().item()
        error = torch.stack(self._errors).mean().item()
        gap = torch.stack(self._gaps).mean().item() if self._gaps else None
        self._rates, self._errors, self._gaps = [], [], []
        if judge:
            self._warn(saturated, mixed, error, gap)
        return {"saturated_units": saturated, "mixing": mixed}

    def _warn(self, saturated: float, mixed: float, error: float, gap: float | None) -> None:
        self.say(
            saturated > MOST_SATURATED,
            "units",
            f"hidden units have saturated: {saturated:.0%} of them are on, or off, for almost all images and learn "
            "nothing. Try a smaller learning rate, a sparsity target (TargetRate), or fewer units",
            f"hidden units have recovered: {saturated:.0%} are on, or off, for almost all images",
        )
        self.say(
            mixed < LEAST_MIXING,
            "chains",
            f"chains do not mix: after {STEPS} Gibbs steps from images they still resemble them (their distance is "
            f"{mixed:.2f} of that between two images). Try a smaller learning rate, weight decay, or more gibbs_steps",
            f"chains mix again: after {STEPS} Gibbs steps their distance is {mixed:.2f} of that between two images",
        )
        if gap is None:
            return
        before, self._before = self._before, (error, gap)
        widens = before is not None and error < before[0] and gap > max(before[1], LARGEST_GAP * self.pixels)
        self.say(
            widens,
            "gap",
            f"the machine overfits: reconstructions of validation images get better while their free energy rises to "
            f"{gap:.1f} nats above that of training images. Stop earlier, or try weight decay or fewer hidden units",
            f"the free energy gap between validation and training images no longer widens: {gap:.1f} nats",
        )
