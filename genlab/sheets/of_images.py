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
from genlab.models.shared.image_model import ImageModel
from genlab.pictures.drawing import ColorMap, Sheet
from genlab.pictures.lines import Lines, in_blocks
from genlab.sheets.code_grids import coloured_grids
from genlab.sheets.grids import alike, in_rows, number, of_samples, stacked


@torch.no_grad()
def samples(model: Samples, count: int = 64, columns: int = 8, generator: Generator | None = None) -> "Sheet | Lines":
    """Draw new images, or texts.

    Args:
        model: the model that samples; for a conditional model, `model.given(condition)`.
        count: number of samples.
        columns: images in a row.
        generator: generator of the noise, on the CPU.
    """
    made = as_seen(model, model.sample(count, generator=generator))
    return of_samples(made, columns, title="Samples", subject=type(model).__name__)


@torch.no_grad()
def on_the_way(model: SamplesInSteps, count: int = 8, moments: int = 8, generator: Generator | None = None) -> Sheet:
    """Draw new images, one per row, from the initial noise to the sample.

    Args:
        model: the model that samples in steps.
        count: number of samples.
        moments: images in a row, including the noise and the sample.
        generator: generator of the noise, on the CPU.
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
    """Draw new images of a conditional model: a row for each condition, a column for each code.

    Args:
        model: the model that samples.
        conditions: (N, ...), as the model's `given` takes them; images are shown on the left of their samples.
        names: names of the conditions, as row labels.
        columns: samples under each condition; each condition has the same noise.
        generator: generator of the noise, on the CPU.
        truth: for conditions that are images, the true images, (N, C, H, W), shown on the right.
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
    """Draw images, or texts, above their reconstructions; for a denoising model, with its corrupted input in between.

    If the codes are grids, they are drawn below, each code in its own colour: similar codes in similar colours.

    Args:
        model: the model that reconstructs; a conditional model does so under the conditions of the batch.
        batch: images (B, C, H, W) in [0, 1], or sentences (B, T), or a batch with them, as a dict.
        columns: images in a row.
        generator: generator of the corruption's noise, on the CPU.
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
    """Draw images above their translations and, if it is given, the truth.

    Args:
        model: the model that translates.
        images: (B, C, H, W) in [0, 1].
        direction: one of the model's directions.
        truth: the true translations, (B, C', H, W).
        columns: images in a row.
        generator: generator of the translation's noise, on the CPU.
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
        description=model.disclosure or "",
    )


def features(model: nn.Module, count: int = 100, columns: int = 10) -> Sheet:
    """Draw the first layer's weights, each unit's as an image: the input of fixed norm that excites it most (Ng 2011).

    The units with the largest norms are drawn, each scaled to its own range; for one channel, in colours with 0 white.

    Args:
        model: one with a layer that sees whole images, or convolves them.
        count: maximum number of units.
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
    """Return the weights of the first layer that sees whole images or convolves them, (units, C, H, W).

    Weights on whole images lose their mean.

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
