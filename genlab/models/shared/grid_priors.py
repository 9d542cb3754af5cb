"""Priors over grids of codes: each level given the one above it, and a condition (Razavi et al. 2019, section 3.2)."""

import math
from collections.abc import Sequence
from typing import Any

from torch import Generator, Tensor, nn

from genlab.conditions import Condition
from genlab.errors import GenlabError
from genlab.losses.categorical import grid_log_prob
from genlab.models.shared.grid_coder import GridCoder
from genlab.models.shared.output_check import expect
from genlab.networks.grid_sampling import sample_grids
from genlab.networks.strided import MOST_HALVINGS, StridedDecoder, halved
from genlab.recorded import another, as_network
from genlab.types import GridNetworkFactory

MAP_CHANNELS = 64
"""Channels of the map through which a level's prior sees the level above."""


class GridPrior(nn.Module):
    """The prior of one level: an autoregressive network that may see a condition and the level above.

    Args:
        coder: coder whose codes are modelled.
        level: index of the level, 0 for the top one.
        network: builds the network.
        condition: condition of the prior; None for none.
        condition_size: size of a condition's embedding.
    """

    def __init__(
        self,
        coder: GridCoder,
        level: int,
        network: GridNetworkFactory,
        condition: Condition | None,
        condition_size: int,
    ) -> None:
        super().__init__()
        (height, width), codes = coder.grids[level], coder.quantizer(level).codes
        self.level, self.grid_shape = level, (1, height, width)
        self.numbers = condition.embedding(condition_size) if condition else None
        self.map = _map(coder, level) if level else None
        given = condition_size if condition else 0, MAP_CHANNELS if level else 0
        self.network = as_network(network, self.grid_shape, codes, *given)
        expect(self.network, (codes, *self.grid_shape), f"the prior of {codes} codes in a grid of {height} x {width}")

    def nats(self, coder: GridCoder, grids: Sequence[Tensor], condition: Tensor | None = None) -> Tensor:
        """Compute -log p of this level's grids given those above: (B,), in float32.

        Args:
            coder: coder whose codes are modelled.
            grids: grids of all levels, or of those down to this one, each (B, h, w).
            condition: conditions (B, ...).
        """
        grid = grids[self.level][:, None]
        return -grid_log_prob(self.network(grid, *self._given(coder, grids, condition)), grid)

    def sample(
        self,
        coder: GridCoder,
        above: Sequence[Tensor],
        n: int,
        condition: Tensor | None,
        generator: Generator | None,
        progress: bool,
    ) -> Tensor:
        """Sample `n` grids of this level given those above: (n, h, w)."""
        numbers, map = self._given(coder, above, condition)
        settings: dict[str, Any] = {"condition": numbers, "map": map, "generator": generator, "progress": progress}
        return sample_grids(self.network, self.grid_shape, n, **settings)[:, 0]

    def _given(
        self, coder: GridCoder, grids: Sequence[Tensor], condition: Tensor | None
    ) -> tuple[Tensor | None, Tensor | None]:
        numbers = self.numbers(condition) if self.numbers is not None else None
        if self.map is None:
            return numbers, None
        above = coder.quantizer(self.level - 1).vectors(grids[self.level - 1])
        return numbers, self.map(above)


class GridPriors(nn.ModuleList):
    """The priors of all levels, the top one first.

    Args:
        coder: coder whose codes are modelled.
        network: builds each level's network; an already built one is copied for further levels.
        condition: condition of all priors; None for none.
        condition_size: size of a condition's embedding.
    """

    def __init__(
        self, coder: GridCoder, network: GridNetworkFactory, condition: Condition | None, condition_size: int
    ) -> None:
        factories = [network, *(another(network) for _ in coder.grids[1:])]
        super().__init__(
            GridPrior(coder, level, build, condition, condition_size) for level, build in enumerate(factories)
        )

    def prior(self, level: int) -> GridPrior:
        """Return the prior of a level."""
        found: GridPrior = self[level]  # type: ignore[assignment]
        return found

    def sample(
        self,
        coder: GridCoder,
        n: int,
        condition: Tensor | None = None,
        generator: Generator | None = None,
        progress: bool = False,
    ) -> list[Tensor]:
        """Sample the grids of all levels, each (n, h, w).

        Args:
            coder: coder whose codes are modelled.
            n: number of grids for each level.
            condition: conditions (n, ...), or one for all, (1, ...).
            generator: CPU generator of the draws.
            progress: whether to show a progress bar for each level.
        """
        grids: list[Tensor] = []
        for level in range(len(self)):
            grids.append(self.prior(level).sample(coder, grids, n, condition, generator, progress))
        return grids


def most_nats(coder: GridCoder, level: int) -> float:
    """Return -log p of a level's grids under the uniform prior, the maximum entropy that they can have."""
    return math.prod(coder.grids[level]) * math.log(coder.quantizer(level).codes)


def _map(coder: GridCoder, level: int) -> StridedDecoder:
    """Build the network from the vectors of the level above to a map of this level's size."""
    (height, width), above = coder.grids[level], coder.grids[level - 1]
    shape = MAP_CHANNELS, height, width
    for halvings in range(1, MOST_HALVINGS + 1):
        if min(height, width) >> halvings and halved(shape, halvings)[-1] == above:
            return StridedDecoder(shape, coder.quantizer(level - 1).code_size, MAP_CHANNELS, halvings)
    raise GenlabError(f"the grid above one of {shape[1:]} must be that one halved one or more times, not {above}")
