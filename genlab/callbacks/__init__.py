"""Callbacks for any Lightning Trainer: checkpoints, pictures, curves, results and checks."""

from genlab.callbacks.best_checkpoint import BestCheckpoint
from genlab.callbacks.compiled import Compiled
from genlab.callbacks.curves import Curves
from genlab.callbacks.last_checkpoint import LastCheckpoint
from genlab.callbacks.parameter_table import ParameterTable
from genlab.callbacks.pictures import Pictures
from genlab.callbacks.predictions import Predictions
from genlab.callbacks.requirements import Requirements
from genlab.callbacks.results import Results
from genlab.callbacks.run_config import RunConfig
from genlab.callbacks.signals import Stopped
from genlab.callbacks.steady_bar import SteadyBar

__all__ = [
    "BestCheckpoint",
    "Compiled",
    "Curves",
    "LastCheckpoint",
    "ParameterTable",
    "Pictures",
    "Predictions",
    "Requirements",
    "Results",
    "RunConfig",
    "SteadyBar",
    "Stopped",
]
