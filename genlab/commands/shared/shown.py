"""Images that a tool looks at: those of --input, or else some of the model's data, each under its condition."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import Dataset

from genlab.capabilities import Conditional, can
from genlab.commands.shared.conditions import asked_condition
from genlab.commands.shared.inputs import framed
from genlab.commands.shared.trained import Trained
from genlab.data import DegradedPairs
from genlab.data.batches.tensors import DegradedTensors
from genlab.errors import GenlabError


@dataclass(frozen=True)
class Shown:
    """Images that a tool looks at."""

    images: Any
    """The data set that they are of: of single images, or of pairs for a model that completes images."""
    rows: Tensor
    """Their positions in it, (N,)."""
    names: tuple[str, ...] = ()
    """Their files, as the user gave them; none for images of the data."""

    @property
    def batch(self) -> Any:
        """All of them together."""
        return self.images[self.rows]

    @property
    def labels(self) -> Tensor | None:
        """(N,), or None for images without labels."""
        labels = getattr(self.images, "labels", None)
        return None if labels is None else labels[self.rows]


def shown(
    trained: Trained, count: int | None, default: int, random: torch.Generator, *, seen_under_asked: bool = True
) -> Shown:
    """The first `count` images of --input, or else so many of the data's, drawn at random.

    Args:
        trained: the model, with the command's arguments.
        count: how many at most; None for all of --input, or `default` of the data's.
        default: see there.
        random: what they are drawn with.
        seen_under_asked: whether a conditional model sees the data's images under the condition that --condition asks
            for, and not under their own.

    Raises:
        GenlabError: for images that cannot be read, and for those of --input without a condition that a model needs.
    """
    if trained.inputs:
        images, names = own_images(trained)
        rows = torch.arange(len(names))[:count]
        return Shown(images, rows, names[: len(rows)])
    images = looked_at(trained) if seen_under_asked else trained.images()
    return Shown(images, torch.randperm(len(images), generator=random)[: count or default])


def looked_at(trained: Trained) -> Any:
    """The data's images as a data set, under the condition asked for, or else each under its own."""
    images, asked = trained.images(), condition_asked(trained)
    return images if asked is None else under(images, trained.model, asked)  # type: ignore[arg-type]


def own_images(trained: Trained) -> tuple[Any, tuple[str, ...]]:
    """The images of --input as a data set, under the condition asked for, and their files; see `shown`."""
    model, asked = trained.model, condition_asked(trained)
    images, names = framed([path for _, path in trained.inputs], trained.framing())
    if not can(model, Conditional):
        return images, names
    if model.condition.image_shape and asked is None:
        data = trained.unread_data
        if isinstance(data, DegradedPairs):
            return DegradedTensors(images, data.degradation), names
        raise GenlabError(f"the {type(model).__name__} knows images by others; give that of --input: --condition-image")
    if asked is None:
        raise GenlabError(
            f"the {type(model).__name__} in {trained.checkpoint} sees images under a condition; say which one those of "
            f"--input have, such as --condition {model.condition.example}"
        )
    return under(images, model, asked), names


def condition_asked(trained: Trained) -> Tensor | None:
    """The condition that --condition or --condition-image asks for, (1, ...), as `given` takes it; None without one.

    Raises:
        GenlabError: for one that the model does not know.
    """
    args = trained.args
    if args.condition is None and args.condition_image is None:
        return None
    if not can(trained.model, Conditional):
        raise GenlabError(f"the {type(trained.model).__name__} in {trained.checkpoint} knows no conditions")
    return asked_condition(trained.model, trained)


def under(images: Any, model: Conditional, condition: Tensor) -> "UnderCondition":
    """A data set whose images all have a condition (1, ...), whatever theirs was."""
    return UnderCondition(images, model.condition.key, condition)


class UnderCondition(Dataset[Any]):
    """Images of a data set, all under one condition.

    Args:
        images: the data set.
        name: what batches call the condition.
        condition: (1, ...).
    """

    def __init__(self, images: Any, name: str, condition: Tensor) -> None:
        self.images, self.name, self.condition = images, name, condition

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, rows: Tensor) -> Any:
        condition = self.condition.expand(len(rows), *self.condition.shape[1:])
        return {**self.images[rows], self.name: condition}

    @property
    def labels(self) -> Tensor | None:
        """Labels of the images by themselves, (N,); None where there are none."""
        return getattr(self.images, "labels", None)
