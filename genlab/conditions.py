"""Conditions of conditional models: labels, attributes, domains and images.

A `Condition` is all that a model and the tools need to know of a kind of condition: how it is found in a batch, what
callers may give for it, which values there are, and how networks see it. A new kind is a subclass.
"""

import operator
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from PIL.Image import Image
from torch import Tensor, nn

from genlab.batches import check_attributes, check_labels
from genlab.errors import GenlabError, listed, suggestion
from genlab.inputs import images_of
from genlab.networks.condition import AttributeEmbedding
from genlab.recorded import as_network
from genlab.types import NetworkFactory, Shape

ConditionValue: TypeAlias = Tensor | NDArray[Any] | Image | int | str | Mapping[str, float] | Sequence[Any]
"""Labels or class names; attributes (B, count) or (count,), or by name, with the others absent; or images."""


class Condition(ABC):
    """A kind of condition. Values are tensors (B, ...), one for each image."""

    key: str
    """The name of conditions in a batch."""
    example: str
    """Example of what a user might type."""
    joined: str = "given"
    """Word between samples and their condition in a title, such as "Samples of 7"."""
    image_shape: Shape | None = None
    """Shape (C, H, W) of conditions that are images; None for others."""
    class_names: tuple[str, ...] = ()
    """Class names, in the order of their labels, if conditions are classes; otherwise none."""

    def find(self, batch: Any, model: Any) -> Tensor:
        """Return the conditions in a batch, after checking that they are known.

        Raises:
            GenlabError: for a batch without conditions, or with unknown ones.
        """
        batch = model.named(batch)
        if not isinstance(batch, Mapping) or self.key not in batch:
            raise GenlabError(
                f"this {type(model).__name__}'s condition is the '{self.key}' of a batch, but this batch has none"
            )
        return self.known(batch[self.key], model)

    @abstractmethod
    def known(self, values: Tensor, model: Any) -> Tensor:
        """Return values after checking that they are known; raise GenlabError for others."""

    @abstractmethod
    def parse(self, value: ConditionValue, model: nn.Module) -> Tensor:
        """Convert what a caller gives, one value or several, to a tensor (B, ...).

        Raises:
            GenlabError: for anything that is no such condition.
        """

    def typed(self, text: str, usual: Callable[[], Tensor]) -> Tensor:
        """Convert what a user types to a value, (1, ...).

        Args:
            text: such as `example`.
            usual: gives the most common value, (...,), of which the text may change a part.

        Raises:
            GenlabError: for a text that stands for no value.
        """
        raise GenlabError(f"this model's conditions cannot be typed; an example is {self.example}")

    def in_turn(self, count: int) -> Tensor:
        """Return `count` values, each in turn, (count, ...): the conditions to sample under when none are given.

        Raises:
            GenlabError: if a condition must be given.
        """
        raise GenlabError("give a condition to sample under: attributes or images")

    def every(self, batch: Mapping[str, Tensor], usual: Callable[[], Tensor]) -> tuple[Tensor, Sequence[str]]:
        """Return all values to show in a picture, (N, ...), and their names; or the conditions in a batch."""
        return batch[self.key], ()

    def others(self, values: Tensor) -> tuple[Tensor, Sequence[str]]:
        """Return what each value can be replaced with, (B, N, ...), and the names of these N values.

        Raises:
            GenlabError: for conditions without alternatives.
        """
        raise GenlabError("this model has no classes or attributes to change")

    def names(self, values: Tensor) -> list[str]:
        """Name values (B, ...), if they have names."""
        return []

    @abstractmethod
    def embedding(self, size: int) -> nn.Module:
        """Build the network that embeds values (B, ...) as (B, size)."""


class Labels(Condition):
    """Class labels: (B,), int64.

    Args:
        class_names: names of the classes, in the order of labels.
    """

    key = "label"
    joined = "of"

    def __init__(self, class_names: Sequence[str]) -> None:
        self.class_names = tuple(class_names)
        self.example = self.class_names[0]

    def known(self, values: Tensor, model: Any) -> Tensor:
        if model.looks_at(values, self.key):
            check_labels(values, len(self.class_names))
        return values

    def parse(self, value: ConditionValue, model: nn.Module | None = None) -> Tensor:
        """Convert one or more labels or class names to labels (B,), int64; a tensor of labels is returned as it is.

        A label may also be text, unless classes are named by other numbers.

        Raises:
            GenlabError: for unknown names.
        """
        if isinstance(value, Tensor) and value.ndim:
            return value
        several = isinstance(value, list | tuple) or (isinstance(value, np.ndarray) and value.ndim)
        return torch.tensor([self._label(one) for one in (value if several else [value])])  # type: ignore[union-attr]

    def typed(self, text: str, usual: Callable[[], Tensor]) -> Tensor:
        return self.parse(text)

    def in_turn(self, count: int) -> Tensor:
        return torch.arange(count) % len(self.class_names)

    def every(self, batch: Mapping[str, Tensor], usual: Callable[[], Tensor]) -> tuple[Tensor, Sequence[str]]:
        return torch.arange(len(self.class_names)), self.class_names

    def others(self, values: Tensor) -> tuple[Tensor, Sequence[str]]:
        return torch.arange(len(self.class_names)).to(values).expand(len(values), -1), self.class_names

    def names(self, values: Tensor) -> list[str]:
        return [self.class_names[label] for label in values.tolist()]

    def embedding(self, size: int) -> nn.Module:
        return nn.Embedding(len(self.class_names), size)

    def _label(self, one: Any) -> int:
        names = self.class_names
        if not isinstance(one, str):
            try:
                return operator.index(one)
            except TypeError:
                raise GenlabError(f"{one!r} is not a class; give a label, 0 or above, or a name") from None
        if one in names:
            return names.index(one)
        labels = [str(label) for label in range(len(names))]
        if any(name.isdecimal() for name in names):
            known = f"0 to {labels[-1]}" if labels == [*names] else listed(names, most=20)
            raise GenlabError(f"there is no class {one}; there are {known}")
        if one in labels:
            return int(one)
        raise GenlabError(f"there is no class {one}; {suggestion(one, names)}")


