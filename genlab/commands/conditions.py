"""Sampling from conditional models: the conditions that can be asked for, and pictures and folders of samples."""

from pathlib import Path

import torch
from torch import Tensor
from tqdm import tqdm

from genlab import images, runs
from genlab.commands.common import BATCH, Trained
from genlab.data import DegradedPairs
from genlab.data.files import LARGEST
from genlab.data.framing import Framing, attempt
from genlab.errors import GenlabError, suggestion
from genlab.models.capabilities import Conditional
from genlab.outputs import whole_folder
from genlab.regular import read_regular
from genlab.types import Shape

PAIRS = 8
"""Test images whose sources are conditions in a picture."""


def conditional_picture(model: Conditional, trained: Trained, random: torch.Generator) -> Tensor:
    """Samples under the condition that is asked for; or a row for each condition, a column for each code."""
    args = trained.args
    asked = asked_condition(model, trained)
    if asked is not None:
        return images.grid(model.given(asked).sample(args.count, generator=random), args.columns)
    left, right = [], []
    if model.source_shape:
        test_set = trained.data("test").test_set
        pairs = test_set[torch.randperm(len(test_set), generator=random)[:PAIRS]]
        conditions, left, right = pairs["source"], [pairs["source"][:, None]], [pairs["target"][:, None]]
    elif model.num_classes:
        conditions = torch.arange(model.num_classes)
    else:
        usual = usual_attributes(trained)
        flipped = torch.eye(len(usual))
        conditions = torch.cat([usual[None], (usual - flipped).abs()])
        print(f"rows: most images' attributes, then each the other way: {', '.join(model.attribute_names)}")
    codes = torch.randn(args.columns, model.code_size, generator=random)
    samples = torch.stack([model.given(condition[None]).decode(codes) for condition in conditions])
    rows = torch.cat([part.expand(-1, -1, 3, -1, -1) for part in [*left, samples, *right]], 1)
    return images.grid(rows.flatten(0, 1), rows.shape[1])


def usual_attributes(trained: Trained) -> Tensor:
    """The attributes that most test images have: (number of attributes,), 0 or 1."""
    test_set = trained.test_images()
    return test_set.facts["attributes"][test_set.rows].mean(0).round()


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
        data = trained.data("test")
        if isinstance(data, DegradedPairs):
            return data.degradation(read_image(args.condition_image, model.image_shape))
        return read_image(args.condition_image, model.source_shape)
    if args.condition_image:
        raise GenlabError("this model's conditions are no images: give --condition")
    if args.condition is None:
        return None
    if model.num_classes:
        if args.condition not in map(str, range(model.num_classes)):
            raise GenlabError(f"there is no class {args.condition}; there are 0 to {model.num_classes - 1}")
        return torch.tensor([int(args.condition)])
    attributes = usual_attributes(trained)[None].clone()
    for part in args.condition.split(","):
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


def write_classes(model: Conditional, trained: Trained, random: torch.Generator) -> Path:
    """Write images of each class into subfolders, as torchvision's ImageFolder reads them; all or none.

    Raises GenlabError for a model without classes, and for a folder that is there already: none is ever replaced.
    """
    args = trained.args
    if not model.num_classes or model.source_shape:
        raise GenlabError(f"the {type(model).__name__} in {trained.checkpoint} has no classes to sample from")
    if args.condition or args.condition_image:
        raise GenlabError("--per-class writes images of every class; leave out the condition")
    folder: Path = args.out or (runs.run_of(trained.checkpoint) or trained.checkpoint.parent) / "samples"
    with whole_folder(folder) as part:
        for label in tqdm(range(model.num_classes), "Sampling", unit=" classes"):
            inside = part / str(label).zfill(len(str(model.num_classes - 1)))
            inside.mkdir()
            codes = torch.randn(args.per_class, model.code_size, generator=random)
            decode = model.given(torch.tensor([label])).decode
            samples = torch.cat([decode(some) for some in codes.split(BATCH)])
            for number, sample in enumerate(samples):
                images.picture_of(sample).save(inside / f"{number:05}.png")
    return folder
