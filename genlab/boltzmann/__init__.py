"""Standalone parts of restricted Boltzmann machines and deep belief nets: units, machines, annealing.

A machine takes and returns visible units, (B, size), and knows nothing of images; the models that are built from these
parts are in `genlab.models`.
"""

from genlab.boltzmann.annealing import LogPartition, inverse_temperatures, log_partition
from genlab.boltzmann.chains import GibbsSampling
from genlab.boltzmann.hidden import BinaryHiddenUnits, HiddenUnits, LinearHiddenUnits
from genlab.boltzmann.machine import BoltzmannMachine
from genlab.boltzmann.units import BinaryUnits, GaussianUnits, LabelledUnits, VisibleUnits, draw_binary

__all__ = [
    "BinaryHiddenUnits",
    "BinaryUnits",
    "BoltzmannMachine",
    "GaussianUnits",
    "GibbsSampling",
    "HiddenUnits",
    "LabelledUnits",
    "LinearHiddenUnits",
    "LogPartition",
    "VisibleUnits",
    "draw_binary",
    "inverse_temperatures",
    "log_partition",
]
