"""Memory of batches, used again: to get fresh memory from the system costs as much as to fill it."""

import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

SLOTS = 4
"""Batches whose memory is kept for use after them; Lightning holds two at a time."""


class BatchMemory:
    """Hands out float tensors, in memory that nobody looks at any more when there is some."""

    def __init__(self) -> None:
        nobody: Callable[[], Any] = lambda: None  # noqa: E731
        self._slots = [(np.empty(0, np.float32), nobody)] * SLOTS

    def empty(self, shape: torch.Size) -> Tensor:
        """A tensor of a shape, with arbitrary values."""
        for position, (memory, user) in enumerate(self._slots):
            if user() is None:
                memory = memory if memory.shape == shape else np.empty(shape, np.float32)
                view: NDArray[np.float32] = memory[:]  # lives as long as the tensor and all views of it
                self._slots[position] = memory, weakref.ref(view)
                return torch.from_numpy(view)
        return torch.empty(shape)

    def __reduce__(self) -> tuple[type["BatchMemory"], tuple[()]]:
        return BatchMemory, ()  # another process has memory of its own
