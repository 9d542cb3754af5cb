"""Predictions of `predict`, written to a file."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import BasePredictionWriter
from tqdm import tqdm

from genlab.atomic import must_be_free, require_ending, whole_file
from genlab.evaluation.predictions import arrays_of


class Predictions(BasePredictionWriter):
    """Write predictions (one dict of tensors per batch) to an `.npz` file.

    Each array has one row for each image, in the data's order; read it with `numpy.load`.

    Args:
        force: replace an existing file.
        out: the file; by default `predictions.npz` in the trainer's `default_root_dir`.
    """

    def __init__(self, force: bool = False, out: Path | None = None) -> None:
        super().__init__(write_interval="epoch")
        self.force, self.out = force, out

    def setup(self, trainer: Trainer, model: LightningModule, stage: str) -> None:
        """Raise GenlabError if the file already exists or cannot be written, before anything is computed."""
        self.path = self.out or Path(trainer.default_root_dir) / "predictions.npz"
        require_ending(self.path, ".npz")
        must_be_free(self.path, self.force)

    def write_on_epoch_end(
        self,
        trainer: Trainer,
        model: LightningModule,
        predictions: Sequence[dict[str, torch.Tensor]],
        batch_indices: Sequence[Any],
    ) -> None:
        """Write all predictions at once."""
        arrays = arrays_of(model, predictions)
        with whole_file(self.path) as part, part.open("wb") as file:
            np.savez_compressed(file, **arrays)  # type: ignore[arg-type]
        tqdm.write(f"{self.path}: {', '.join(f'{key} {value.shape}' for key, value in arrays.items())}")
