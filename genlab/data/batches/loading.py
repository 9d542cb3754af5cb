"""Loaders of whole batches."""

from typing import Any

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset


class SeededBatches(Dataset[Any]):
    """A data set in worker processes, where augmentation is drawn from the seed that comes with a batch's positions.

    So it does not matter which worker makes a batch, nor what it made before.
    """

    def __init__(self, data: Any) -> None:
        self.data = data

    def __len__(self) -> int:
        return len(self.data)

    def __getitem__(self, index: tuple[Tensor, int]) -> Any:
        positions, seed = index
        torch.manual_seed(seed)
        return self.data[positions]


class BatchLoader(DataLoader[Any]):
    """A DataLoader that Lightning takes for one that can resume inside an epoch, as its sampler can."""

    def state_dict(self) -> dict[str, Any]:
        """Return nothing: the DataModule describes the state."""
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Do nothing: the DataModule restores the state."""
