"""Images and options of an evaluation: one split of a DataModule, not augmented, and how a user wants it judged."""

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
        seed: seed of the choice of images, and of all noise.
        codes: number of codes per image for estimates of a likelihood, or of chains for one of a partition function;
            by default the protocol's own.
        temperatures: number of temperatures for annealed importance sampling; by default the protocol's own.
        by_features: whether to compare features, also for a model that could be judged in another way.
        network: name of the network of these features; see `genlab.evaluation.extractors.extractor`.
        path_length: whether to measure perceptual path lengths by them too.
        mixing: whether to measure what mixed styles and noise change, beside samples.
        device: device of this network.
        condition: the condition (1, ...), as the model's `given` takes it, of all images; by default each image has its
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
    """The images of a DataModule that a tool looks at.

    Args:
        data: any DataModule; those that are not genlab's are gathered as `genlab.data.own` says.
        split: which of its images are looked at: train, val or test.
    """

    def __init__(self, data: LightningDataModule, split: str = "test") -> None:
        self.data = as_genlabs(data)
        self.split = split
        self._stages: set[str] = set()

    def ready(self, stage: str) -> Any:
        """Prepare the DataModule and set it up for a stage, "fit" or "test", unless that is done."""
        if stage not in self._stages:
            if not self._stages:
                self.data.prepare_data()
            self.data.setup(stage)
            self._stages.add(stage)
        return self.data

    def images_for(self, model: object) -> Any:
        """Return the split's images as a data set: single ones, or pairs for a model that completes them.

        Raises:
            GenlabError: for data of another kind, or without the split.
        """
        data = self.ready("test" if self.split == "test" else "fit")
        completes = can(model, Conditional) and model.condition.image_shape
        if can(model, KnowsWords):
            if not stated(data, "vocabulary"):
                raise GenlabError(f"this tool needs sentences, which {type(data).__name__} has none of")
        elif not isinstance(data, ImageDataModule) and not completes:
            raise GenlabError(f"this tool needs single images, not the batches of {type(data).__name__}")
        images = getattr(data, f"{self.split}_set", None)
        if images is None:
            raise GenlabError(f"{type(data).__name__} has no {self.split} images; give another --split")
        return unaugmented(images)

    def seen_by(self, model: Any, options: Options, at_once: int, doing: str) -> Iterator[tuple[Any, Tensor]]:
        """Go through the split's images, or as many of them as the options say, drawn by their seed.

        Args:
            model: what sees them, each under its own condition or that of the options if it is conditional.
            options: of the evaluation.
            at_once: number of images in a batch.
            doing: title of the progress bar.

        Yields:
            What can be done with the images of a batch, as `genlab.capabilities.seen_in` says, and these.
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
