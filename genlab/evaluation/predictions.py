"""Predictions of models for batches, as arrays that `numpy.load` reads."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from genlab.capabilities import as_seen


def arrays_of(model: object, predictions: Sequence[Mapping[str, Tensor]]) -> dict[str, NDArray[Any]]:
    """Join the predictions of batches into arrays by name, with a row for each image or sentence.

    Numbers are float32; sentences are text.

    Args:
        model: model that made the predictions.
        predictions: predictions of each batch.
    """
    joined = {name: torch.cat([batch[name].cpu() for batch in predictions]) for name in predictions[0]}
    return {name: np.array(_text_or_float(model, values)) for name, values in joined.items()}


def _text_or_float(model: object, values: Tensor) -> Any:
    words = values.dtype == torch.int64 and values.ndim == 2
    seen = as_seen(model, values) if words else values
    return seen.float().numpy() if isinstance(seen, Tensor) else seen
