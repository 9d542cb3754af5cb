"""Images and options of an evaluation: an unaugmented split of a DataModule, and how a user wants it judged."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from lightning.pytorch import LightningDataModule
from torch import Tensor
from tqdm import tqdm

from genlab.capabilities import Conditional, KnowsWords, can, seen_in
from genlab.data import ImageDataModule
from genlab.data.batches.augmentation import unaugmented
from genlab.data.own import as_genlabs
from genlab.devices import CPU
from genlab.errors import GenlabError
from genlab.facts import stated


@dataclass(frozen=True)
class Options:
    """Options of an evaluation.

    Args:
        limit: maximum number of images.
        seed: seed for the choice of images, and for all noise.
        codes: number of codes per image to estimate a likelihood, or of chains to estimate a partition function; by
            default the protocol's own.
        temperatures: number of temperatures for annealed importance sampling; by default the protocol's own.
        by_features: whether to compare features even if the model could be judged in another way.
        network: name of the network that computes these features; see `genlab.evaluation.extractors.extractor`.
        path_length: whether to measure perceptual path lengths with them too.
        mixing: whether to also measure what mixed styles and noise change in samples.
        device: device of this network.
        condition: condition (1, ...) of all images, as the model's `given` takes it; by default each image has its
            own.
    """

    limit: int = 10**9
    seed: int = 0
    codes: int | None = None
    temperatures: int | None = None
    by_features: bool = False
    network: str | None = None
    path_length: bool = False
    mixing: bool = False
    device: torch.device = CPU
    condition: Tensor | None = None


class Splits:
    """The images of a DataModule that a tool uses.

    Args:
        data: any DataModule; one that is not genlab's is converted as described in `genlab.data.own`.
        split: which of its images to use: train, val or test.
    """

    def __init__(self, data: LightningDataModule, split: str = "test") -> None:
        self.data = as_genlabs(data)
        self.split = split
        self._stages: set[str] = set()

    def ready(self, stage: str) -> Any:
        """Prepare the DataModule and set it up for a stage, "fit" or "test", unless that was done before."""
        if stage not in self._stages:
            if not self._stages:
                self.data.prepare_data()
            self.data.setup(stage)
            self._stages.add(stage)
        return self.data

    def images_for(self, model: object) -> Any:
        """Return the split's images as a data set: single images, or pairs for a model that completes them.

        Raises:
            GenlabError: for data of another kind, or without the split.
        """
        data = self.ready("test" if self.split == "test" else "fit")
        completes = can(model, Conditional) and model.condition.image_shape
        if can(model, KnowsWords):
            if not stated(data, "vocabulary"):
                raise GenlabError(f"this tool needs sentences, and {type(data).__name__} has none")
        elif not isinstance(data, ImageDataModule) and not completes:
            raise GenlabError(f"this tool needs single images, not the batches of {type(data).__name__}")
        images = getattr(data, f"{self.split}_set", None)
        if images is None:
            raise GenlabError(f"{type(data).__name__} has no {self.split} images; give another --split")
        return unaugmented(images)

    def seen_by(self, model: Any, options: Options, at_once: int, doing: str) -> Iterator[tuple[Any, Tensor]]:
        """Iterate over the split's images, or as many of them as the options say, drawn with their seed.

        Args:
            model: model that sees them; a conditional one is given each image's condition, or that of the options.
            options: options of the evaluation.
            at_once: number of images in a batch.
            doing: title of the progress bar.

        Yields:
            The model, given a batch's conditions if it is conditional, and its images; see `seen_in`.
        """
        images = self.images_for(model)
        if options.condition is not None:
            model = model.given(options.condition)
        order = torch.randperm(len(images), generator=torch.Generator().manual_seed(options.seed))
        chosen = order[: options.limit].sort().values
        with tqdm(total=len(chosen), desc=doing, unit=f" {getattr(model, 'observations', 'images')}") as bar:
            for rows in chosen.split(at_once):
                yield seen_in(model, images[rows])
                bar.update(len(rows))

    def training_images(self) -> Any:
        """Return the training images as a data set."""
        return unaugmented(self.ready("fit").train_set)
