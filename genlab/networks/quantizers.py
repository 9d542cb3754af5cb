"""Quantizers: vectors to the nearest of a finite set, with straight-through gradients.

All share one interface, `Quantizer`; those in `genlab.networks.codebooks` learn their set.
"""

import math
from abc import abstractmethod
from collections.abc import Sequence
from typing import ClassVar, NamedTuple

import torch
from torch import Tensor, nn

from genlab.errors import GenlabError
from genlab.precision import at_least_float32
from genlab.ranges import between, extent
from genlab.recorded import Recorded

MOST_CODES = 2**16


class Quantized(NamedTuple):
    """Vectors (B, code_size, ...) after quantization."""

    vectors: Tensor
    """The quantized vectors, (B, code_size, ...); their gradient is passed on to what was quantized."""
    indices: Tensor
    """Indices of their codes, (B, ...), int64 from 0 to `codes` - 1."""
    loss: Tensor
    """The quantizer's part of the loss, summed over vectors: (B,), in float32."""


class Quantizer(nn.Module, Recorded):
    """Quantizer of vectors (B, code_size, ...), each to one of `codes` vectors.

    It computes in float32 even under autocast: among large vectors, half precision finds the wrong nearest one.

    Args:
        code_size: dimensions of a vector.
        codes: number of codes, at least 2.

    Raises:
        GenlabError: for numbers out of range.

    Example:
        >>> quantizer = FSQ(code_size=3, levels=(5, 5, 5))
        >>> quantized = quantizer(torch.randn(2, 3, 4, 4))
        >>> quantized.indices.shape, quantizer.codes
        (torch.Size([2, 4, 4]), 125)
        >>> torch.equal(quantizer.vectors(quantized.indices), quantized.vectors)
        True
    """

    supplied: ClassVar[int] = 1

    def __init__(self, code_size: int, codes: int) -> None:
        super().__init__()
        extent(code_size=code_size)
        between(2, MOST_CODES, codes=codes)
        self.code_size, self.codes = code_size, codes

    @abstractmethod
    def quantize(self, z: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Quantize vectors (N, code_size), in at least float32.

        Returns:
            Vectors (N, code_size), with the gradient of `z`; indices (N,); and the loss of each, (N,).
        """

    @abstractmethod
    def of_indices(self, indices: Tensor) -> Tensor:
        """Return the vectors of indices (N,): (N, code_size)."""

    def forward(self, z: Tensor) -> Quantized:
        flat = at_least_float32(z).movedim(1, -1)
        with torch.autocast(z.device.type, enabled=False):
            vectors, indices, loss = self.quantize(flat.reshape(-1, self.code_size))
        return Quantized(
            vectors.view(flat.shape).movedim(-1, 1).to(z.dtype),
            indices.view(flat.shape[:-1]),
            loss.view(len(z), -1).sum(1),
        )

    def vectors(self, indices: Tensor) -> Tensor:
        """Return the quantized vectors of indices (B, ...): (B, code_size, ...)."""
        return self.of_indices(indices.flatten()).view(*indices.shape, self.code_size).movedim(-1, 1)


class FSQ(Quantizer):
    """Finite scalar quantization (Mentzer et al. 2024, arXiv:2309.15505): a few numbers, each rounded to levels.

    A linear layer turns a vector into as many numbers as `levels` has entries, and another turns the rounded numbers
    into a vector again. There is no codebook to learn or to collapse, and no loss of its own.

    Args:
        code_size: dimensions of a vector.
        levels: number of values that each number can have, at least 2; their product is the number of codes. The paper
            uses (8, 6, 5), 240 codes; (8, 5, 5, 5), 1,000; and (7, 5, 5, 5, 5), 4,375.

    Raises:
        GenlabError: for no levels, for fewer than 2 values, and for more than 65,536 codes.
    """

    def __init__(self, code_size: int, levels: Sequence[int] = (8, 5, 5, 5)) -> None:
        if not levels:
            raise GenlabError("levels is empty; an FSQ needs at least one, such as (8, 5, 5, 5)")
        for level in levels:
            between(2, MOST_CODES, levels=level)
        super().__init__(code_size, math.prod(levels))
        self.inward = nn.Linear(code_size, len(levels))
        self.outward = nn.Linear(len(levels), code_size)
        values = torch.tensor(levels)
        self.register_buffer("levels", values, persistent=False)
        self.register_buffer("places", values.cumprod(0) // values, persistent=False)

    levels: Tensor
    places: Tensor
    """Place values of the numbers' levels in an index: 1, levels[0], levels[0] levels[1], ..."""

    def quantize(self, z: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        bounded = self.bounded(at_least_float32(self.inward(z.to(self.inward.weight))))
        rounded = bounded.detach().round().clamp(-(self.levels // 2), (self.levels - 1) // 2)
        digits = rounded.long() + self.levels // 2
        passed = rounded + (bounded - bounded.detach())
        return self._outward(passed), (digits * self.places).sum(-1), z.new_zeros(len(z))

    def bounded(self, numbers: Tensor) -> Tensor:
        """Squash numbers (N, len(levels)) so that rounding gives as many integers as there are levels (section 3.1).

        These are -(L // 2) to (L - 1) // 2. An even number of levels has no middle one; its values are shifted so that
        0 stays 0.
        """
        half = (self.levels - 1) * (1 + 1e-3) / 2  # so that finite numbers reach the outer levels
        offset = (self.levels % 2 == 0).to(numbers) / 2
        squashed: Tensor = (numbers + (offset / half).atanh()).tanh() * half - offset
        return squashed

    def of_indices(self, indices: Tensor) -> Tensor:
        digits = indices[:, None] // self.places % self.levels
        return self._outward(at_least_float32((digits - self.levels // 2).to(self.outward.weight)))

    def _outward(self, numbers: Tensor) -> Tensor:
        """Return the vectors of rounded numbers, scaled to [-1, 1]: (N, len(levels)) to (N, code_size)."""
        vectors: Tensor = self.outward((numbers / (self.levels // 2)).to(self.outward.weight))
        return vectors
