"""Sheets of the effects of styles and noise: mixed styles, and other noise."""

from collections.abc import Mapping, Sequence

import torch
from torch import Generator, Tensor

from genlab.capabilities import Styled
from genlab.pictures.drawing import Sheet
from genlab.sheets.grids import alike, number

AT_ONCE = 100
"""Number of images that are made at a time."""


@torch.no_grad()
def mixes(model: Styled, sources: Tensor, destinations: Tensor, layers: Mapping[str, Sequence[int]]) -> Sheet:
    """Draw images with the styles of a destination, but a source's in some layers (Karras et al. 2019, figure 3).

    The sources are on top, the destinations on the left; for each group of layers, there is a block of rows.

    Args:
        model: the model that makes them.
        sources: styles, (S, num_layers, style_size).
        destinations: styles, (D, num_layers, style_size).
        layers: the layers that have the styles of sources, by the name of the group.
    """
    across, down = model.synthesize(sources), model.synthesize(destinations)
    rows = [torch.cat([torch.full_like(across[:1], torch.nan), across])]
    for chosen in layers.values():
        for destination, image in zip(destinations, down, strict=True):
            mixed = destination.repeat(len(sources), 1, 1)
            mixed[:, [*chosen]] = sources[:, [*chosen]]
            rows.append(torch.cat([image[None], model.synthesize(mixed)]))
    height = len(destinations)
    names = [f"{name}\n{_span(chosen)}" for name, chosen in layers.items()]
    return Sheet(
        torch.stack(rows).float().cpu(),
        title="Mixed styles",
        subject=type(model).__name__,
        row_labels=["", *(name if row == 0 else "" for name in names for row in range(height))],
        column_labels=["", *map(str, range(1, len(sources) + 1))],
        row_axis="destinations, but with the styles of sources in these layers",
        column_axis="sources",
        row_breaks=[1 + height * block for block in range(len(names))],
        column_breaks=[1],
    )


@torch.no_grad()
def noises(
    model: Styled,
    styles: Tensor,
    layers: Sequence[int],
    others: int = 4,
    draws: int = 100,
    generator: Generator | None = None,
) -> Sheet:
    """Draw images of styles, the same images with other noise, and each pixel's standard deviation over many draws.

    (Karras et al. 2019, figure 4.)

    Args:
        model: the model that makes them.
        styles: (N, num_layers, style_size).
        layers: the layers whose noise is drawn; the noise of others stays.
        others: number of images with other noise.
        draws: number of draws for the standard deviation, which is averaged over channels.
        generator: generator of the noise, on the CPU.
    """
    rows, deviations = [], []
    for style in styles:
        shown = [model.synthesize(style[None]).cpu()]
        total = squares = torch.zeros_like(shown[0][0], dtype=torch.float64)
        for some in torch.arange(draws).split(AT_ONCE):
            drawn = with_noise(model, style, len(some), layers, generator)
            shown.append(drawn[: max(0, others - int(some[0]))])
            differences = drawn.double() - shown[0]
            total, squares = total + differences.sum(0), squares + differences.square().sum(0)
        rows.append(torch.cat(shown))
        variance = (squares / draws - (total / draws).square()).clamp(min=0)
        deviations.append(variance.sqrt().float().mean(0, keepdim=True))
    spread = torch.stack(deviations)[:, None]
    largest = spread.max().clamp(min=1e-12)
    names = ["image", *(f"noise {position}" for position in range(1, others + 1))]
    return Sheet(
        torch.cat(alike([torch.stack(rows), spread / largest]), 1),
        title=f"Other noise in {_span(layers)}; sd of {draws} (white: {number(float(largest), 2)})",
        subject=type(model).__name__,
        column_labels=[*names, "sd"],
        column_breaks=[1, 1 + others],
    )


def with_noise(model: Styled, style: Tensor, n: int, layers: Sequence[int], generator: Generator | None) -> Tensor:
    """Make images of one style (num_layers, style_size) with new noise in some layers: (n, C, H, W), on the CPU."""
    noise = [one if layer in layers else None for layer, one in enumerate(model.draw_noise(n, generator=generator))]
    return model.synthesize(style.expand(n, -1, -1), noise=noise).cpu()


def _span(layers: Sequence[int]) -> str:
    """Name layers, such as "layers 0 to 3"."""
    first, last = min(layers), max(layers)
    if len(layers) == 1:
        return f"layer {first}"
    if sorted(layers) == [*range(first, last + 1)]:
        return f"layers {first} to {last}"
    return f"layers {', '.join(map(str, layers))}"
