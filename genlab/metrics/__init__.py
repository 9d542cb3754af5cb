"""Figures about trained models that torchmetrics lacks."""

from genlab.metrics.active_units import ActiveUnits
from genlab.metrics.features import FeatureMaps, VGG16Features
from genlab.metrics.probes import few_label_accuracy

__all__ = ["ActiveUnits", "FeatureMaps", "VGG16Features", "few_label_accuracy"]
