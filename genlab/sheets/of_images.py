"""Sheets of samples, of what a model makes of images, and of its first layer's weights."""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Generator, Tensor, nn

from genlab.capabilities import (
    Conditional,
    KnowsDeviation,
    KnowsWords,
    Quantizes,
    Samples,
    SamplesInSteps,
    Translates,
    as_seen,
    can,
    reconstructed,
    seen_in,
)
from genlab.errors import GenlabError
from genlab.models.image_model import ImageModel
from genlab.pictures.drawing import ColorMap, Sheet
from genlab.pictures.lines import Lines, in_blocks
from genlab.sheets.code_grids import coloured_grids
from genlab.sheets.grids import alike, in_rows, number, of_samples, stacked


@torch.no_grad()
def samples(model: Samples, count: int = 64, columns: int = 8, generator: Generator | None = None) -> "Sheet | Lines":
    """Draw new images, or texts.

    Args:
        model: what draws them; a conditional model does so under a condition, `model.given(condition)`.
        count: how many.
        columns: images in a row.
        generator: of their noise, on the CPU.
    """
    made = as_seen(model, model.sample(count, generator=generator))
    return of_samples(made, columns, title="Samples", subject=type(model).__name__)


@torch.no_grad()
def on_the_way(model: SamplesInSteps, count: int = 8, moments: int = 8, generator: Generator | None = None) -> Sheet:
    """New images, each in a row, from the noise that it began as.

    Args:
        model: what makes them in steps.
        count: how many.
        moments: images in a row, the noise and the sample included.
        generator: of the noise, on the CPU.
    """
    shares = [number(round(moment / max(1, moments - 1), 3)) for moment in range(moments)]
    return Sheet(
        model.on_the_way(count, moments, generator=generator).cpu(),
        title="From noise to samples",
        subject=type(model).__name__,
        column_labels=shares,
        column_axis="share of the steps",
    )


@torch.no_grad()
def samples_by_condition(
    model: Conditional,
    conditions: Tensor,
    names: Sequence[str] = (),
    columns: int = 8,
    generator: Generator | None = None,
    truth: Tensor | None = None,
) -> Sheet:
    """New images of a conditional model: a row for each condition, a column for each code.

    Args:
        model: what draws them.
        conditions: (N, ...), as the model's `given` takes them; images stand on the left of their samples.
        names: of the conditions, as labels of the rows.
        columns: samples under each condition, all of the same noise.
        generator: of the noise, on the CPU.
        truth: for conditions that are images, what they belong to, (N, C, H, W), on the right.
    """
    random = generator or torch.default_generator
    start, rows = random.get_state(), []
    for condition in conditions:
        random.set_state(start)
        rows.append(model.given(condition[None]).sample(columns, generator=random))
    drawn = torch.stack(rows)
    labels = [f"sample {position}" for position in range(1, columns + 1)]
    parts = [drawn]
    if conditions.ndim == 4:
        parts.insert(0, conditions[:, None])
        labels.insert(0, "input")
    if truth is not None:
        parts.append(truth[:, None])
        labels.append("truth")
    return Sheet(
        torch.cat(alike(parts), 1),
        title="Samples by condition",
        subject=type(model).__name__,
        row_labels=names,
        column_labels=labels,
        column_breaks=[1, columns + 1] if len(parts) > 1 else [],
    )


