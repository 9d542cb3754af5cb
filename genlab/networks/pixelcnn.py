"""The gated PixelCNN (van den Oord et al. 2016, arXiv:1606.05328): each value of a grid given those before it."""

from collections.abc import Sequence
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from genlab.errors import GenlabError
from genlab.ranges import at_least, extent
from genlab.recorded import Recorded
from genlab.types import Shape

FIRST_KERNEL = 7
"""Side of the first layer's convolutions."""


class GatedPixelCNN(nn.Module, Recorded):
    """Autoregressive network: grids of values (B, C, H, W), int64, to logits of each value (B, values, C, H, W).

    The logits at a place depend only on the values before it: in the rows above, left of it in its row, and in the
    channels before its own. A vertical stack of convolutions sees all rows above and leaves no blind spot; a horizontal
    stack sees the row (section 2.2). Both have gates (equation 2), which a condition shifts everywhere (equation 4) and
    a map shifts place by place (equation 5).

    Args:
        grid_shape: (C, H, W) of the grids.
        values: number of values, which count from 0; at least 2.
        condition_size: size of a condition (B, condition_size); 0 without one.
        map_channels: number of channels of a map (B, map_channels, H, W); 0 without one.
        channels: number of channels of each stack, at least C.
        layers: number of gated layers.
        kernel: side of the convolutions after the first layer, whose side is 7; odd.
        embedding: size of the learned embedding of a value.

    Raises:
        GenlabError: for numbers out of range, and for fewer channels than the grid has.

    Example:
        >>> network = GatedPixelCNN((1, 28, 20), values=2, channels=8, layers=2)
        >>> network(torch.randint(2, (4, 1, 28, 20))).shape
        torch.Size([4, 2, 1, 28, 20])
    """

    supplied: ClassVar[int] = 4
    layers: Sequence["GatedLayer"]

    def __init__(
        self,
        grid_shape: Shape,
        values: int,
        condition_size: int = 0,
        map_channels: int = 0,
        channels: int = 32,
        layers: int = 6,
        kernel: int = 5,
        embedding: int = 16,
    ) -> None:
        super().__init__()
        extent(channels=channels, layers=layers, kernel=kernel, embedding=embedding)
        at_least(2, values=values)
        depth = grid_shape[0]
        if kernel % 2 == 0:
            raise GenlabError(f"kernel is {kernel}; it must be odd, so that it is centred on a pixel")
        if channels < depth:
            raise GenlabError(f"channels is {channels}, fewer than the {depth} of the grid; give more")
        self.grid_shape, self.values = tuple(grid_shape), values
        self.condition_size, self.map_channels = condition_size, map_channels
        self.embedding = nn.Embedding(values, embedding)
        with torch.no_grad():  # grey levels are ordered, and neighbours similar
            self.embedding.weight[:, 0] = torch.linspace(-1, 1, values)
        numbers = [channel for channel in range(depth) for _ in range(embedding)]
        features = [feature % depth for feature in range(channels)]
        self.layers = nn.ModuleList(  # type: ignore[assignment]  # a ModuleList of them
            GatedLayer(
                features if layer else numbers,
                features,
                FIRST_KERNEL if layer == 0 else kernel,
                is_first=layer == 0,
                condition_size=condition_size,
                map_channels=map_channels,
            )
            for layer in range(layers)
        )
        self.hidden = CausalConv(features, features)
        self.last = CausalConv(features, [*range(depth)] * values)

    def forward(self, grid: Tensor, condition: Tensor | None = None, map: Tensor | None = None) -> Tensor:
        """Compute the logits of all values.

        Args:
            grid: (B, C, H, W), int64.
            condition: (B, condition_size).
            map: (B, map_channels, H, W).
        """
        vertical = horizontal = self.embedded(grid)
        for layer in self.layers:
            vertical, horizontal = layer(vertical, horizontal, layer.shift(condition, map))
        return self.logits(self.last(self.hidden(horizontal.relu()).relu()))

    def embedded(self, grid: Tensor) -> Tensor:
        """Embed values: (B, C, H, W) to (B, C * embedding, H, W)."""
        embedded: Tensor = self.embedding(grid)
        return embedded.movedim(-1, 2).flatten(1, 2)

    def logits(self, outputs: Tensor) -> Tensor:
        """Split outputs by value and channel: (B, values * C, ...) to (B, values, C, ...)."""
        logits: Tensor = outputs.unflatten(1, (self.values, self.grid_shape[0]))
        return logits


