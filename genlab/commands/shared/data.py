"""Data of a checkpoint, as a user's --data and --data.KEY change them, and their attributes."""

import copy
import json
from collections.abc import Sequence
from typing import Any

from lightning.pytorch import LightningDataModule
from torch import Tensor

from genlab.data.batches.tensors import ImageTensors
from genlab.errors import GenlabError, suggestion
from genlab.hparams import as_section
from genlab.parsing import spelling
from genlab.parsing.parser import ExplainingParser


def changed_data(described: str | dict[str, Any], settings: Sequence[str]) -> LightningDataModule:
    """Build data as `fit` does.

    Args:
        described: the name of a class, or the description in a checkpoint.
        settings: `--data.KEY=VALUE`.

    Raises:
        GenlabError: for settings that the class does not take.
    """
    if isinstance(described, dict):
        if "_class_path" not in described:
            raise GenlabError(f"{settings[0]} changes nothing: the checkpoint does not say what data it was trained on")
        described = json.dumps(as_section(described))
    spelling.check("data", [f"--data={described}", *settings])
    parser = ExplainingParser()
    parser.add_lightning_class_args(LightningDataModule, "data", subclass_mode=True)
    config = parser.parse_args([f"--data={described}", *settings])
    data: LightningDataModule = parser.instantiate_classes(config).data
    return data


def without(description: dict[str, Any], settings: Sequence[str]) -> dict[str, Any]:
    """Remove what settings, `--data.KEY=VALUE`, replace from a description: a user's own paths need no trust."""
    left = copy.deepcopy(description)
    for setting in settings:
        *path, last = setting.partition("=")[0].removeprefix("--data.").split(".")
        inner: Any = left
        for part in path:
            inner = inner.get(part, {}) if isinstance(inner, dict) else {}
            inner = inner.get("init_args", inner) if isinstance(inner, dict) else {}
        if isinstance(inner, dict):
            inner.pop(last, None)
    return left


def attribute_of(images: ImageTensors, data: Any, attribute: str) -> Tensor:
    """Whether images have an attribute: (N,), bool.

    Args:
        images: one of the splits.
        data: the DataModule, which knows the names of attributes.
        attribute: the name.

    Raises:
        GenlabError: when the data do not have the attribute.
    """
    position = position_of(data, attribute)
    return images.facts["attributes"][images.rows, position] > 0


def position_of(data: Any, attribute: str) -> int:
    """Return the position of an attribute among those of a DataModule.

    Raises:
        GenlabError: when the data do not have the attribute.
    """
    if attribute not in data.attribute_names:
        hint = suggestion(attribute, data.attribute_names)
        raise GenlabError(f"{type(data).__name__} has no attribute {attribute}; {hint}")
    position: int = data.attribute_names.index(attribute)
    return position
