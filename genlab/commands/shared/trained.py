"""What the tool commands share: their arguments, and a trained model with its data."""

import argparse
import hashlib
import json
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import torch
from lightning.pytorch import LightningDataModule, LightningModule
from torch import Tensor

from genlab import runs
from genlab.atomic import must_be_free
from genlab.checkpoints import read, rebuilt, rebuilt_data, stated_data
from genlab.commands.shared.data import changed_data, without
from genlab.commands.shared.inputs import named_paths
from genlab.data.files.framing import Framing
from genlab.devices import device_of, moved
from genlab.errors import GenlabError
from genlab.evaluation.splits import Splits
from genlab.facts import SHAPES
from genlab.models.capabilities import VERBS, Conditional, Encodes, abilities, seen_in
from genlab.pictures.drawing import Drawable, save
from genlab.runs import is_own
from genlab.sheets import subject_of
from genlab.trust import granted, require_known_classes, require_known_places

BATCH = 500
"""Images that a tool gives to a model at a time."""

Capability = TypeVar("Capability")


class Trained:
    """The model that a command's --ckpt means, on the command's --device, with its data, and where its pictures go.

    Its methods take and give tensors on the CPU, whatever the device; see `genlab.devices`.

    `into_folder` says that --out is a folder, which the command looks at.

    Raises GenlabError when there is none, or when a file --out is there and --force is not given.
    """

    def __init__(self, args: argparse.Namespace, *, into_folder: bool = False) -> None:
        self.args = args
        self.device = device_of(args.device)
        self.inputs = named_paths(getattr(args, "input", None) or [])
        if args.out and not into_folder:
            must_be_free(args.out, args.force)
        self.checkpoint = runs.find_checkpoint(args.ckpt)
        with granted(args.trust):
            content = read(self.checkpoint)
            self.model: LightningModule = moved(rebuilt(content, self.checkpoint), self.device)
        self._epochs = content.get("epoch", 0) + 1
        self._described = {key: content[key] for key in content if key.endswith("hyper_parameters")}

    def able_to(self, capability: type[Capability]) -> Capability:
        """The model, once it is found to have the capability; raises GenlabError when it has not."""
        return self._able(self.model, capability)

    def require(self, *capabilities: type[Any]) -> None:
        """Raise GenlabError for a model without these capabilities, before any data are read.

        Those of a conditional model are what it can do under a condition.
        """
        able = self.under_any_condition()
        for capability in capabilities:
            self._able(able, capability)

    def under_any_condition(self) -> Any:
        """The model, or what a conditional model is under some condition: what can be done with it is the same."""
        return self.able_under(_any_condition(self.model), object)

    def able_to_with(self, batch: Any, capability: type[Capability]) -> tuple[Capability, Tensor]:
        """As `able_to`, for the images of a batch, and these images: a conditional model sees them under conditions."""
        able, images = seen_in(self.model, batch)
        return self._able(able, capability), images

    def able_under(self, condition: Tensor | None, capability: type[Capability]) -> Capability:
        """As `able_to`, of a conditional model under a condition, as its `given` takes it; others have none."""
        model: Any = self.model
        return self._able(model if condition is None else model.given(condition), capability)

    def condition_of(self, batch: Any) -> Tensor | None:
        """The conditions of the images in a batch; None for a model that knows no conditions."""
        return self.model.condition(batch) if isinstance(self.model, Conditional) else None

    def _able(self, able: Any, capability: type[Capability]) -> Capability:
        if not isinstance(able, capability):
            raise GenlabError(
                f"the {type(self.model).__name__} in {self.checkpoint} cannot {VERBS[capability]}; "
                f"it can {', '.join(abilities(self.model)) or 'do nothing that genlab has a tool for'}"
            )
        return able

    @cached_property
    def digest(self) -> str:
        """A hash of what the checkpoint says of the model and of its data: weights and hyperparameters."""
        found = hashlib.sha256(json.dumps(self._described, sort_keys=True).encode())
        for name, value in self.model.state_dict().items():
            if isinstance(value, Tensor):
                found.update(name.encode())
                found.update(value.cpu().contiguous().reshape(-1).view(torch.uint8).numpy().data)
        return found.hexdigest()

    def out(self, name: str) -> Path:
        """The path --out, or by default that of the run's file called `name`, which is replaced when it is there."""
        folder = runs.run_of(self.checkpoint) or self.checkpoint.parent
        path: Path = self.args.out or folder / name
        return path

    @property
    def subject(self) -> str:
        """What pictures say of the model: its class, its data, and the epochs that it was trained for."""
        return subject_of(self.model, self._described_data, self._epochs)

    def draw(self, picture: Drawable, name: str, part: str = "") -> None:
        """Write a picture as the user asks for it, by default to the run's file called `name`, and say where it is.

        `part` is added to the name of a picture beside the first one.
        """
        path, args = self.out(name), self.args
        path = path.with_stem(f"{path.stem}-{part}") if part else path
        save(picture.of(self.subject), path, scale=args.scale, labels=not args.no_labels, dpi=args.dpi)
        print(path)

    def data(self, stage: str) -> Any:
        """The data that the model was trained on, as --data and --data.KEY change them, set up for a stage too."""
        return self.splits.ready(stage)

    @cached_property
    def splits(self) -> Splits:
        """Those data, of which the split that --split says is looked at; read when images are first asked for."""
        with granted(self.args.trust):
            left = {} if self.args.data else without(self._described_data, self.args.data_settings)
            require_known_places(left, self.checkpoint, own=is_own(self.checkpoint))
        splits = Splits(self.unread_data, self.split)
        self._require_shapes(splits.data)
        return splits

    @cached_property
    def unread_data(self) -> LightningDataModule:
        """The same before any file is read; raises GenlabError where the checkpoint does not know its data."""
        with granted(self.args.trust):
            if self.args.data:
                data = changed_data(self.args.data, self.args.data_settings)
            else:  # all of whose classes are imported, also those that settings then replace
                described = self._described_data
                require_known_classes(described, self.checkpoint, own=is_own(self.checkpoint))
                changed = self.args.data_settings
                data = changed_data(described, changed) if changed else rebuilt_data(described, self.checkpoint)
        self._require_shapes(data)
        return data

    @cached_property
    def _described_data(self) -> dict[str, Any]:
        return stated_data(self._described, self.checkpoint)

    def _require_shapes(self, data: LightningDataModule) -> None:
        """Raise GenlabError for data of other images than the model's."""
        for fact in SHAPES:
            has, takes = getattr(data, fact, None), getattr(self.model, fact, None)
            if has and takes and tuple(has) != tuple(takes):
                raise GenlabError(
                    f"the {type(self.model).__name__} in {self.checkpoint} takes images of shape {tuple(takes)}, "
                    f"{type(data).__name__} has {tuple(has)}"
                )

    @property
    def split(self) -> str:
        """The name of the data's split that is looked at: train, val or test."""
        return self.args.split or "test"

    def images(self) -> Any:
        """The data's images that the tool looks at; see `Splits.images_for`."""
        return self.splits.images_for(self.model)

    def framing(self) -> Framing:
        """How an image file becomes an image like those of the model's data; none of these are read.

        Raises GenlabError for a model of images that no file holds.
        """
        shape: Any = self.model.image_shape
        if shape[0] not in (1, 3):
            raise GenlabError(f"a model of images with {shape[0]} channels takes no image files")
        framing: Framing = getattr(self.unread_data, "framing", Framing(shape))
        return framing


@torch.no_grad()
def encoded(trained: Trained, images: Any, chosen: Tensor) -> Tensor:
    """The codes of the images at positions `chosen` (N,) of a data set: (N, code_size).

    Of a conditional model under each image's own condition.
    """
    seen = (trained.able_to_with(images[rows], Encodes) for rows in chosen.split(BATCH))  # type: ignore[type-abstract]
    return torch.cat([encoder.encode(x) for encoder, x in seen])


def _any_condition(model: Any) -> Tensor | None:
    """A condition that a conditional model knows, (1, ...); None for other models."""
    if not isinstance(model, Conditional):
        return None
    if model.source_shape:
        return torch.zeros(1, *model.source_shape)
    return torch.zeros(1, dtype=torch.int64) if model.num_classes else torch.zeros(1, len(model.attribute_names))
