"""Loggers: the file of metrics in every run, and W&B that training does not depend on."""

from genlab.loggers.metrics_file import MetricsFile
from genlab.loggers.safe_wandb import SafeWandbLogger

__all__ = ["MetricsFile", "SafeWandbLogger"]
