"""What happens during training besides training."""

from genlab.callbacks.metrics_file import MetricsFile
from genlab.callbacks.pictures import Pictures
from genlab.callbacks.predictions import Predictions

__all__ = ["MetricsFile", "Pictures", "Predictions"]
