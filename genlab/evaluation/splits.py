"""Images of a DataModule as tools look at them: one split, not augmented, set up when first asked for."""

from typing import Any

from lightning.pytorch import LightningDataModule

from genlab.capabilities import Conditional, can
from genlab.data import ImageDataModule
from genlab.data.batches.augmentation import unaugmented
from genlab.data.own import as_genlabs
from genlab.errors import GenlabError


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
        if not isinstance(data, ImageDataModule) and not completes:
            raise GenlabError(f"this tool needs single images, not the batches of {type(data).__name__}")
        images = getattr(data, f"{self.split}_set", None)
        if images is None:
            raise GenlabError(f"{type(data).__name__} has no {self.split} images; give another --split")
        return unaugmented(images)

    def training_images(self) -> Any:
        """Return the training images as a data set."""
        return unaugmented(self.ready("fit").train_set)
