"""Sampling from conditional models: the conditions that can be asked for, and pictures and folders of samples."""

import re
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor
from tqdm import tqdm

from genlab import images, runs, sheets
from genlab.atomic import whole_folder
from genlab.capabilities import Conditional
from genlab.commands.shared.trained import BATCH, Trained
from genlab.data import DegradedPairs
from genlab.data.files.framing import Framing, attempt
from genlab.data.files.image_files import LARGEST
from genlab.errors import GenlabError
from genlab.pictures.drawing import Drawable
from genlab.regular import read_regular
from genlab.types import Shape

PAIRS = 8
"""Test images whose sources are conditions in a picture."""


@torch.no_grad()
def conditional_sheet(model: Conditional, trained: Trained, random: torch.Generator) -> tuple[Drawable, str]:
    """Draw samples under the condition that is asked for, or each in turn; return the sheet and its file's name."""
    args = trained.args
    asked = asked_condition(model, trained)
    if asked is not None:
        words = args.condition or args.condition_image.stem
        sheet = sheets.samples(model.given(asked), args.count, args.columns, random)
        name = re.sub(r"[^\w=,.+-]", "_", words)
        return replace(sheet, title=f"Samples {model.condition.joined} {words}"), f"pictures/sample-{name}.png"
    batch = {}
    if model.condition.image_shape:
        test_set = trained.images()
        batch = test_set[torch.randperm(len(test_set), generator=random)[:PAIRS]]
    conditions, names = model.condition.every(batch, lambda: usual_attributes(trained))
    truth = batch.get("target")
    return sheets.samples_by_condition(model, conditions, names, args.columns, random, truth), "pictures/sample.png"


def usual_attributes(trained: Trained) -> Tensor:
    """Return the attributes that most test images have: (number of attributes,), 0 or 1."""
    test_set = trained.images()
    usual: Tensor = test_set.facts["attributes"][test_set.rows].mean(0).round()
    return usual


def asked_condition(model: Conditional, trained: Trained) -> Tensor | None:
    """Return the condition in the user's words, (1, ...); None when there is none.

    Attributes that are not named are as in most test images. Of an image, the data's degradation takes away what the
    model is to complete.

    Raises:
        GenlabError: for one that the model does not know.
    """
    args = trained.args
    if args.condition_image is None:
        typed = args.condition
        return None if typed is None else model.condition.typed(typed, lambda: usual_attributes(trained))
    if not model.condition.image_shape:
        raise GenlabError("this model's conditions are no images: give --condition")
    if args.condition is not None:
        raise GenlabError("this model's conditions are images: leave out --condition")
    data = trained.unread_data
    if isinstance(data, DegradedPairs):
        return data.degradation(read_image(args.condition_image, model.image_shape))
    return read_image(args.condition_image, model.condition.image_shape)


def read_image(path: Path, shape: Shape) -> Tensor:
    """An image file, cropped and resized: (1, *shape).

    Raises:
        GenlabError: for an unreadable one.
    """
    pixels = attempt(lambda: Framing(shape).decode(read_regular(path, LARGEST)))
    if isinstance(pixels, str):
        raise GenlabError(f"{path} cannot be read as an image: {pixels}")
    return torch.from_numpy(pixels.copy())[None] / 255


def _folders(names: tuple[str, ...]) -> list[str]:
    """Folders that are labelled as the classes are when torchvision's ImageFolder reads them, in alphabetical order.

    They are called as the classes, or else by number: names may be out of order, or lead elsewhere.
    """
    if [*names] == sorted(names) and all(map(_names_a_folder, names)):
        return [*names]
    return [str(label).zfill(len(str(len(names) - 1))) for label in range(len(names))]


def _names_a_folder(name: str) -> bool:
    return name.isprintable() and Path(name).name == name != ".."


@torch.no_grad()
def write_classes(model: Conditional, trained: Trained, random: torch.Generator) -> Path:
    """Write images of each class into subfolders, as torchvision's ImageFolder reads them; all or none.

    Raises:
        GenlabError: for a model without classes, and for a folder that is there already: none is ever replaced.
    """
    args = trained.args
    if not model.condition.class_names:
        raise GenlabError(f"the {type(model).__name__} in {trained.checkpoint} has no classes to sample from")
    folder: Path = args.out or (runs.run_of(trained.checkpoint) or trained.checkpoint.parent) / "samples"
    with whole_folder(folder) as part:
        named = _folders(model.condition.class_names)
        for label, name in enumerate(tqdm(named, "Sampling", unit=" classes")):
            inside = part / name
            inside.mkdir()
            given = model.given(torch.tensor([label]))
            for first in range(0, args.per_class, BATCH):
                samples = given.sample(min(BATCH, args.per_class - first), generator=random)
                for number, sample in enumerate(samples, first):
                    images.picture_of(sample).save(inside / f"{number:05}.png")
    return folder
