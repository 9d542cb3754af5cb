"""A trained model as tool commands open it, with its data and its output files."""

import argparse
import hashlib
import json
from functools import cached_property
from pathlib import Path
from typing import Any, NoReturn

import torch
from lightning.pytorch import LightningDataModule, LightningModule
from torch import Tensor

from genlab import runs
from genlab.atomic import must_be_free, picture_format, require_ending
from genlab.capabilities import VERBS, Capability, Conditional, Encodes, KnowsWords, abilities, can, can_given, seen_in
from genlab.checkpoints import read, rebuilt_data
from genlab.commands.shared.data import changed_data, without
from genlab.commands.shared.decoding import set_decoding
from genlab.commands.shared.inputs import named_paths
from genlab.data.files.framing import Framing
from genlab.devices import device_of, moved
from genlab.errors import GenlabError
from genlab.evaluation.splits import Splits
from genlab.facts import SHAPES, Facts, adopt
from genlab.pictures.drawing import Drawable, save
from genlab.pictures.lines import Lines
from genlab.runs import is_own
from genlab.sheets import subject_of
from genlab.trust import granted, require_known_classes, require_known_places

BATCH = 500
"""Number of images that a tool passes to a model at a time."""


class Trained:
    """The model of a command's --ckpt, on the command's --device, with its data and its output files.

    The checkpoint is read once. The model's methods take and return tensors on the CPU, whatever the device; see
    `genlab.devices`.

    Args:
        args: the command's arguments.
        into_folder: whether --out is a folder, which the command checks itself.

    Raises:
        GenlabError: when there is no such checkpoint or device, or when --out already exists and --force is not given.
    """

    def __init__(self, args: argparse.Namespace, *, into_folder: bool = False) -> None:
        self.args = args
        self.device = device_of(args.device)
        self.inputs = named_paths(getattr(args, "input", None) or [])
        if args.out and not into_folder:
            must_be_free(args.out, args.force)
        self.checkpoint = runs.find_checkpoint(args.ckpt)
        with granted(args.trust):
            self._saved = read(self.checkpoint)
            self.model: LightningModule = moved(self._saved.model(), self.device)
        self.model.progress = True  # type: ignore[assignment]  # a user's own model ignores it
        if args.out and "no_labels" in args and args.out.suffix.lower() == ".txt" and not can(self.model, KnowsWords):
            picture_format(args.out, arrays=True)  # raises an error that lists picture formats
        if "decoding" in args:
            set_decoding(self.model, args)

    def able_to(self, capability: type[Capability]) -> Capability:
        """Return the model, typed as having a capability.

        Raises:
            GenlabError: when it does not have the capability.
        """
        return self._able(self.model, capability)

    def require(self, *capabilities: type[Any]) -> None:
        """Check that the model (if conditional, under a condition) has capabilities, before any data are read.

        Raises:
            GenlabError: when it lacks one.
        """
        for capability in capabilities:
            if not can_given(self.model, capability):
                self._refuse(capability)

    def able_to_with(self, batch: Any, capability: type[Capability]) -> tuple[Capability, Tensor]:
        """Return the model like `able_to`, if conditional under the conditions of a batch, and the batch's images."""
        able, images = seen_in(self.model, batch)
        return self._able(able, capability), images

    def able_under(self, condition: Tensor | None, capability: type[Capability]) -> Capability:
        """Return the model like `able_to`, under a condition as its `given` takes it; None if unconditional."""
        model: Any = self.model
        return self._able(model if condition is None else model.given(condition), capability)

    def condition_of(self, batch: Any) -> Tensor | None:
        """Return the conditions of the images in a batch; None for an unconditional model."""
        model: Any = self.model
        return model.condition.find(batch, model) if can(model, Conditional) else None

    def _able(self, able: Any, capability: type[Capability]) -> Capability:
        if not can(able, capability):
            self._refuse(capability)
        return able

    def _refuse(self, capability: type[Any]) -> NoReturn:
        raise GenlabError(
            f"the {type(self.model).__name__} in {self.checkpoint} cannot {VERBS.get(capability, 'draw codes')}; "
            f"it can {', '.join(abilities(self.model)) or 'do nothing that genlab has a tool for'}"
        )

    @cached_property
    def digest(self) -> str:
        """Hash of the checkpoint's weights, and of the hyperparameters of the model and of its data."""
        found = hashlib.sha256(json.dumps(self._saved.described, sort_keys=True).encode())
        for name, value in self.model.state_dict().items():
            if isinstance(value, Tensor):
                found.update(name.encode())
                found.update(value.cpu().contiguous().reshape(-1).view(torch.uint8).numpy().data)
        return found.hexdigest()

    def out(self, name: str) -> Path:
        """Return --out, or by default the path of the file `name` in the run, which may be replaced."""
        folder = runs.run_of(self.checkpoint) or self.checkpoint.parent
        path: Path = self.args.out or folder / name
        return path

    def written_to(self, name: str) -> Path:
        """Return the same path for a file whose only format is given by the extension of `name`.

        Raises:
            GenlabError: for an --out with another extension.
        """
        path = self.out(name)
        require_ending(path, Path(name).suffix)
        return path

    @property
    def subject(self) -> str:
        """Description of the model for a picture's title: its class, data, epochs of training, and --truncation."""
        named = subject_of(self.model, self.described_data, self._saved.epochs)
        truncation = getattr(self.args, "truncation", None)
        return named if truncation is None else f"{named}, truncation {truncation:g}"

    def draw(self, picture: Drawable, name: str, part: str = "") -> None:
        """Write a picture as the options say, and print its path; without --out, print lines of text instead.

        Args:
            picture: the picture or lines of text.
            name: the file in the run, unless --out names another.
            part: suffix of the file's name, for a command's second picture.
        """
        if isinstance(picture, Lines) and not self.args.out:
            print(picture.text)
            return
        path, args = self.out(name), self.args
        path = path.with_stem(f"{path.stem}-{part}") if part else path
        save(picture.of(self.subject), path, scale=args.scale, labels=not args.no_labels, dpi=args.dpi)
        print(path)

    def data(self, stage: str) -> Any:
        """Return the model's data, as changed by --data and --data.KEY, set up for a stage, "fit" or "test"."""
        return self.splits.ready(stage)

    @cached_property
    def splits(self) -> Splits:
        """The same data, with the split that --split names; read when images are first needed.

        Raises:
            GenlabError: for unknown or untrusted data, and for images of another shape than the model's.
        """
        with granted(self.args.trust):
            left = {} if self.args.data else without(self.described_data, self.args.data_settings)
            require_known_places(left, self.checkpoint, own=is_own(self.checkpoint))
        splits = Splits(self.unread_data, self.split)
        self._require_shapes(splits.data)
        return splits

    @cached_property
    def unread_data(self) -> LightningDataModule:
        """The same data before any file is read.

        Raises:
            GenlabError: if the checkpoint does not say what data it was trained on.
        """
        with granted(self.args.trust):
            if self.args.data:
                data = changed_data(self.args.data, self.args.data_settings)
            else:  # all classes are imported, even those that settings then replace
                described = self.described_data
                require_known_classes(described, self.checkpoint, own=is_own(self.checkpoint))
                changed = self.args.data_settings
                data = changed_data(described, changed) if changed else rebuilt_data(described, self.checkpoint)
        adopt(data, self.model.hparams)
        self._require_shapes(data)
        return data

    @cached_property
    def described_data(self) -> dict[str, Any]:
        """The checkpoint's description of its data: "_class_path" and arguments; empty if there is none."""
        return self._saved.stated_data()

    def require_images(self, instead: str) -> None:
        """Check that the model is one of images, for a tool that only draws.

        Args:
            instead: the end of the message: what to use for sentences.

        Raises:
            GenlabError: for a model of sentences.
        """
        if can(self.model, KnowsWords):
            raise GenlabError(
                f"this tool draws images, but the {type(self.model).__name__} in {self.checkpoint} is a model of "
                f"sentences; {instead}"
            )

    def _require_shapes(self, data: LightningDataModule) -> None:
        """Check that images have the model's shape, and that a model of sentences gets sentences.

        Raises:
            GenlabError: if not.
        """
        for fact in SHAPES:
            has, takes = getattr(data, fact, None), self.model.hparams.get(fact)
            if has and takes and tuple(has) != tuple(takes):
                raise GenlabError(
                    f"the {type(self.model).__name__} in {self.checkpoint} takes images of shape {tuple(takes)}, "
                    f"but {type(data).__name__} has {tuple(has)}"
                )
        if isinstance(data, Facts) and can(self.model, KnowsWords) != bool(data.vocabulary):
            takes, others = ("sentences", "images") if can(self.model, KnowsWords) else ("images", "sentences")
            name = type(self.model).__name__
            raise GenlabError(f"the {name} in {self.checkpoint} takes {takes}, but {type(data).__name__} has {others}")

    @property
    def split(self) -> str:
        """The split of the data to use: train, val or test."""
        return self.args.split or "test"

    def images(self) -> Any:
        """Return the images of the split as a data set; see `Splits.images_for`."""
        return self.splits.images_for(self.model)

    def framing(self) -> Framing:
        """Return the crop and resize that turn files into images like those of the data; reads no data.

        Raises:
            GenlabError: if the model's images do not have 1 or 3 channels.
        """
        shape: Any = self.model.image_shape
        if shape[0] not in (1, 3):
            raise GenlabError(f"image files have 1 or 3 channels, and the model takes images with {shape[0]}")
        framing: Framing = getattr(self.unread_data, "framing", Framing(shape))
        return framing


@torch.no_grad()
def encoded(trained: Trained, images: Any, chosen: Tensor) -> Tensor:
    """Encode images of a data set, each under its own condition if the model is conditional.

    Args:
        trained: the model.
        images: the data set.
        chosen: positions in it, (N,).

    Returns:
        Codes, (N, code_size).
    """
    seen = (trained.able_to_with(images[rows], Encodes) for rows in chosen.split(BATCH))
    return torch.cat([encoder.encode(x) for encoder, x in seen])
