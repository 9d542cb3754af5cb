"""What happens during training besides training."""

from genlab.callbacks.best_checkpoint import BestCheckpoint
from genlab.callbacks.metrics_file import MetricsFile
from genlab.callbacks.pictures import Pictures
from genlab.callbacks.predictions import Predictions
from genlab.callbacks.steady_bar import SteadyBar

__all__ = ["BestCheckpoint", "MetricsFile", "Pictures", "Predictions", "SteadyBar"]
