"""Sheets: what a model does with a batch, as titled and labelled grids of images.

Each function turns a model, images and a generator of noise into a `Sheet`; tools and training draw these. In Python,
`genlab.sheets.reconstructions(model, images).figure()` is a matplotlib figure. A model is used in the mode that it is
in: `genlab.load` gives it in evaluation mode.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import torch
from torch import Generator, Tensor, nn

from genlab.capabilities import (
    Conditional,
    Decodes,
    Reconstructs,
    Samples,
    Translates,
    can,
    can_given,
    reconstructed,
    seen_in,
)
from genlab.errors import GenlabError
from genlab.latent import lerp, normal_lattice, square
from genlab.models.image_model import ImageModel
from genlab.pictures.drawing import ColorMap, Drawable, Sheet, save
from genlab.pictures.lines import Lines

__all__ = [
    "ColorMap",
    "Lines",
    "Sheet",
    "edits",
    "features",
    "in_rows",
    "in_training",
    "interpolations",
    "interpolations_of_four",
    "manifold",
    "number",
    "of_samples",
    "reconstructions",
    "samples",
    "samples_by_condition",
    "save",
    "stacked",
    "transfers",
    "translations",
    "traversals",
]

AT_ONCE = 500
"""Codes that a model decodes at a time."""


def in_rows(images: Tensor, columns: int, **options: Any) -> Sheet:
    """Images (B, C, H, W) in [0, 1], row by row; `options` are those of a `Sheet`."""
    return Sheet(_filled(images, min(columns, len(images))), **options)


def of_samples(observations: Tensor | Sequence[str], columns: int = 8, **options: Any) -> "Sheet | Lines":
    """Draw what a model has sampled: images (B, C, H, W) as a grid, texts as lines; `options` are those of either."""
    if isinstance(observations, Tensor):
        return in_rows(observations, columns, **options)
    return Lines(observations, **options)


def stacked(kinds: Mapping[str, Tensor], columns: int, **options: Any) -> Sheet:
    """Images of several kinds, each row of one above the row of the next: by name, (B, C, H, W) in [0, 1].

    `options` are those of a `Sheet`.
    """
    columns = min(columns, len(next(iter(kinds.values()))))
    rows = torch.stack(_alike([_filled(images, columns) for images in kinds.values()]), 1)
    return Sheet(
        rows.flatten(0, 1),
        row_labels=[*kinds] * len(rows),
        row_breaks=range(0, len(rows) * len(kinds), len(kinds)),
        **options,
    )


@torch.no_grad()
def samples(model: Samples, count: int = 64, columns: int = 8, generator: Generator | None = None) -> "Sheet | Lines":
    """Draw new images, or texts.

    Args:
        model: what draws them; a conditional model does so under a condition, `model.given(condition)`.
        count: how many.
        columns: images in a row.
        generator: of their noise, on the CPU.
    """
    return of_samples(model.sample(count, generator=generator), columns, title="Samples", subject=_name(model))


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
        torch.cat(_alike(parts), 1),
        title="Samples by condition",
        subject=_name(model),
        row_labels=names,
        column_labels=labels,
        column_breaks=[1, columns + 1] if len(parts) > 1 else [],
    )


@torch.no_grad()
def reconstructions(model: Any, batch: Any, columns: int = 8, generator: Generator | None = None) -> Sheet:
    """Images above their reconstructions; of a denoising model, with what it sees of them in between.

    Args:
        model: what reconstructs; of a conditional model, under the conditions of the batch.
        batch: images (B, C, H, W) in [0, 1], or a batch with them, as a dict.
        columns: images in a row.
        generator: of the corruption's noise, on the CPU.
    """
    able, originals = (model, batch) if isinstance(batch, Tensor) else seen_in(model, batch)
    kinds = reconstructed(able, originals, generator or torch.Generator().manual_seed(0))
    names = ("input", "output") if len(kinds) == 2 else ("original", "input", "output")
    return stacked(dict(zip(names, kinds, strict=True)), columns, title="Reconstructions", subject=_name(model))


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
    return stacked(
        kinds if truth is None else kinds | {"truth": truth},
        columns,
        title=f"Translations {direction.replace('_to_', ' → ')}",
        subject=_name(model),
    )


@torch.no_grad()
def interpolations(
    model: Decodes,
    start: Tensor,
    end: Tensor,
    steps: int = 9,
    path: Callable[[Tensor, Tensor, int], Tensor] = lerp,
) -> Sheet:
    """Images of the codes on the ways from some codes to others, a way in each row.

    Args:
        model: what decodes them.
        start: codes, (N, code_size).
        end: codes, (N, code_size).
        steps: images in a row, both ends included.
        path: `genlab.latent.lerp` or `genlab.latent.slerp`.
    """
    codes = path(start, end, steps)
    return Sheet(
        _decoded(model, codes),
        title=f"{'Linear' if path is lerp else 'Spherical'} interpolations",
        subject=_name(model),
        column_labels=_shares(steps, "start", "end"),
        column_axis="share of the way",
    )


@torch.no_grad()
def interpolations_of_four(model: Decodes, corners: Tensor, side: int = 9) -> Sheet:
    """Images of the codes on a square between four: (4, code_size), from left to right, then from top to bottom."""
    return Sheet(
        _decoded(model, square(corners, side).unflatten(0, (side, side))),
        title="Interpolations of four images",
        subject=_name(model),
        row_labels=_shares(side, "top", "bottom"),
        column_labels=_shares(side, "left", "right"),
    )


@torch.no_grad()
def manifold(model: Decodes, side: int = 20) -> Sheet:
    """The images of a lattice of 2-D codes, evenly spaced in the prior's probability (Kingma & Welling 2013, figure 4).

    Args:
        model: what decodes codes of two dimensions, whose prior is N(0, I).
        side: images along each side.
    """
    lattice = normal_lattice(side)
    names = [f"{value:.2f}".replace("-", "−") for value in lattice[:side, 0].tolist()]  # noqa: RUF001
    return Sheet(
        _decoded(model, lattice.unflatten(0, (side, side))),
        title="Manifold of the code",
        subject=_name(model),
        row_labels=names[::-1],
        column_labels=names,
        row_axis="z₂, at even quantiles of the prior",
        column_axis="z₁, at even quantiles of the prior",
    )


@torch.no_grad()
def traversals(model: Decodes, code: Tensor, units: Tensor, values: Tensor, image: Tensor | None = None) -> Sheet:
    """The images of a code with single units changed, a unit in each row.

    Args:
        model: what decodes it.
        code: (code_size,).
        units: those that change, one after the other, (units,), int64.
        values: what each of them changes to, (units, steps).
        image: what the code is of, (C, H, W), shown in the first column.
    """
    rows, steps = values.shape
    changed = code.repeat(rows, steps, 1)
    changed.scatter_(2, units[:, None, None].expand(-1, steps, 1), values[..., None])
    drawn = _decoded(model, changed)
    sheet = Sheet(drawn, "Traversals of single units", _name(model), [f"unit {unit}" for unit in units.tolist()])
    return sheet if image is None else _beside_first(image.expand(rows, -1, -1, -1), "image", sheet)


@torch.no_grad()
def edits(
    models: Decodes | Sequence[Decodes], codes: Tensor, direction: Tensor, strengths: Tensor, name: str, images: Tensor
) -> Sheet:
    """The images of codes that are moved along a direction, a strength in each column.

    Args:
        models: what decodes them, or one for each, such as a conditional model under each image's condition.
        codes: (N, code_size).
        direction: such as `genlab.latent.attribute_vector` finds, (code_size,).
        strengths: multiples of the direction, (steps,).
        name: what the direction changes.
        images: what the codes are of, (N, C, H, W), shown in the first column.
    """
    decoders = models if isinstance(models, Sequence) else [models] * len(codes)
    moved = codes[:, None] + strengths[:, None] * direction
    edited = [_decoded(decoder, row[None]) for decoder, row in zip(decoders, moved, strict=True)]
    sheet = Sheet(
        torch.cat(edited),
        title=f"Edits of {name}",
        subject=_name(decoders[0]),
        column_labels=[number(round(value, 3), sign=True) for value in strengths.tolist()],
        column_axis=f"strength of {name}",
    )
    return _beside_first(images, "image", sheet)


@torch.no_grad()
def transfers(model: Conditional, batch: Any) -> Sheet:
    """Images of a batch under other conditions: encoded under their own, decoded under each class or changed attribute.

    Args:
        model: of labels or attributes, whose `given` encodes and decodes.
        batch: images with their labels or attributes, as a dict; see `genlab.types`.
    """
    originals, own = model.images(batch), model.condition.find(batch, model)
    others, names = model.condition.others(own)
    labels = model.condition.names(own)
    rows, columns = ("class of the image", "decoded as class") if labels else ("", "with one attribute the other way")
    codes = model.given(own).encode(originals)
    changed = torch.stack([model.given(condition).decode(codes) for condition in others.unbind(1)], 1)
    sheet = Sheet(changed.cpu(), "Transfers", _name(model), labels, names, rows, columns)
    return _beside_first(originals, "image", sheet)


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
        subject=_name(model),
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


@torch.no_grad()
def in_training(model: Any, batch: Mapping[str, Tensor], count: int, seed: int) -> dict[str, Drawable]:
    """Draw what a model can do while it trains: sheets, by the names of the tools that draw the same.

    Args:
        model: any.
        batch: validation images, or none.
        count: images of a kind in a sheet, as far as conditions allow.
        seed: of samples' codes and of noise.
    """
    sheets: dict[str, Drawable] = {}
    noise = torch.Generator().manual_seed(seed)
    columns = min(8, count)
    draws = can(model, Samples)
    if can(model, Conditional):
        if batch and draws:
            sheets["sample"] = _samples_in_training(model, batch, count, noise)
    elif can(model, Samples):
        sheets["sample"] = samples(model, count, columns, noise)
    if batch and ("image" in batch or can(model, Conditional)) and can_given(model, Reconstructs):
        sheets["reconstruct"] = reconstructions(model, batch, columns, torch.Generator().manual_seed(seed))
    if batch and can(model, Translates):
        starts = {"a_to_b": batch["source"]} if "source" in batch else {way: batch[way[0]] for way in model.directions}
        truth = batch.get("target")
        for way, start in starts.items():
            sheets[translation_name(way)] = translations(model, start, way, truth, columns, noise)
    return sheets


def translation_name(direction: str) -> str:
    """Name the picture of a direction's translations."""
    return "translate" if direction == "a_to_b" else f"translate-{direction}"


