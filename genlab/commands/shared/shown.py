"""Images that a tool works on: those of --input, or else some of the model's data, each with its condition."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor
from torch.utils.data import Dataset

from genlab.capabilities import Conditional, Encodes, KnowsWords, can
from genlab.commands.shared.inputs import framed
from genlab.commands.shared.trained import Trained
from genlab.commands.shared.typed import sentences_in
from genlab.data import DegradedPairs
from genlab.data.batches.tensors import DegradedTensors
from genlab.data.files.framing import Framing, attempt
from genlab.data.files.image_files import LARGEST
from genlab.errors import GenlabError
from genlab.pictures.code_map import CodeMap
from genlab.pictures.drawing import Sheet
from genlab.pictures.lines import Lines
from genlab.regular import read_regular
from genlab.types import Shape

Titled = TypeVar("Titled", Sheet, Lines, CodeMap, Sheet | Lines)


@dataclass(frozen=True)
class Shown:
    """Images that a tool works on."""

    images: Any
    """The data set that contains them: of single images, or of pairs for a model that completes images."""
    rows: Tensor
    """Their positions in it, (N,)."""
    names: tuple[str, ...] = ()
    """Their files, as the user gave them, or the sentences; empty for images of the data."""

    @property
    def batch(self) -> Any:
        """All images as one batch."""
        return self.images[self.rows]

    @property
    def labels(self) -> Tensor | None:
        """Labels (N,), or None for images without labels."""
        labels = getattr(self.images, "labels", None)
        return None if labels is None else labels[self.rows]


def shown(
    trained: Trained, count: int | None, default: int, random: torch.Generator, *, seen_under_asked: bool = True
) -> Shown:
    """Return the first `count` images of --input, or else draw `count` images of the data.

    Args:
        trained: the model, with the command's arguments.
        count: maximum number of images; None for all of --input, or for `default` images of the data.
        default: see `count`.
        random: generator to draw images with.
        seen_under_asked: whether a conditional model sees images of the data under the condition of --condition instead
            of their own.

    Raises:
        GenlabError: for images that cannot be read, and for --input without a condition that the model needs.
    """
    if trained.inputs and can(trained.model, KnowsWords):
        sentences = sentences_in(trained, [path for _, path in trained.inputs])
        rows = torch.arange(len(sentences))[:count]
        return Shown(sentences, rows, tuple(sentences.sentences[: len(rows)]))
    if trained.inputs:
        images, names = own_images(trained)
        rows = torch.arange(len(names))[:count]
        return Shown(images, rows, names[: len(rows)])
    images = trained.images()
    if seen_under_asked and (asked := condition_asked(trained)) is not None:
        images = under(images, trained.model, asked)  # type: ignore[arg-type]
    return Shown(images, torch.randperm(len(images), generator=random)[: count or default])


def own_images(trained: Trained) -> tuple[Any, tuple[str, ...]]:
    """Return the images of --input as a data set, under the given condition, and their files; see `shown`."""
    model, asked = trained.model, condition_asked(trained)
    images, names = framed([path for _, path in trained.inputs], trained.framing())
    if not can(model, Conditional) or (asked is None and can(model, Encodes)):  # it encodes without a condition
        return images, names
    if model.condition.image_shape and asked is None:
        data = trained.unread_data
        if isinstance(data, DegradedPairs):
            return DegradedTensors(images, data.degradation), names
        raise GenlabError(
            f"the {type(model).__name__} takes an image as the condition; give that of --input as --condition-image"
        )
    if asked is None:
        raise GenlabError(
            f"the {type(model).__name__} in {trained.checkpoint} takes images under a condition; give that of --input, "
            f"such as --condition {model.condition.example}"
        )
    return under(images, model, asked), names


def condition_asked(trained: Trained) -> Tensor | None:
    """Return the condition of --condition or --condition-image, (1, ...), as `given` takes it; None without one.

    Attributes that are not named are as in most test images. If the data degrade images for the model to restore, the
    condition image is degraded too.

    Raises:
        GenlabError: for a condition that the model does not know.
    """
    args, model = trained.args, trained.model
    if args.condition is None and args.condition_image is None:
        return None
    if not can(model, Conditional):
        raise GenlabError(f"the {type(model).__name__} in {trained.checkpoint} takes no conditions")
    if args.condition_image is None:
        return model.condition.typed(args.condition, lambda: usual_attributes(trained))
    if not model.condition.image_shape:
        raise GenlabError("this model's conditions are not images: give --condition")
    if args.condition is not None:
        raise GenlabError("this model's conditions are images: leave out --condition")
    data = trained.unread_data
    if isinstance(data, DegradedPairs):
        return data.degradation(read_image(args.condition_image, model.image_shape))
    return read_image(args.condition_image, model.condition.image_shape)


def named_condition(trained: Trained, picture: Titled, of_first: Tensor | None = None) -> Titled:
    """Add a condition to the title of a picture: that of the command, or else that of the first image.

    Args:
        trained: the model, with the command's arguments.
        picture: the picture.
        of_first: the first image's condition, (1, ...), if the tool uses it when no other is asked for.
    """
    args, model = trained.args, trained.model
    words = args.condition_image.stem if args.condition_image else args.condition
    if not words and of_first is not None and can(model, Conditional):
        words = ", ".join(model.condition.names(of_first)) or f"the {model.condition.key} of the first image"
    return replace(picture, title=f"{picture.title} given {words}") if words else picture


def usual_attributes(trained: Trained) -> Tensor:
    """Return the attributes that most test images have: (number of attributes,), 0 or 1."""
    test_set = trained.images()
    usual: Tensor = test_set.facts["attributes"][test_set.rows].float().mean(0).round()
    return usual


def read_image(path: Path, shape: Shape) -> Tensor:
    """Read an image file, cropped and resized: (1, *shape).

    Raises:
        GenlabError: for an unreadable file.
    """
    pixels = attempt(lambda: Framing(shape).decode(read_regular(path, LARGEST)))
    if isinstance(pixels, str):
        raise GenlabError(f"{path} cannot be read as an image: {pixels}")
    return torch.from_numpy(pixels.copy())[None] / 255


def under(images: Any, model: Conditional, condition: Tensor) -> "UnderCondition":
    """Return a data set with all its images under one condition (1, ...), instead of their own."""
    return UnderCondition(images, model.condition.key, condition)


class UnderCondition(Dataset[Any]):
    """Images of a data set, all under one condition.

    Args:
        images: the data set.
        name: key of the condition in batches.
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
        """The images' own labels, (N,); None if they have none."""
        return getattr(self.images, "labels", None)
