"""Sampling from conditional models: the conditions that can be asked for, and pictures and folders of samples."""

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor
from tqdm import tqdm

from genlab import images, runs, sheets
from genlab.atomic import whole_folder
from genlab.commands.shared.trained import BATCH, Trained
from genlab.data import DegradedPairs
from genlab.data.files.framing import Framing, attempt
from genlab.data.files.image_files import LARGEST
from genlab.errors import GenlabError, suggestion
from genlab.models.capabilities import Conditional
from genlab.models.inputs import labels_of
from genlab.pictures.drawing import Sheet
from genlab.regular import read_regular
from genlab.types import Shape

PAIRS = 8
"""Test images whose sources are conditions in a picture."""


@torch.no_grad()
def conditional_sheet(model: Conditional, trained: Trained, random: torch.Generator) -> tuple[Sheet, str]:
    """Samples under the condition that is asked for, or each in turn, and the name of the file to draw them to."""
    args = trained.args
    asked = asked_condition(model, trained)
    if asked is not None:
        words = args.condition or args.condition_image.stem
        sheet = sheets.samples(model.given(asked), args.count, args.columns, random)
        title = f"Samples of {words}" if model.num_classes and not model.source_shape else f"Samples given {words}"
        name = re.sub(r"[^\w=,.+-]", "_", words)
        return replace(sheet, title=title), f"pictures/sample-{name}.png"
    names: Sequence[str] = ()
    truth = None
    if model.source_shape:
        test_set = trained.images()
        pairs = test_set[torch.randperm(len(test_set), generator=random)[:PAIRS]]
        conditions, truth = pairs["source"], pairs["target"]
    else:
        conditions, names = sheets.conditions_in_turn(model, None if model.num_classes else usual_attributes(trained))
    return sheets.samples_by_condition(model, conditions, names, args.columns, random, truth), "pictures/sample.png"


def usual_attributes(trained: Trained) -> Tensor:
    """The attributes that most test images have: (number of attributes,), 0 or 1."""
    test_set = trained.images()
    usual: Tensor = test_set.facts["attributes"][test_set.rows].mean(0).round()
    return usual


def asked_condition(model: Conditional, trained: Trained) -> Tensor | None:
    """The condition in the user's words, (1, ...), as `given` takes it; None when there is none.

    Attributes that are not named are as in most test images. Of an image, the data's degradation takes away what the
    model is to complete.

    Raises GenlabError for one that the model does not know.
    """
    args = trained.args
    if model.source_shape:
        if args.condition:
            raise GenlabError("this model's conditions are images: give --condition-image FILE")
        if args.condition_image is None:
            return None
        data = trained.unread_data
        if isinstance(data, DegradedPairs):
            return data.degradation(read_image(args.condition_image, model.image_shape))
        return read_image(args.condition_image, model.source_shape)
    if args.condition_image:
        raise GenlabError("this model's conditions are no images: give --condition")
    if args.condition is None:
        return None
    return parsed(args.condition, model, lambda: usual_attributes(trained))


def parsed(text: str, model: Conditional, usual: Callable[[], Tensor]) -> Tensor:
    """A condition in the user's words, (1, ...), as `given` takes it.

    Args:
        text: a class, by its name or label, as `genlab.models.inputs.labels_of` reads it; or attributes, as
            "Smiling=1,Male=0".
        model: of labels or attributes.
        usual: gives the attributes, (number of attributes,), of which the text changes some.

    Raises GenlabError for what the model does not know.
    """
    if model.num_classes:
        return labels_of(text, model.class_names)
    parts = text.split(",")
    are_all = {part.partition("=")[0] for part in parts} >= {*model.attribute_names}
    attributes = torch.zeros(1, len(model.attribute_names)) if are_all else usual()[None].clone()
    for part in parts:
        name, _, value = part.partition("=")
        if name not in model.attribute_names:
            raise GenlabError(f"there is no attribute {name}; {suggestion(name, model.attribute_names)}")
        if value not in ("0", "1"):
            raise GenlabError(f"an attribute is there or not: {name}=1 or {name}=0, not {part}")
        attributes[0, model.attribute_names.index(name)] = float(value)
    return attributes


def read_image(path: Path, shape: Shape) -> Tensor:
    """An image file, cropped and resized: (1, *shape); raises GenlabError for an unreadable one."""
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

    Raises GenlabError for a model without classes, and for a folder that is there already: none is ever replaced.
    """
    args = trained.args
    if not model.num_classes or model.source_shape:
        raise GenlabError(f"the {type(model).__name__} in {trained.checkpoint} has no classes to sample from")
    folder: Path = args.out or (runs.run_of(trained.checkpoint) or trained.checkpoint.parent) / "samples"
    folders = _folders(model.class_names)
    with whole_folder(folder) as part:
        for label in tqdm(range(model.num_classes), "Sampling", unit=" classes"):
            inside = part / folders[label]
            inside.mkdir()
            codes = torch.randn(args.per_class, model.code_size, generator=random)
            decode = model.given(torch.tensor([label])).decode
            samples = torch.cat([decode(some) for some in codes.split(BATCH)])
            for number, sample in enumerate(samples):
                images.picture_of(sample).save(inside / f"{number:05}.png")
    return folder
