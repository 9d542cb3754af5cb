"""Dropout that is active in evaluation, as pix2pix's is: its noise becomes an input of a graph."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.overrides import TorchFunctionMode


class GivenNoise(TorchFunctionMode):
    """Context in which dropout drops units where given noise, uniform in [0, 1), is below its probability.

    Args:
        noise: for each dropout, in the order of use, a tensor like what it is applied to; None to draw noise.
    """

    def __init__(self, noise: Iterable[Tensor] | None = None) -> None:
        super().__init__()
        self.used: list[Tensor] = []
        """Noise used so far."""
        self._given: Iterator[Tensor] | None = None if noise is None else iter(noise)

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: Sequence[Any] = (), kwargs: Any = None
    ) -> Any:
        if func is F.dropout:
            return self._dropout(*args, **(kwargs or {}))
        return func(*args, **(kwargs or {}))

    def _dropout(self, x: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
        if not (training and p):
            return x
        self.used.append(torch.rand_like(x) if self._given is None else next(self._given))
        return x * (self.used[-1] >= p).to(x.dtype) / (1 - p)
