"""Images to grids of integers, positions in codebooks, and back: the core of all VQ-VAEs."""

import math
from abc import abstractmethod
from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn

from genlab.errors import GenlabError
from genlab.losses.likelihood import Likelihood
from genlab.networks.quantizers import Quantized, Quantizer
from genlab.types import Shape


class GridCoder(nn.Module):
    """Encoder to grids of codes, on one or several levels, the top one first, and decoder to a likelihood.

    Args:
        level_names: names of the levels; an empty one where there is only one level.
        grids: height and width of each level's grid.
        quantizers: quantizer of each level.
        likelihood: distribution of images, given the decoder's outputs.
    """

    def __init__(
        self,
        level_names: Sequence[str],
        grids: Sequence[tuple[int, int]],
        quantizers: Sequence[Quantizer],
        likelihood: Likelihood,
    ) -> None:
        super().__init__()
        self.level_names, self.grids = tuple(level_names), tuple(grids)
        self.quantizers = nn.ModuleList(quantizers)
        self.likelihood = likelihood

    @abstractmethod
    def quantize(self, x: Tensor) -> list[Quantized]:
        """Encode images (B, C, H, W), and quantize each level."""

    @abstractmethod
    def outputs(self, vectors: Sequence[Tensor]) -> Tensor:
        """Decode the quantized vectors of all levels, each (B, code_size, h, w), to the likelihood's outputs."""

    @property
    def code_shape(self) -> tuple[int, ...]:
        """The shape of a code: that of the grid, or for several levels, the total number of places."""
        if len(self.grids) == 1:
            return self.grids[0]
        return (sum(map(math.prod, self.grids)),)

    def quantizer(self, level: int) -> Quantizer:
        """Return the quantizer of a level."""
        return cast(Quantizer, self.quantizers[level])

    def joined(self, grids: Sequence[Tensor]) -> Tensor:
        """Join the grids of all levels, each (B, h, w), to codes (B, *code_shape), row by row."""
        return grids[0] if len(grids) == 1 else torch.cat([grid.flatten(1) for grid in grids], 1)

    def split(self, codes: Tensor) -> list[Tensor]:
        """Split codes (B, *code_shape) into the grids of all levels, each (B, h, w)."""
        parts = codes.flatten(1).split([*map(math.prod, self.grids)], 1)
        return [part.unflatten(1, grid) for part, grid in zip(parts, self.grids, strict=True)]

    def known(self, codes: Tensor) -> Tensor:
        """Return codes (B, *code_shape) after checking that they are in the codebooks.

        Raises:
            GenlabError: for codes that are not integers, or not in a codebook.
        """
        if codes.is_floating_point():
            raise GenlabError(f"codes are whole numbers, positions in a codebook, not {codes.dtype}")
        for level, grid in enumerate(self.split(codes)):
            most = self.quantizer(level).codes - 1
            if grid.numel() and (grid.min() < 0 or grid.max() > most):
                raise GenlabError(
                    f"codes are from {int(grid.min())} to {int(grid.max())}; they must be from 0 to {most}"
                )
        return codes

    def vectors(self, grids: Sequence[Tensor]) -> list[Tensor]:
        """Return the quantized vectors of grids (B, h, w), each (B, code_size, h, w)."""
        return [self.quantizer(level).vectors(grid) for level, grid in enumerate(grids)]

    @property
    def vector_shape(self) -> tuple[int]:
        """The shape of all levels' vectors, flattened and joined."""
        return (sum(map(math.prod, self._map_shapes)),)

    def joined_vectors(self, codes: Tensor) -> Tensor:
        """Return the vectors of codes (B, *code_shape), flattened and joined: (B, *vector_shape)."""
        return torch.cat([vectors.flatten(1) for vectors in self.vectors(self.split(codes))], 1)

    def split_vectors(self, joined: Tensor) -> list[Tensor]:
        """Split the result of `joined_vectors` into the vectors of all levels, each (B, code_size, h, w)."""
        parts = joined.split([*map(math.prod, self._map_shapes)], 1)
        return [part.unflatten(1, shape) for part, shape in zip(parts, self._map_shapes, strict=True)]

    @property
    def _map_shapes(self) -> list[Shape]:
        return [(self.quantizer(level).code_size, *grid) for level, grid in enumerate(self.grids)]

    def named(self, name: str, level: int) -> str:
        """Return the name of a level's metric, such as "perplexity" or "perplexity_top"."""
        return "_".join(filter(None, (name, self.level_names[level])))
