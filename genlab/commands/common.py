"""What the tool commands share: their arguments, and a trained model with its data."""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import torch
from lightning.pytorch import LightningModule
from torch import Tensor

from genlab import runs
from genlab.data import ImageDataModule
from genlab.data.tensors import ImageTensors
from genlab.drawing import Drawable, save
from genlab.errors import GenlabError, suggestion
from genlab.models.capabilities import VERBS, Conditional, Decodes, Encodes, abilities, seen_in
from genlab.models.checkpoint import data_description, read, rebuilt, rebuilt_data
from genlab.outputs import must_be_free
from genlab.own_data import as_genlabs
from genlab.sheets import subject_of
from genlab.trust import granted

BATCH = 500
"""Images that a tool gives to a model at a time."""

Capability = TypeVar("Capability")


class Trained:
    """The model that a command's --ckpt means, with its data, and where its pictures go.

    `into_folder` says that --out is a folder, which the command looks at.

    Raises GenlabError when there is none, or when a file --out is there and --force is not given.
    """

    def __init__(self, args: argparse.Namespace, *, into_folder: bool = False) -> None:
        self.args = args
        if args.out and not into_folder:
            must_be_free(args.out, args.force)
        self.checkpoint = runs.find_checkpoint(args.ckpt)
        with granted(args.trust):
            content = read(self.checkpoint)
            self.model: LightningModule = rebuilt(content, self.checkpoint)
        self._epochs = content.get("epoch", 0) + 1
        self._described = {key: content[key] for key in content if key.endswith("hyper_parameters")}

    def able_to(self, capability: type[Capability]) -> Capability:
        """The model, once it is found to have the capability; raises GenlabError when it has not.

        Or when it has it under conditions only, of which the tool knows none.
        """
        if isinstance(self.model, Conditional) and capability in (Encodes, Decodes):
            raise GenlabError(
                f"the {type(self.model).__name__} in {self.checkpoint} knows conditions, and this tool does not; "
                "`genlab sample` does"
            )
        return self._able(self.model, capability)

    def able_to_with(self, batch: Any, capability: type[Capability]) -> tuple[Capability, Tensor]:
        """As `able_to`, for the images of a batch, and these images: a conditional model sees them under conditions."""
        able, images = seen_in(self.model, batch)
        return self._able(able, capability), images

    def _able(self, able: Any, capability: type[Capability]) -> Capability:
        if not isinstance(able, capability):
            raise GenlabError(
                f"the {type(self.model).__name__} in {self.checkpoint} cannot {VERBS[capability]}; "
                f"it can {', '.join(abilities(self.model)) or 'do nothing that genlab has a tool for'}"
            )
        return able

    def out(self, name: str) -> Path:
        """The path --out, or by default that of the run's file called `name`, which is replaced when it is there."""
        folder = runs.run_of(self.checkpoint) or self.checkpoint.parent
        path: Path = self.args.out or folder / name
        return path

    @property
    def subject(self) -> str:
        """What pictures say of the model: its class, its data, and the epochs that it was trained for."""
        return subject_of(self.model, self._described.get("datamodule_hyper_parameters", {}), self._epochs)

    def draw(self, picture: Drawable, name: str) -> None:
        """Write a picture as the user asks for it, by default to the run's file called `name`, and say where it is."""
        path, args = self.out(name), self.args
        save(picture.of(self.subject), path, scale=args.scale, labels=not args.no_labels, dpi=args.dpi)
        print(path)

    def data(self, stage: str) -> Any:
        """The data that the model was trained on, set up for a stage."""
        with granted(self.args.trust):
            data = as_genlabs(rebuilt_data(data_description(self._described, self.checkpoint), self.checkpoint))
        data.prepare_data()
        data.setup(stage)
        return data

    def test_images(self) -> ImageTensors:
        """The test images of the data that the model was trained on; raises GenlabError for data of another kind."""
        data = self.data("test")
        if not isinstance(data, ImageDataModule):
            raise GenlabError(f"this tool needs single images, not the batches of {type(data).__name__}")
        return data.test_set


def batched(function: Callable[[Tensor], Tensor], items: Tensor) -> Tensor:
    """What a function of a batch makes of any number of items (N, ...), without gradients."""
    with torch.no_grad():
        return torch.cat([function(part) for part in items.split(BATCH)])


def encoded(model: Encodes, images: ImageTensors, chosen: Tensor) -> Tensor:
    """The codes of the images at positions `chosen` (N,) of a data set: (N, code_size)."""
    return batched(lambda rows: model.encode(images[rows]["image"]), chosen)


def attribute_of(images: ImageTensors, data: ImageDataModule, attribute: str) -> Tensor:
    """Which images of one of the data's splits have an attribute: (N,), bool.

    Raises GenlabError when the data do not have the attribute.
    """
    if attribute not in data.attribute_names:
        known = suggestion(attribute, data.attribute_names) if data.attribute_names else "it has none"
        raise GenlabError(f"{type(data).__name__} has no attribute {attribute}; {known}")
    return images.facts["attributes"][images.rows, data.attribute_names.index(attribute)] > 0


def some(images: ImageTensors, limit: int, seed: int) -> ImageTensors:
    """At most so many images of a data set, in its order."""
    order = torch.randperm(len(images), generator=torch.Generator().manual_seed(seed))
    return images.subset(order[:limit].sort().values)