def subject_of(model: object, data: Mapping[str, Any] = MappingProxyType({}), epochs: int | None = None) -> str:
    """Name a model in a picture's title, such as "VAE on CelebA, epoch 20".

    Args:
        model: any.
        data: the hyperparameters of its DataModule, as a checkpoint keeps them.
        epochs: how many it was trained for.
    """
    name = _data_name(data)
    return type(model).__name__ + (f" on {name}" if name else "") + (f", epoch {epochs}" if epochs else "")


def _data_name(described: Mapping[str, Any]) -> str:
    """A DataModule's class, or its folder when it is one of folders; of data made from other data, the others' name."""
    arguments = described.get("init_args", described)
    for made_from in ("data", "pairs"):
        if isinstance(arguments.get(made_from), Mapping):
            return _data_name(arguments[made_from])
    name = str(described.get("_class_path", described.get("class_path", ""))).rpartition(".")[2]
    return Path(arguments["folder"]).name or name if isinstance(arguments.get("folder"), str) else name


def _samples_in_training(model: Conditional, batch: Mapping[str, Tensor], count: int, noise: Generator) -> Sheet:
    if model.condition.image_shape:
        seen, originals = seen_in(model, batch)
        kinds = {
            "input": batch[model.condition.key],
            "sample": seen.sample(len(originals), generator=noise),
            "truth": originals,
        }
        return stacked(kinds, min(8, count), title="Samples by condition", subject=_name(model))
    conditions, names = model.condition.every(batch, lambda: batch["attributes"].mean(0).round())
    conditions, names = conditions[:count].to(next(iter(batch.values())).device), names[:count]
    return samples_by_condition(model, conditions, names, max(1, min(8, count // len(names))), noise)


def _filled(images: Tensor, columns: int) -> Tensor:
    """Images (B, C, H, W), row by row: (rows, columns, C, H, W) on the CPU; NaN fills the last row up."""
    images = images.detach().float().cpu()
    blank = images.new_full((-len(images) % columns, *images.shape[1:]), torch.nan)
    filled: Tensor = torch.cat([images, blank]).unflatten(0, (-1, columns))
    return filled


def _decoded(model: Decodes, codes: Tensor) -> Tensor:
    """The images of codes (rows, columns, code_size), on the CPU."""
    parts = [model.decode(some).cpu() for some in codes.flatten(0, 1).split(AT_ONCE)]
    images: Tensor = torch.cat(parts).unflatten(0, codes.shape[:2])
    return images


def _beside_first(images: Tensor, name: str, sheet: Sheet) -> Sheet:
    """A sheet with one more column on the left, of images (rows, C, H, W)."""
    labels = sheet.column_labels or [""] * sheet.tiles.shape[1]
    tiles = torch.cat(_alike([images[:, None], sheet.tiles]), 1)
    return replace(sheet, tiles=tiles, column_labels=[name, *labels], column_breaks=[1])


def _shares(steps: int, first: str, last: str) -> list[str]:
    """Label the steps of an interpolation by their share of the way."""
    between = [number(round(step / (steps - 1), 3)) for step in range(1, steps - 1)]
    return [first, *between, last][:steps]


def number(value: float, digits: int = 3, sign: bool = False) -> str:
    """Write a number with a few digits, and with the minus that is printed in a text."""
    text = f"{value:+.{digits}g}" if sign and value else f"{abs(value) if value == 0 else value:.{digits}g}"
    return text.replace("-", "−")  # noqa: RUF001


def _alike(parts: Sequence[Tensor]) -> list[Tensor]:
    """Images (..., C, H, W) on the CPU, grey ones as RGB where there are RGB ones beside them."""
    channels = max(part.shape[-3] for part in parts)
    return [part.detach().float().cpu().expand(*part.shape[:-3], channels, -1, -1) for part in parts]


def _name(model: object) -> str:
    return type(model).__name__
