"""A checkpoint's data, as changed by --data and --data.KEY, and their attributes."""

import copy
import json
from collections.abc import Sequence
from typing import Any

from lightning.pytorch import LightningDataModule
from torch import Tensor

from genlab.errors import GenlabError, suggestion
from genlab.hparams import as_section
from genlab.parsing import spelling
from genlab.parsing.parser import ExplainingParser
from genlab.vocabulary import Vocabulary


def changed_data(described: str | dict[str, Any], settings: Sequence[str]) -> LightningDataModule:
    """Build a DataModule as `fit` does.

    Args:
        described: the name of a class, or the description in a checkpoint.
        settings: arguments `--data.KEY=VALUE`.

    Raises:
        GenlabError: for settings that the class does not have.
    """
    if isinstance(described, dict):
        if "_class_path" not in described:
            raise GenlabError(
                f"{settings[0]} has nothing to change: the checkpoint does not say what data it was trained on"
            )
        described = json.dumps(as_section(described))
    spelling.check("data", [f"--data={described}", *settings])
    parser = ExplainingParser()
    parser.add_lightning_class_args(LightningDataModule, "data", subclass_mode=True)
    config = parser.parse_args([f"--data={described}", *settings])
    data: LightningDataModule = parser.instantiate_classes(config).data
    return data


def without(description: dict[str, Any], settings: Sequence[str]) -> dict[str, Any]:
    """Remove from a description what settings `--data.KEY=VALUE` replace, since a user's own paths need no trust."""
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


def attribute_of(images: Any, data: Any, attribute: str) -> Tensor:
    """Return which images have an attribute or are of a class, or which sentences have a word: (N,), bool.

    Args:
        images: one of the splits.
        data: the DataModule, which has the names of attributes and classes, or the vocabulary.
        attribute: name of the attribute or class, or the word.

    Raises:
        GenlabError: when the data do not have the attribute.
    """
    if data.vocabulary:
        has: Tensor = (images.stored == word_of(data, attribute)).any(1)
        return has
    classes = class_names_of(data) if images.labels is not None else []
    position, attributes = position_of(data, attribute, [*data.attribute_names, *classes]), len(data.attribute_names)
    found: Tensor
    if position < attributes:
        found = images.facts["attributes"][images.rows, position] > 0
    else:
        found = images.labels == position - attributes
    return found


def class_names_of(data: Any) -> list[str]:
    """Return the class names of data, in the order of labels; the labels themselves if classes have no names."""
    return list(getattr(data, "class_names", ())) or [str(label) for label in range(getattr(data, "num_classes", 0))]


def word_of(data: Any, word: str) -> int:
    """Return the token number of a word in the vocabulary of a DataModule.

    Raises:
        GenlabError: for a word that is not in the vocabulary.
    """
    vocabulary = Vocabulary(data.vocabulary)
    if word not in vocabulary:
        near = vocabulary.nearest(word)
        hint = f"did you mean {near}?" if near else "choose another"
        raise GenlabError(f"the vocabulary of {type(data).__name__} has no '{word}'; {hint}")
    number, _ = vocabulary.encode(word)
    return number


def position_of(data: Any, attribute: str, among: Sequence[str]) -> int:
    """Return the position of an attribute or class among those of a DataModule.

    Raises:
        GenlabError: when the data do not have it.
    """
    if attribute not in among:
        raise GenlabError(f"{type(data).__name__} has no attribute {attribute}; {suggestion(attribute, among)}")
    return among.index(attribute)
