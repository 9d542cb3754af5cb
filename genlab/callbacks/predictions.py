"""What `predict` finds out, in a file."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import BasePredictionWriter


class Predictions(BasePredictionWriter):
    """Writes predictions (dicts of tensors, one a batch) to `predictions.npz` in the trainer's `default_root_dir`.

    Each array has one row for each image, in the data's order; read it with `numpy.load`.
    """

    def __init__(self) -> None:
        super().__init__(write_interval="epoch")

    def write_on_epoch_end(
        self,
        trainer: Trainer,
        model: LightningModule,
        predictions: Sequence[dict[str, torch.Tensor]],
        batch_indices: Sequence[Any],
    ) -> None:
        """Write all at once."""
        arrays = {key: torch.cat([batch[key].float().cpu() for batch in predictions]).numpy() for key in predictions[0]}
        path = Path(trainer.default_root_dir) / "predictions.npz"
        np.savez_compressed(path, **arrays)  # type: ignore[arg-type]
        print(f"{path}: {', '.join(f'{key} {value.shape}' for key, value in arrays.items())}")
