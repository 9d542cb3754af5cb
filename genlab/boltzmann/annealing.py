"""The partition function by annealed importance sampling (Neal 2001; Salakhutdinov & Murray 2008, section 3)."""

import math
from dataclasses import dataclass

import torch
from torch import Generator, Tensor
from tqdm import tqdm

from genlab.boltzmann.machine import BoltzmannMachine
from genlab.precision import at_least_float32, double_of
from genlab.ranges import at_least, extent

PARTS = ((0.5, 500), (0.9, 4000), (1.0, 10_000))
"""Ends of ranges of inverse temperatures, and the number of these in each range, from section 5.2 of the paper."""
TEMPERATURES = sum(count for _, count in PARTS)
CHAINS = 100
DEVIATIONS = 3
"""Number of standard errors on each side of an interval, as in the paper."""


@dataclass(frozen=True)
class LogPartition:
    """Estimate of log Z, in nats.

    Args:
        value: log of the mean importance weight, times the base-rate model's Z.
        low: log of that mean minus three standard errors; -inf if these exceed it.
        high: log of that mean plus three standard errors.
    """

    value: float
    low: float
    high: float


def inverse_temperatures(count: int) -> Tensor:
    """Return `count` inverse temperatures from above 0 to 1, in float64, ever more closely spaced, as in the paper."""
    ends = [0.0, *(end for end, _ in PARTS)]
    shares = torch.tensor([0, *(number for _, number in PARTS)], dtype=torch.float64).cumsum(0) / TEMPERATURES
    wanted = torch.arange(1, count + 1, dtype=torch.float64) / count
    part = torch.searchsorted(shares, wanted).clamp(1, len(PARTS))
    low, high = torch.tensor(ends, dtype=torch.float64)[part - 1], torch.tensor(ends, dtype=torch.float64)[part]
    return low + (high - low) * (wanted - shares[part - 1]) / (shares[part] - shares[part - 1])


@torch.no_grad()
def log_partition(
    machine: BoltzmannMachine,
    chains: int = CHAINS,
    temperatures: int = TEMPERATURES,
    generator: Generator | None = None,
    progress: bool = False,
) -> LogPartition:
    """Estimate log Z of a machine with chains that go from its base-rate model to the machine itself.

    At inverse temperature β the unnormalised probability of visible units is
    p(v) = exp(-(1 - β) base_energy(v) - β energy(v)) prod_j (1 + exp(β inputs_j(v))) for binary hidden units; see
    equation 15 of the paper.

    Args:
        machine: machine whose log Z is estimated.
        chains: number of chains, each of which gives one importance weight.
        temperatures: number of steps of each chain.
        generator: generator for all draws, on the CPU.
        progress: whether to show a progress bar.
    """
    extent(temperatures=temperatures)
    at_least(2, chains=chains)
    units, hidden = machine.visible, machine.hidden_units
    v = machine.draw_base(chains, generator)
    log_weights = torch.zeros(chains, dtype=double_of(v.device), device=v.device)
    before = 0.0
    for beta in tqdm(inverse_temperatures(temperatures).tolist(), "Annealing", unit=" steps", disable=not progress):
        inputs = at_least_float32(machine.inputs(v))
        log_weights += (beta - before) * (units.base_energy(v) - units.energy(v))
        log_weights += hidden.log_sum(beta * inputs) - hidden.log_sum(before * inputs)
        h = hidden.draw(beta * inputs, generator)
        v = units.draw(machine.inputs_of_visible(h), generator, beta)
        before = beta
    base = (
        units.base_log_partition().item()
        + hidden.log_sum(torch.zeros(1, machine.hidden.out_features, dtype=torch.float64)).item()
    )
    return averaged(log_weights, base)


def averaged(log_weights: Tensor, base: float) -> LogPartition:
    """Average importance weights, given by their logs (chains,), and add the log Z that they are relative to."""
    largest = log_weights.max()
    weights = (log_weights - largest).exp()
    mean = weights.mean().item()
    error = (weights.std() / len(weights) ** 0.5).item()
    shift = base + largest.item()
    low = mean - DEVIATIONS * error
    return LogPartition(
        value=shift + math.log(mean),
        low=shift + math.log(low) if low > 0 else -math.inf,
        high=shift + math.log(mean + DEVIATIONS * error),
    )