class Domains(Labels):
    """Domains that images belong to, as labels (B,), int64, which batches call "domain"."""

    key = "domain"


class Attributes(Condition):
    """Attributes: (B, count), from 0 (absent) to 1 (present).

    Args:
        attribute_names: names of the attributes, in the order of columns.
    """

    key = "attributes"

    def __init__(self, attribute_names: Sequence[str]) -> None:
        self.attribute_names = tuple(attribute_names)
        self.example = f"{self.attribute_names[0]}=1"

    def known(self, values: Tensor, model: Any) -> Tensor:
        if model.looks_at(values, self.key):
            check_attributes(values, len(self.attribute_names))
        return values

    def parse(self, value: ConditionValue, model: nn.Module | None = None) -> Tensor:
        """Convert a tensor or array of attributes, one row, or one or more dicts of them by name, to (B, count).

        Attributes that a dict does not name are absent.

        Raises:
            GenlabError: for unknown names.
        """
        if isinstance(value, str):
            raise GenlabError(f"attributes need values; give {{{value!r}: 1}} instead of {value}")
        rows: Any = value if isinstance(value, list | tuple) else [value]
        if all(isinstance(row, Mapping) for row in rows):
            for name in (name for row in rows for name in row):
                self._require(name)
            return torch.tensor([[float(row.get(name, 0)) for name in self.attribute_names] for row in rows])
        attributes = torch.as_tensor(value)
        return attributes[None] if attributes.ndim == 1 else attributes

    def typed(self, text: str, usual: Callable[[], Tensor]) -> Tensor:
        """Parse attributes such as "Smiling=1,Male=0"; the others are as `usual` has them."""
        parts = text.split(",")
        named = [part.partition("=")[0] for part in parts]
        for name in named:
            if named.count(name) > 1:
                raise GenlabError(f"{name} is given twice in {text}")
        are_all = {*named} >= {*self.attribute_names}
        attributes = torch.zeros(1, len(self.attribute_names)) if are_all else usual()[None].clone()
        for part in parts:
            name, _, value = part.partition("=")
            self._require(name)
            if value not in ("0", "1"):
                raise GenlabError(f"an attribute is present or absent: {name}=1 or {name}=0, not {part}")
            attributes[0, self.attribute_names.index(name)] = float(value)
        return attributes

    def every(self, batch: Mapping[str, Tensor], usual: Callable[[], Tensor]) -> tuple[Tensor, Sequence[str]]:
        """Return the usual attributes, and copies of them that each have one attribute flipped."""
        most_common = usual()
        flipped = _flipped(most_common[None])[0]
        changes = [
            name if has else f"not {name}"
            for name, has in zip(self.attribute_names, flipped.diag().tolist(), strict=True)
        ]
        return torch.cat([most_common[None], flipped]), ["most common", *changes]

    def others(self, values: Tensor) -> tuple[Tensor, Sequence[str]]:
        return _flipped(values), self.attribute_names

    def embedding(self, size: int) -> nn.Module:
        return AttributeEmbedding(len(self.attribute_names), size)

    def _require(self, name: str) -> None:
        if name not in self.attribute_names:
            raise GenlabError(f"there is no attribute {name}; {suggestion(name, self.attribute_names)}")


class Source(Condition):
    """Images, the sources of pairs whose targets a model generates: (B, C, H, W) in [0, 1].

    Args:
        shape: (C, H, W).
        encoder: builds the network that embeds images; see `genlab.types.NetworkFactory`.
    """

    key = "source"
    example = "--condition-image FILE"

    def __init__(self, shape: Shape, encoder: NetworkFactory) -> None:
        self.image_shape: Shape = shape
        self.encoder = encoder

    def known(self, values: Tensor, model: Any) -> Tensor:
        seen: Tensor = model.seen(values, self.image_shape, self.key)
        return seen

    def parse(self, value: ConditionValue, model: nn.Module) -> Tensor:
        images, _ = images_of(value, self.image_shape, model)
        return images

    def typed(self, text: str, usual: Callable[[], Tensor]) -> Tensor:
        raise GenlabError("this model's conditions are images: give --condition-image FILE")

    def embedding(self, size: int) -> nn.Module:
        return as_network(self.encoder, self.image_shape, size)


def condition_of(num_classes: int, class_names: Sequence[str], attribute_names: Sequence[str]) -> Condition | None:
    """Return the condition that data offer for an image: its label, else its attributes; None if there are neither.

    Raises:
        GenlabError: for more or fewer names than classes, or duplicates.
    """
    if class_names and (len(class_names) != num_classes or len(set(class_names)) < num_classes):
        raise GenlabError(
            f"class_names are {listed(class_names)}; {num_classes} classes need {num_classes} different names"
        )
    if num_classes:
        return Labels(tuple(class_names) or tuple(map(str, range(num_classes))))
    return Attributes(attribute_names) if attribute_names else None


def _flipped(values: Tensor) -> Tensor:
    """Flip each attribute, one at a time: (B, count) to (B, count, count)."""
    flipped: Tensor = (values[:, None] - torch.eye(values.shape[1]).to(values)).abs()
    return flipped
