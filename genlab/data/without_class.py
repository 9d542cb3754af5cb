"""Labelled images with one class kept from training, to see whether a model finds it strange."""

from functools import cached_property

from genlab.data.base import ImageDataModule
from genlab.data.files.framing import Framing
from genlab.errors import GenlabError


class WithoutClass(ImageDataModule):
    """Training and validation images without those of one class; all test images.

    Args:
        data: where the images come from, with their batch size, order and augmentation.
        label: the class that is left out.

    Raises GenlabError for a class that the data do not have.
    """

    def __init__(self, data: ImageDataModule, label: int) -> None:
        super().__init__(data.batch_size, data.num_workers, data.seed)
        self.save_hyperparameters(logger=False)
        self.data, self.label = data, label
        self.image_shape = data.image_shape
        self.num_classes, self.class_names = data.num_classes, data.class_names
        if not 0 <= label < data.num_classes:
            raise GenlabError(f"{type(data).__name__} has {data.num_classes} classes, none of them {label}")

    @cached_property
    def framing(self) -> Framing:
        """That of the images."""
        return self.data.framing

    def prepare_data(self) -> None:
        self.data.prepare_data()

    def setup(self, stage: str | None = None) -> None:
        """Open the splits that the data open."""
        for split, images in self.data.opened(stage).items():
            setattr(self, split, images if split == "test_set" else images.subset(images.labels != self.label))
