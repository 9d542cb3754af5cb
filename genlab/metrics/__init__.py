"""Figures about trained models that torchmetrics lacks."""

from genlab.metrics.active_units import ActiveUnits
from genlab.metrics.probes import few_label_accuracy

__all__ = ["ActiveUnits", "few_label_accuracy"]
