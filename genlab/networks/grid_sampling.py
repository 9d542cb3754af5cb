"""Sampling of grids from autoregressive networks, value by value, with a cache of what is already computed."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Generator, Tensor, nn
from tqdm import tqdm

from genlab.networks.pixelcnn import CausalConv, GatedLayer, GatedPixelCNN, gated
from genlab.precision import double_of, doubled
from genlab.types import Shape

AT_ONCE = 2**17
"""Number of places of grids that are sampled together."""


@torch.no_grad()
def sample_grids(
    network: nn.Module,
    grid_shape: Shape,
    count: int,
    *,
    condition: Tensor | None = None,
    map: Tensor | None = None,
    known: Tensor | None = None,
    start: int = 0,
    generator: Generator | None = None,
    progress: bool = False,
) -> Tensor:
    """Sample grids of values from an autoregressive network: (count, C, H, W), int64, on the network's device.

    Values are drawn row by row, within a row place by place, and at a place channel by channel, each from its
    distribution given those before it. A `GatedPixelCNN` only computes what is new for each; other networks compute
    the logits of whole grids for each value. Memory is bounded, whatever the count, and the draws do not depend on it.

    Args:
        network: maps grids (B, C, H, W), int64, a condition and a map, or None, to logits (B, values, C, H, W).
        grid_shape: (C, H, W).
        count: number of grids.
        condition: (count, condition_size), or (1, condition_size) for all.
        map: (count, map_channels, H, W), or one for all.
        known: grids (count, C, H, W), or one for all, whose first `start` places are kept.
        start: number of known places, counted along rows from the first one.
        generator: generator for the draws, on the CPU; by default torch's global one.
        progress: whether to show a progress bar.

    Example:
        >>> network = GatedPixelCNN((1, 8, 8), values=4, channels=8, layers=2)
        >>> sample_grids(network, (1, 8, 8), 5).shape
        torch.Size([5, 1, 8, 8])
    """
    device = next(network.parameters()).device
    depth, height, width = grid_shape
    grids = torch.zeros(count, *grid_shape, dtype=torch.int64, device=device)
    if known is not None:
        grids[:] = known.to(device)
    parts = [rows for rows in torch.arange(count).split(max(1, AT_ONCE // (height * width))) if len(rows)]
    places = [divmod(place, width) for place in range(start, height * width)]
    with tqdm(total=len(parts) * len(places), desc="Sampling", disable=not progress, leave=False) as bar:
        for rows in parts:
            uniform = torch.rand(len(rows), *grid_shape, generator=generator, dtype=torch.float64)
            drawn = uniform.to(double_of(device)).to(device)
            grid = grids[rows[0] : rows[-1] + 1]
            logits = logits_of(network, grid, *(part_of(given, rows, device) for given in (condition, map)))
            for i, j in places:
                for channel in range(depth):
                    grid[:, channel, i, j] = chosen(logits(i, j)[:, :, channel], drawn[:, channel, i, j])
                bar.update()
    return grids


def chosen(logits: Tensor, drawn: Tensor) -> Tensor:
    """Choose values by where uniform numbers in [0, 1) fall among cumulative probabilities: (B,), int64.

    Args:
        logits: (B, values).
        drawn: (B,), with the dtype that `genlab.precision.double_of` gives for their device.
    """
    cumulative = doubled(logits).softmax(1).cumsum(1)
    total = cumulative[:, -1:]  # 1, up to rounding
    last = (cumulative < total).sum(1)  # the last value with a probability, in case rounding leads to the total
    return torch.minimum((cumulative <= drawn[:, None] * total).sum(1), last)


def part_of(given: Tensor | None, rows: Tensor, device: torch.device) -> Tensor | None:
    """Return the conditions of some grids, given one for all or one for each."""
    if given is None:
        return None
    given = given.to(device)
    return given.expand(len(rows), *given.shape[1:]) if len(given) == 1 else given[rows[0] : rows[-1] + 1]


def logits_of(
    network: nn.Module, grid: Tensor, condition: Tensor | None, map: Tensor | None
) -> Callable[[int, int], Tensor]:
    """Return a function that gives the logits (B, values, C) at successive places of a grid that is being filled."""
    if isinstance(network, GatedPixelCNN):
        return CachedPixelCNN(network, grid, condition, map)
    return lambda i, j: network(grid, condition, map)[..., i, j]


class CachedPixelCNN:
    """Logits of a `GatedPixelCNN` at successive places, computed with a cache of the places before.

    When a row begins, the vertical stack computes that row; at each place, the horizontal stack computes that place.

    Args:
        network: network whose logits are computed.
        grid: (B, C, H, W), int64, filled by the caller.
        condition: (B, condition_size).
        map: (B, map_channels, H, W).
    """

    def __init__(self, network: GatedPixelCNN, grid: Tensor, condition: Tensor | None, map: Tensor | None) -> None:
        self.network, self.grid = network, grid
        self.row, self.column = -1, -1
        self.layers = [CachedLayer(layer, grid, layer.shift(condition, map)) for layer in network.layers]
        self.hidden, self.last = Flat(network.hidden), Flat(network.last)

    def __call__(self, i: int, j: int) -> Tensor:
        """Compute the logits (B, values, C) at a place: the last one again, or one after it."""
        while self.row < i:
            self._next_row()
        for column in range(min(self.column + 1, j), j + 1):
            features = self._place(column)
        return self.network.logits(self.last(self.hidden(features.relu()).relu()))

    def _next_row(self) -> None:
        above = self.grid[:, :, max(self.row, 0), None]
        features = self.network.embedded(above) * (self.row >= 0)  # there is nothing above the first row
        self.row, self.column = self.row + 1, -1
        for layer in self.layers:
            features = layer.next_row(self.row, features)

    def _place(self, column: int) -> Tensor:
        before = max(column - 1, 0)  # it may have been filled since
        embedded = self.network.embedded(self.grid[:, :, self.row, None, before : column + 1])[:, :, 0]
        self.layers[0].keep(before, embedded[..., 0])
        features = embedded[..., -1]
        for layer in self.layers:
            features = layer.place(column, features)
        self.column = column
        return features


class CachedLayer:
    """A `GatedLayer` with a cache of the rows and columns of its input that it needs again.

    Args:
        layer: layer whose features are computed.
        grid: (B, C, H, W), of which only the size matters.
        shift: shift by a condition and a map; see `GatedLayer.shift`.
    """

    def __init__(self, layer: GatedLayer, grid: Tensor, shift: tuple[Tensor, Tensor] | None) -> None:
        self.layer, self.shift = layer, shift
        self.horizontal, self.output = Flat(layer.horizontal), Flat(layer.output)
        weight = layer.vertical.weight
        count, width = len(grid), grid.shape[-1]
        self.above = weight.new_zeros(count, weight.shape[1], weight.shape[2], width + 2 * layer.reach)
        self.left = weight.new_zeros(count, width + layer.reach, weight.shape[1])

    def next_row(self, row: int, features: Tensor) -> Tensor:
        """Compute a row of the vertical stack from a row of its input: (B, in, 1, W) to (B, channels, 1, W)."""
        reach = self.layer.reach
        self.above = torch.cat([self.above[:, :, 1:], F.pad(features, (reach, reach))], 2)
        above = self.layer.vertical(self.above)
        shift = (
            None if self.shift is None else [each[:, :, row if each.shape[2] > 1 else 0, None] for each in self.shift]
        )
        if shift:
            above = above + shift[0]
        linked = self.layer.link(above)
        self.linked = (linked + shift[1] if shift else linked)[:, :, 0].movedim(1, 2).contiguous()
        return gated(above) if self.layer.is_first else features + gated(above)

    def place(self, column: int, features: Tensor) -> Tensor:
        """Compute a place of the horizontal stack in the current row: (B, in) to (B, channels)."""
        self.keep(column, features)
        seen = self.left[:, column : column + self.layer.reach + 1].flatten(1)
        across = self.output(gated(self.horizontal(seen) + self.linked[:, column]))
        return across if self.layer.is_first else features + across

    def keep(self, column: int, features: Tensor) -> None:
        """Keep the input of a place for those to its right."""
        self.left[:, column + self.layer.reach] = features


class Flat:
    """A convolution along rows, at one place: a product of its taps, (B, taps * in), with a matrix."""

    def __init__(self, convolution: CausalConv) -> None:
        self.weight = convolution.causal_weight[:, :, 0].movedim(1, 2).flatten(1)
        self.bias = convolution.bias

    def __call__(self, features: Tensor) -> Tensor:
        return F.linear(features, self.weight, self.bias)
