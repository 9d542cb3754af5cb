"""Sheets: what a model does with a batch, as titled and labelled grids of images.

Each function turns a model, images and a generator of noise into a `Sheet`; tools and training draw these. In Python,
`genlab.sheets.reconstructions(model, images).figure()` is a matplotlib figure. A model is used in the mode that it is
in: `genlab.load` gives it in evaluation mode.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import torch
from torch import Generator, Tensor

from genlab.drawing import ColorMap, Sheet, save
from genlab.models.capabilities import (
    Conditional,
    Reconstructs,
    Samples,
    Translates,
    reconstructed,
    seen_in,
    translated,
)

__all__ = [
    "ColorMap",
    "Sheet",
    "in_rows",
    "in_training",
    "reconstructions",
    "samples",
    "samples_by_condition",
    "save",
    "stacked",
    "translations",
]


def in_rows(images: Tensor, columns: int, **options: Any) -> Sheet:
    """Images (B, C, H, W) in [0, 1], row by row; `options` are those of a `Sheet`."""
    return Sheet(_filled(images, min(columns, len(images))), **options)


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
def samples(model: Samples, count: int = 64, columns: int = 8, generator: Generator | None = None) -> Sheet:
    """New images.

    Args:
        model: what draws them; a conditional model does so under a condition, `model.given(condition)`.
        count: how many.
        columns: images in a row.
        generator: of their noise, on the CPU.
    """
    return in_rows(model.sample(count, generator=generator), columns, title="Samples", subject=_name(model))


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
        columns: codes, the same for each condition.
        generator: of the codes, on the CPU.
        truth: for conditions that are images, what they belong to, (N, C, H, W), on the right.
    """
    codes = torch.randn(columns, model.code_size, generator=generator).to(conditions.device)
    drawn = torch.stack([model.given(condition[None]).decode(codes) for condition in conditions])
    labels = [f"sample {number}" for number in range(1, columns + 1)]
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
    batch: Mapping[str, Tensor],
    columns: int = 8,
    generator: Generator | None = None,
) -> dict[str, Sheet]:
    """Images above their translations and, of pairs, the truth: a sheet for each direction in which a batch allows it.

    Args:
        model: what translates.
        batch: pairs, `source` and `target`, or images of two domains, `a` and `b`; see `genlab.types`.
        columns: images in a row.
        generator: of the noise of translating, on the CPU.
    """
    return {
        direction: stacked(
            dict(zip(("input", "output", "truth"), kinds, strict=False)),
            columns,
            title=f"Translations {direction.replace('_to_', ' → ')}",
            subject=_name(model),
        )
        for direction, kinds in translated(model, dict(batch), generator or torch.Generator().manual_seed(0)).items()
    }


@torch.no_grad()
def in_training(model: Any, batch: Mapping[str, Tensor], count: int, seed: int) -> dict[str, Sheet]:
    """What a model can do, while it trains: sheets, called as the tools that draw the same.

    Args:
        model: any.
        batch: validation images, or none.
        count: images of a kind in a sheet, as far as conditions allow.
        seed: of samples' codes and of noise.
    """
    sheets = {}
    noise = torch.Generator().manual_seed(seed)
    columns = min(8, count)
    if isinstance(model, Conditional):
        if batch:
            sheets["sample"] = _samples_in_training(model, batch, count, noise)
    elif isinstance(model, Samples):
        sheets["sample"] = samples(model, count, columns, noise)
    if (
        batch
        and ("image" in batch or isinstance(model, Conditional))
        and isinstance(seen_in(model, batch)[0], Reconstructs)
    ):
        sheets["reconstruct"] = reconstructions(model, batch, columns, torch.Generator().manual_seed(seed))
    if batch and isinstance(model, Translates):
        for direction, sheet in translations(model, batch, columns, noise).items():
            sheets["translate" if direction == "a_to_b" else f"translate-{direction}"] = sheet
    return sheets


def conditions_in_turn(model: Conditional, usual: Tensor | None = None) -> tuple[Tensor, list[str]]:
    """Conditions to sample under, (N, ...) as a model's `given` takes them, and their names.

    Every class; or the usual attributes (number of attributes,), by default none, then each of them the other way.
    """
    if model.num_classes:
        return torch.arange(model.num_classes), list(model.class_names)
    if usual is None:
        usual = torch.zeros(len(model.attribute_names))
    flipped = (usual - torch.eye(len(usual)).to(usual)).abs()
    changes = [
        name if has else f"not {name}" for name, has in zip(model.attribute_names, flipped.diag().tolist(), strict=True)
    ]
    return torch.cat([usual[None], flipped]), ["most common", *changes]


def subject_of(model: object, data: Mapping[str, Any] = MappingProxyType({}), epochs: int | None = None) -> str:
    """What pictures say of a model, such as "VAE on CelebA, epoch 20".

    Args:
        model: any.
        data: the hyperparameters of its DataModule, as a checkpoint keeps them.
        epochs: how many it was trained for.
    """
    name = _data_name(data)
    return type(model).__name__ + (f" on {name}" if name else "") + (f", epoch {epochs}" if epochs else "")


def _data_name(described: Mapping[str, Any]) -> str:
    """A DataModule's class, its folder when it is one of folders, and before both the data that it makes its own of."""
    name = str(described.get("_class_path", described.get("class_path", ""))).rpartition(".")[2]
    arguments = described.get("init_args", described)
    if isinstance(arguments.get("data"), Mapping):
        return f"{_data_name(arguments['data'])} ({name})"
    return Path(arguments["folder"]).name or name if isinstance(arguments.get("folder"), str) else name


def _samples_in_training(model: Conditional, batch: Mapping[str, Tensor], count: int, noise: Generator) -> Sheet:
    if model.source_shape:
        seen, originals = seen_in(model, batch)
        kinds = {"input": batch["source"], "sample": seen.sample(len(originals), generator=noise), "truth": originals}
        return stacked(kinds, min(8, count), title="Samples by condition", subject=_name(model))
    usual = None if model.num_classes else batch["attributes"].mean(0).round()
    conditions, names = conditions_in_turn(model, usual)
    conditions, names = conditions[:count].to(next(iter(batch.values())).device), names[:count]
    return samples_by_condition(model, conditions, names, max(1, min(8, count // len(names))), noise)


def _filled(images: Tensor, columns: int) -> Tensor:
    """Images (B, C, H, W), row by row: (rows, columns, C, H, W) on the CPU; NaN fills the last row up."""
    images = images.detach().float().cpu()
    blank = images.new_full((-len(images) % columns, *images.shape[1:]), torch.nan)
    filled: Tensor = torch.cat([images, blank]).unflatten(0, (-1, columns))
    return filled


def _alike(parts: Sequence[Tensor]) -> list[Tensor]:
    """Images (..., C, H, W) on the CPU, grey ones as RGB where there are RGB ones beside them."""
    channels = max(part.shape[-3] for part in parts)
    return [part.detach().float().cpu().expand(*part.shape[:-3], channels, -1, -1) for part in parts]


def _name(model: object) -> str:
    return type(model).__name__