@torch.no_grad()
def reconstructions(model: Any, batch: Any, columns: int = 8, generator: Generator | None = None) -> "Sheet | Lines":
    """Images, or texts, above their reconstructions; of a denoising model, with what it sees of them in between.

    Of a model whose codes are grids, these are below, each code in a colour of its own: similar codes in similar ones.

    Args:
        model: what reconstructs; of a conditional model, under the conditions of the batch.
        batch: images (B, C, H, W) in [0, 1], or sentences (B, T), or a batch with them, as a dict.
        columns: images in a row.
        generator: of the corruption's noise, on the CPU.
    """
    able, originals = (model, batch) if isinstance(batch, Tensor) else seen_in(model, batch)
    kinds = reconstructed(able, originals, generator or torch.Generator().manual_seed(0))
    names = ("input", "output") if len(kinds) == 2 else ("original", "input", "output")
    if can(able, KnowsWords):
        texts = zip(*map(able.sentences, kinds), strict=True)
        return in_blocks(names, [*texts], title="Reconstructions", subject=type(model).__name__)
    rows = dict(zip(names, kinds, strict=True))
    if can(able, Quantizes):
        rows |= coloured_grids(able, originals)
    return stacked(rows, columns, title="Reconstructions", subject=type(model).__name__)


@torch.no_grad()
def translations(
    model: Translates,
    images: Tensor,
    direction: str = "a_to_b",
    truth: Tensor | None = None,
    columns: int = 8,
    generator: Generator | None = None,
) -> Sheet:
    """Images above their translations and, where it is known, the truth.

    Args:
        model: what translates.
        images: (B, C, H, W) in [0, 1].
        direction: one of the model's.
        truth: what the images should become, (B, C', H, W).
        columns: images in a row.
        generator: of the noise of translating, on the CPU.
    """
    kinds = {"input": images, "output": model.translate(images, direction=direction, generator=generator)}
    if can(model, KnowsDeviation):
        deviation = model.moments(images, generator)["deviation"]
        largest = deviation.max().item()
        kinds[f"deviation\n(white: {number(largest, 2)})"] = deviation / max(largest, 1e-12)
    if truth is not None:
        kinds["truth"] = truth
    return stacked(
        kinds,
        columns,
        title=f"Translations {direction.replace('_to_', ' → ')}",
        subject=type(model).__name__,
    )


def features(model: nn.Module, count: int = 100, columns: int = 10) -> Sheet:
    """The first layer's weights, each unit's as an image: the input of given norm that excites it most (Ng 2011).

    Those with the largest norms, each scaled to its own range; of one channel, in colours whose white is 0.

    Args:
        model: one with a layer that sees whole images, or convolves them.
        count: units at most.
        columns: units in a row.
    """
    weights = first_weights(model).float().cpu()
    norms, order = weights.flatten(1).norm(dim=1).sort(descending=True)
    weights, norms = weights[order[:count]], norms[:count]
    scaled = weights / weights.abs().amax((1, 2, 3), keepdim=True).clamp(min=torch.finfo(weights.dtype).tiny)
    grey = scaled.shape[1] == 1
    sheet = in_rows(
        scaled if grey else 0.5 + 0.5 * scaled,
        columns,
        title=f"Features of the first layer: {len(weights)} of {len(order)} units, by norm",
        subject=type(model).__name__,
        colors=ColorMap("RdBu_r", -1.0, 1.0, "relative weight") if grey else None,
    )
    rows = norms.split(sheet.tiles.shape[1])
    ranges = [f"{row[0]:#.3g} to {row[-1]:#.3g}" for row in rows]
    return replace(sheet, row_labels=ranges, row_axis="norm of the weights")


def first_weights(model: nn.Module) -> Tensor:
    """The weights of the first layer that sees whole images, or convolves them: (units, C, H, W), their mean removed.

    Raises:
        GenlabError: for a model without such a layer.
    """
    if isinstance(model, ImageModel):
        channels, height, width = model.image_shape
        for layer in model.modules():
            if isinstance(layer, nn.Linear) and layer.in_features == math.prod(model.image_shape):
                weights = layer.weight.detach().view(-1, channels, height, width)
                return weights - weights.mean((1, 2, 3), keepdim=True)
            if isinstance(layer, nn.Conv2d) and layer.in_channels == channels:
                return layer.weight.detach()
    raise GenlabError(f"{type(model).__name__} has no layer whose weights could be drawn as images")
