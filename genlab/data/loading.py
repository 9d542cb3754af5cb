"""What DataModules share: loaders of whole batches, and facts that are known before any file is read."""

from abc import abstractmethod
from typing import Any

import torch
from lightning.pytorch import LightningDataModule
from torch.utils.data import DataLoader

from genlab.data.sampling import BatchSampler, UnpairedBatchSampler
from genlab.data.splits import held_out
from genlab.data.tensors import DomainTensors, ImageTensors
from genlab.errors import GenlabError
from genlab.hparams import PlainHyperparameters
from genlab.types import Shape

SPLITS = ("train_set", "val_set", "test_set")
"""What `setup` assigns."""


class BatchDataModule(PlainHyperparameters, LightningDataModule):
    """Loaders for data sets of whole batches, as in `genlab.data.tensors`.

    A subclass sets the facts and reads its files in `prepare_data` (download, once per machine) and `setup`, which
    assigns `train_set`, `val_set` and `test_set`.

    Args:
        batch_size: images, pairs or draws from both domains per batch and process.
        num_workers: processes that put batches together; 0 lets the training process do it, which is fastest for images
            in memory. More are of use only where augmentation costs more than the model's step; they draw their
            augmentation from a seed of their own, which resuming starts again.
        seed: of the splits and of the order of batches.
    """

    image_shape: Shape
    """(C, H, W)."""
    source_shape: Shape | None = None
    """Of the sources of aligned pairs, (C, H, W), where there are any."""
    a_shape: Shape | None = None
    """Of the images in domain a, (C, H, W), where there are two domains."""
    num_classes: int = 0
    """Of the labels; 0 without labels."""
    attribute_names: tuple[str, ...] = ()
    train_set: Any
    val_set: Any
    test_set: Any

    def __init__(self, batch_size: int, num_workers: int, seed: int) -> None:
        super().__init__()
        if batch_size < 1 or num_workers < 0 or seed < 0:
            raise GenlabError(
                f"{type(self).__name__} takes a batch_size of at least 1 and a num_workers and seed of at least 0, "
                f"not {batch_size}, {num_workers} and {seed}"
            )
        self.batch_size = batch_size
        self.num_workers = num_workers
        self.seed = seed

    @abstractmethod
    def setup(self, stage: str | None = None) -> None:
        """Assign the splits of a stage, "fit", "validate", "test" or "predict", or all of them."""

    def opened(self, stage: str | None) -> dict[str, Any]:
        """Set a stage up; the splits that there are then, by name."""
        self.setup(stage)
        return {split: getattr(self, split) for split in SPLITS if hasattr(self, split)}

    def train_dataloader(self) -> DataLoader[Any]:
        """Shuffled batches, all of `batch_size`."""
        _, world_size = self._place()
        if len(self.train_set) < self.batch_size * world_size:
            raise GenlabError(
                f"{type(self).__name__} has {len(self.train_set)} training images, fewer than one batch of "
                f"{self.batch_size} for each of {world_size} processes; lower batch_size"
            )
        return self.loader(self.train_set, shuffle=True)

    def val_dataloader(self) -> DataLoader[Any]:
        """The validation images in order."""
        return self.loader(self.val_set, shuffle=False)

    def test_dataloader(self) -> DataLoader[Any]:
        """The test images in order."""
        return self.loader(self.test_set, shuffle=False)

    predict_dataloader = test_dataloader

    def loader(self, data: Any, *, shuffle: bool) -> DataLoader[Any]:
        """Batches of a data set as in `genlab.data.tensors`, this process's share of them."""
        if getattr(self.trainer, "overfit_batches", 0):
            raise GenlabError(
                "overfit_batches does not go with data in whole batches; use --trainer.limit_train_batches"
            )
        rank, world_size = self._place()
        options: dict[str, Any] = {"shuffle": shuffle, "seed": self.seed, "rank": rank, "world_size": world_size}
        sampler = (
            UnpairedBatchSampler(data.lengths, self.batch_size, **options)
            if isinstance(data, DomainTensors)
            else BatchSampler(len(data), self.batch_size, **options)
        )
        # without one of its own, the loader would take a number from the global generator every epoch
        generator = torch.Generator().manual_seed(torch.initial_seed() % 2**62 + rank)
        return DataLoader(
            data,
            batch_size=None,  # the sampler's positions are whole batches
            sampler=sampler,
            num_workers=self.num_workers,
            persistent_workers=self.num_workers > 0,
            pin_memory=torch.cuda.is_available(),
            generator=generator,
        )

    def _place(self) -> tuple[int, int]:
        """This process's rank, and the number of processes."""
        return (self.trainer.global_rank, self.trainer.world_size) if self.trainer else (0, 1)


class ImageDataModule(BatchDataModule):
    """A DataModule whose batches are `genlab.types.ImageBatch`."""

    train_set: ImageTensors
    val_set: ImageTensors
    test_set: ImageTensors

    def split(self, images: ImageTensors, parts: int) -> list[ImageTensors]:
        """Cut a data set by `seed` into a first part and one or more tenths of the whole."""
        return [images.subset(rows) for rows in held_out(torch.arange(len(images)), self.seed, parts)]
