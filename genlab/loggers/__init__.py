"""Loggers: the metrics file of every run, and a W&B logger that training does not depend on."""

from genlab.loggers.metrics_file import MetricsFile
from genlab.loggers.safe_wandb import SafeWandbLogger

__all__ = ["MetricsFile", "SafeWandbLogger"]
