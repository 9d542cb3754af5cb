"""MNIST (LeCun et al. 1998), from torchvision's files."""

import os
from pathlib import Path
from typing import Literal

import torch
import torchvision

from genlab.data.loading import ImageDataModule, ImageTensors
from genlab.errors import GenlabError
from genlab.types import Shape


def data_folder(data_dir: str | None) -> Path:
    """The folder of data sets: the one given, else the environment's GENLAB_DATA_DIR, else ./data."""
    return Path(data_dir or os.environ.get("GENLAB_DATA_DIR") or "data")


class MNIST(ImageDataModule):
    """Grey 28 x 28 images of ten digits: 60,000 for training and the official 10,000 for testing.

    A tenth of the training images, drawn by `seed`, is for validation. Files lie in `data_dir`/MNIST/raw, as
    torchvision keeps them, and are downloaded when missing.

    Args:
        data_dir: folder of data sets; by default the environment's GENLAB_DATA_DIR, else ./data.
        batch_size: images per batch and process.
        binarize: "dynamic" draws each training pixel as black or white anew for every batch, with its grey value as
            the probability (Salakhutdinov & Murray 2008); validation and test images are drawn once, by `seed`, so
            that their figures can be compared.
        seed: of the validation split, of the order of batches and of the binarised validation and test images.
    """

    image_shape: Shape = (1, 28, 28)
    num_classes = 10

    def __init__(
        self,
        data_dir: str | None = None,
        batch_size: int = 128,
        binarize: Literal["none", "dynamic"] = "none",
        seed: int = 0,
    ) -> None:
        super().__init__(batch_size, seed)
        self.save_hyperparameters(logger=False)
        self.data_dir = data_folder(data_dir)
        self.binarize = binarize

    def prepare_data(self) -> None:
        """Download what is missing."""
        try:
            torchvision.datasets.MNIST(self.data_dir, download=True)
        except (RuntimeError, OSError) as error:
            reason = " ".join(str(error).split())
            raise GenlabError(
                f"MNIST could not be downloaded to {self.data_dir} ({reason}); put its four files "
                f"(train-images-idx3-ubyte and so on) in {self.data_dir / 'MNIST' / 'raw'}, "
                "or say where they are with --data.data_dir or GENLAB_DATA_DIR"
            ) from None

    def setup(self, stage: str | None = None) -> None:
        """Read the splits of a stage: "fit", "validate", "test", "predict", or all."""
        if stage in ("fit", "validate", None):
            self.train_set, self.val_set = self.split(self._read(train=True), 0.1)
            self._binarize_for_evaluation(self.val_set)
            if self.binarize == "dynamic":
                self.train_set.transform = torch.bernoulli
        if stage in ("test", "predict", None):
            self.test_set = self._read(train=False)
            self._binarize_for_evaluation(self.test_set)

    def _read(self, train: bool) -> ImageTensors:
        files = torchvision.datasets.MNIST(self.data_dir, train=train)
        return ImageTensors(files.data[:, None], files.targets)

    def _binarize_for_evaluation(self, images: ImageTensors) -> None:
        if self.binarize == "dynamic":
            generator = torch.Generator().manual_seed(self.seed)
            images.images = torch.bernoulli(images.images / 255, generator=generator).byte() * 255
