"""Pictures of a model while it trains, with their names and titles."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import torch
from torch import Generator, Tensor

from genlab.capabilities import Conditional, Reconstructs, Samples, Translates, can, can_given, seen_in
from genlab.pictures.drawing import Drawable, Sheet
from genlab.sheets.grids import stacked
from genlab.sheets.of_images import reconstructions, samples, samples_by_condition, translations


@torch.no_grad()
def in_training(model: Any, batch: Mapping[str, Tensor], count: int, seed: int) -> dict[str, Drawable]:
    """Draw what a model can do while it trains: sheets, by the names of the tools that draw the same.

    Args:
        model: any model.
        batch: validation images, or none.
        count: images of each kind in a sheet, as far as conditions allow.
        seed: seed of the samples' codes and of noise.
    """
    sheets: dict[str, Drawable] = {}
    noise = torch.Generator().manual_seed(seed)
    columns = min(8, count)
    if can(model, Samples) and not can(model, Conditional):
        sheets["sample"] = samples(model, count, columns, noise)
    if not batch:
        return sheets
    if can(model, Samples) and can(model, Conditional):
        sheets["sample"] = _samples_in_training(model, batch, count, noise)
    if (not {"image", "tokens"}.isdisjoint(batch) or can(model, Conditional)) and can_given(model, Reconstructs):
        sheets["reconstruct"] = reconstructions(model, batch, columns, torch.Generator().manual_seed(seed))
    if can(model, Translates):
        starts = {"a_to_b": batch["source"]} if "source" in batch else {way: batch[way[0]] for way in model.directions}
        truth = batch.get("target")
        for way, start in starts.items():
            sheets[translation_name(way)] = translations(model, start, way, truth, columns, noise)
    return sheets


def _samples_in_training(model: Conditional, batch: Mapping[str, Tensor], count: int, noise: Generator) -> Sheet:
    if model.condition.image_shape:
        seen, originals = seen_in(model, batch)
        kinds = {
            "input": batch[model.condition.key],
            "sample": seen.sample(len(originals), generator=noise),
            "truth": originals,
        }
        return stacked(kinds, min(8, count), title="Samples by condition", subject=type(model).__name__)
    conditions, names = model.condition.every(batch, lambda: batch["attributes"].float().mean(0).round())
    conditions, names = conditions[:count].to(next(iter(batch.values())).device), names[:count]
    return samples_by_condition(model, conditions, names, max(1, min(8, count // len(names))), noise)


def translation_name(direction: str) -> str:
    """Name the picture of a direction's translations."""
    return "translate" if direction == "a_to_b" else f"translate-{direction}"


def subject_of(model: object, data: Mapping[str, Any] = MappingProxyType({}), epochs: int | None = None) -> str:
    """Name a model in a picture's title, such as "VAE on CelebA, epoch 20".

    Args:
        model: any model.
        data: the hyperparameters of its DataModule, as in a checkpoint.
        epochs: number of epochs that it was trained for.
    """
    name = _data_name(data)
    return type(model).__name__ + (f" on {name}" if name else "") + (f", epoch {epochs}" if epochs else "")


def _data_name(described: Mapping[str, Any]) -> str:
    """Name data by their class, or by their folder if they have one; for data made from other data, by those."""
    arguments = described.get("init_args", described)
    for made_from in ("data", "pairs"):
        if isinstance(arguments.get(made_from), Mapping):
            return _data_name(arguments[made_from])
    name = str(described.get("_class_path", described.get("class_path", ""))).rpartition(".")[2]
    return Path(arguments["folder"]).name or name if isinstance(arguments.get("folder"), str) else name