class GatedLayer(nn.Module):
    """Layer of the vertical and the horizontal stack (figure 2).

    Features of the vertical stack know the rows above a place; those of the horizontal stack also know the row up to
    it. Both stacks are residual, so that deep ones learn.

    Args:
        order_in: channel of the grid that each feature belongs to.
        order: the same for the output.
        kernel: side of the vertical convolution; the horizontal one sees as far to the left.
        is_first: whether its input is the grid, where it must not see the place itself.
        condition_size: size of a condition.
        map_channels: number of channels of a map.
    """

    def __init__(
        self,
        order_in: Sequence[int],
        order: Sequence[int],
        kernel: int,
        *,
        is_first: bool,
        condition_size: int,
        map_channels: int,
    ) -> None:
        super().__init__()
        fan_in, channels = len(order_in), len(order)
        self.reach, self.is_first = kernel // 2, is_first
        self.vertical = nn.Conv2d(fan_in, 2 * channels, (self.reach + (not is_first), kernel))
        self.link = nn.Conv2d(2 * channels, 2 * channels, 1)
        self.horizontal = CausalConv(order_in, [*order, *order], self.reach + 1, strict=is_first)
        self.output = CausalConv(order, order)
        self.condition = nn.Linear(condition_size, 4 * channels, bias=False) if condition_size else None
        self.map = nn.Conv2d(map_channels, 4 * channels, 1, bias=False) if map_channels else None

    def forward(
        self, vertical: Tensor, horizontal: Tensor, shift: tuple[Tensor, Tensor] | None
    ) -> tuple[Tensor, Tensor]:
        rows = vertical.shape[2]
        above = self.vertical(F.pad(vertical, (self.reach, self.reach, self.reach, 0)))[:, :, :rows]
        across = self.horizontal(F.pad(horizontal, (self.reach, 0)))
        if shift:
            above, across = above + shift[0], across + shift[1]
        across = self.output(gated(across + self.link(above)))
        if self.is_first:
            return gated(above), across
        return vertical + gated(above), horizontal + across

    def shift(self, condition: Tensor | None, map: Tensor | None) -> tuple[Tensor, Tensor] | None:
        """Compute what a condition and a map add before the gates: two tensors (B, 2 * channels, H or 1, W or 1)."""
        parts = []
        if self.condition is not None and condition is not None:
            parts.append(self.condition(condition.to(self.condition.weight))[:, :, None, None])
        if self.map is not None and map is not None:
            parts.append(self.map(map.to(self.map.weight)))
        if not parts:
            return None
        vertical, horizontal = sum(parts[1:], parts[0]).chunk(2, 1)
        return vertical, horizontal


class CausalConv(nn.Conv2d):
    """Convolution along rows whose last tap is at the place itself, where features see no later channels of the grid.

    Args:
        order_in: channel of the grid that each feature belongs to.
        order: the same for the output.
        taps: number of taps, the place itself included.
        strict: whether features do not even see their own channel at the place itself.
    """

    mask: Tensor | None

    def __init__(self, order_in: Sequence[int], order: Sequence[int], taps: int = 1, *, strict: bool = False) -> None:
        super().__init__(len(order_in), len(order), (1, taps))
        seen = [[before + strict <= channel for before in order_in] for channel in order]
        mask = self.weight.new_ones(self.weight.shape, requires_grad=False)
        mask[:, :, 0, -1] = mask.new_tensor(seen)
        self.register_buffer("mask", None if all(map(all, seen)) else mask, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        return F.conv2d(x, self.causal_weight, self.bias)

    @property
    def causal_weight(self) -> Tensor:
        """The weight, with 0 for what must not be seen, (out, in, 1, taps)."""
        return self.weight if self.mask is None else self.weight * self.mask


def gated(features: Tensor) -> Tensor:
    """Gate one half of features with the other (equation 2): (B, 2 * channels, ...) to (B, channels, ...)."""
    value, gate = features.chunk(2, 1)
    return value.tanh() * gate.sigmoid()
