"""What DataModules share: loaders of whole batches, and facts that are known before any file is read."""

from abc import abstractmethod
from functools import cached_property
from typing import Any

import torch
from lightning.pytorch import LightningDataModule
from lightning.pytorch.utilities import rank_zero_info
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from genlab.data.batches.sampling import BatchSampler, SameBatches, UnpairedBatchSampler
from genlab.data.batches.splits import held_out
from genlab.data.batches.tensors import DomainTensors, ImageTensors
from genlab.data.files.framing import Framing
from genlab.errors import GenlabError, counted
from genlab.hparams import PlainHyperparameters
from genlab.ranges import LARGEST_SEED, at_least, between
from genlab.types import Shape

SPLITS = ("train_set", "val_set", "test_set")
"""What `setup` assigns."""
MOST_WORKERS = 1024


class BatchDataModule(PlainHyperparameters, LightningDataModule):
    """Loaders for data sets of whole batches, as in `genlab.data.batches.tensors`.

    A subclass sets the facts and reads its files in `prepare_data` (download, once per machine) and `setup`, which
    assigns `train_set`, `val_set` and `test_set`.

    Args:
        batch_size: images, pairs or draws from both domains per batch and process; at most all there are to train on.
        num_workers: processes that put batches together; 0 lets the training process do it, which is fastest for images
            in memory. More are of use only where augmentation costs more than the model's step.
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
    class_names: tuple[str, ...] = ()
    """What the classes are called, in the order of their labels; none without labels."""
    attribute_names: tuple[str, ...] = ()
    train_set: Any
    val_set: Any
    test_set: Any

    def __init__(self, batch_size: int, num_workers: int, seed: int) -> None:
        super().__init__()
        at_least(1, batch_size=batch_size)
        between(0, MOST_WORKERS, num_workers=num_workers)
        between(0, LARGEST_SEED, seed=seed)
        self.batch_size = batch_size
        self.num_workers = num_workers
        self.seed = seed
        self._left_at: dict[str, int] = {}
        self._noted = False

    @cached_property
    def framing(self) -> Framing:
        """How an image file becomes an image like those of the data; nothing is read to know it."""
        return Framing(self.image_shape)

    @abstractmethod
    def setup(self, stage: str | None = None) -> None:
        """Assign the splits of a stage, "fit", "validate", "test" or "predict", or all of them."""

    def opened(self, stage: str | None) -> dict[str, Any]:
        """Set a stage up; the splits that there are then, by name."""
        self.setup(stage)
        return {split: getattr(self, split) for split in SPLITS if hasattr(self, split)}

    def train_dataloader(self) -> DataLoader[Any]:
        """Shuffled batches, all of `batch_size`, or of as many images as there are for each process, with a note."""
        _, world_size = self._place()
        size = self._batch_of(self.train_set)
        if not size:
            raise GenlabError(
                f"{type(self).__name__} has {counted(len(self.train_set), 'training image')}, fewer than the "
                f"{world_size} processes; take fewer, with --trainer.devices"
            )
        if size < self.batch_size and not self._noted:
            self._noted = True
            rank_zero_info(
                f"batch_size {self.batch_size}{' for each process' * (world_size > 1)} is more than the "
                f"{counted(len(self.train_set), 'training image')}; {size} is used"
            )
        loader = self.loader(self.train_set, shuffle=True)
        loader.sampler.go_on(**self._left_at)  # type: ignore[attr-defined]
        self._left_at = {}
        return loader

    def val_dataloader(self) -> DataLoader[Any]:
        """The validation images in order."""
        return self.loader(self.val_set, shuffle=False)

    def test_dataloader(self) -> DataLoader[Any]:
        """The test images in order."""
        return self.loader(self.test_set, shuffle=False)

    predict_dataloader = test_dataloader

    def loader(self, data: Any, *, shuffle: bool) -> DataLoader[Any]:
        """Batches of a data set as in `genlab.data.batches.tensors`, this process's share of them."""
        rank, world_size = self._place()
        overfits = bool(getattr(self.trainer, "overfit_batches", 0))
        if overfits and world_size > 1:
            raise GenlabError("overfit_batches is for one process; give --trainer.devices 1")
        options: dict[str, Any] = {"shuffle": shuffle, "seed": self.seed, "rank": rank, "world_size": world_size}
        options["seeded"] = self.num_workers > 0
        size = self._batch_of(data) if shuffle else self.batch_size
        sampler = (
            UnpairedBatchSampler(data.lengths, size, **options)
            if isinstance(data, DomainTensors)
            else BatchSampler(len(data), size, **options)
        )
        # without one of its own, the loader would take a number from the global generator every epoch
        generator = torch.Generator().manual_seed(torch.initial_seed() % 2**62 + rank)
        return BatchLoader(
            SeededBatches(data) if self.num_workers else data,
            batch_size=None,  # the sampler's positions are whole batches
            sampler=SameBatches(sampler) if overfits else sampler,
            num_workers=self.num_workers,
            persistent_workers=self.num_workers > 0,
            pin_memory=torch.cuda.is_available(),
            generator=generator,
        )

    def state_dict(self) -> dict[str, Any]:
        """The epoch, counted from 0, and how many of which batches training has had of it: for a checkpoint."""
        loop: Any = self.trainer.fit_loop  # type: ignore[union-attr]
        epochs, batches = loop.epoch_progress.current, loop.epoch_loop.batch_progress
        left_at = {"epoch": epochs.processed, "batches": batches.current.processed}
        if batches.is_last_batch:
            left_at = {"epoch": max(epochs.ready, epochs.processed), "batches": 0}
        return {"left_at": left_at, "order": self._order()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Let the next training begin with the batches after these.

        Raises GenlabError when that is inside an epoch, and its other batches would be of another size or order.
        """
        if not self.trainer or not self.trainer.training:
            return
        if state["left_at"]["batches"] and state["order"] != self._order():
            were, are = (", ".join(f"{k} {v}" for k, v in order.items()) for order in (state["order"], self._order()))
            raise GenlabError(
                f"training was left inside an epoch, with {were}, and cannot end it with {are}; go on with the same, "
                "or from a checkpoint at the end of an epoch"
            )
        self._left_at = state["left_at"]

    def _order(self) -> dict[str, int]:
        """What an epoch's order depends on."""
        size = self._batch_of(self.train_set) if hasattr(self, "train_set") else self.batch_size
        return {"batch_size": size, "processes": self._place()[1], "seed": self.seed}

    def _batch_of(self, data: Any) -> int:
        """The images of a whole batch of a data set: no more than there are for each process."""
        return min(self.batch_size, len(data) // self._place()[1])

    def _place(self) -> tuple[int, int]:
        """This process's rank, and the number of processes."""
        return (self.trainer.global_rank, self.trainer.world_size) if self.trainer else (0, 1)


class SeededBatches(Dataset[Any]):
    """A data set in worker processes, where augmentation is drawn from the seed that comes with a batch's positions.

    So it does not matter which worker makes a batch, nor what it made before.
    """

    def __init__(self, data: Any) -> None:
        self.data = data

    def __len__(self) -> int:
        return len(self.data)

    def __getitem__(self, index: tuple[Tensor, int]) -> Any:
        positions, seed = index
        torch.manual_seed(seed)
        return self.data[positions]


class BatchLoader(DataLoader[Any]):
    """A DataLoader of which Lightning need not warn that it cannot go on inside an epoch: its sampler does."""

    def state_dict(self) -> dict[str, Any]:
        """Nothing: the DataModule has it."""
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Nothing to do."""


class ImageDataModule(BatchDataModule):
    """A DataModule whose batches are `genlab.types.ImageBatch`."""

    train_set: ImageTensors
    val_set: ImageTensors
    test_set: ImageTensors

    def split(self, images: ImageTensors, parts: int) -> list[ImageTensors]:
        """Cut a data set by `seed` into a first part and one or more tenths of the whole."""
        return [images.subset(rows) for rows in held_out(torch.arange(len(images)), self.seed, parts)]
