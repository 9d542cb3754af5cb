"""Figures about trained models that torchmetrics lacks."""

from genlab.metrics.probes import few_label_accuracy

__all__ = ["few_label_accuracy"]
