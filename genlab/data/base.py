"""Base classes of DataModules: one for each kind of batch (images, pairs, domains), and one common to all."""

from abc import abstractmethod
from functools import cached_property
from typing import Any

import torch
from lightning.pytorch import LightningDataModule
from lightning.pytorch.utilities import rank_zero_info, rank_zero_warn
from torch.utils.data import DataLoader

from genlab.data.batches.sampling import BatchLoader, BatchSampler, SameBatches, SeededBatches
from genlab.data.batches.splits import held_out
from genlab.data.batches.tensors import DegradedTensors, DomainTensors, ImageTensors, PairTensors
from genlab.data.files.framing import Framing
from genlab.errors import GenlabError, counted
from genlab.facts import Facts
from genlab.hparams import PlainHyperparameters
from genlab.ranges import LARGEST_SEED, at_least, between
from genlab.types import Shape

SPLITS = ("train_set", "val_set", "test_set")
"""Names of the attributes that `setup` assigns."""
MOST_WORKERS = 1024


class BatchDataModule(PlainHyperparameters, Facts, LightningDataModule):
    """DataModule that loads data sets of whole batches, as in `genlab.data.batches.tensors`.

    A subclass sets its facts (`genlab.facts.Facts`), downloads its files in `prepare_data` (once per machine), and
    reads them in `setup`, which assigns `train_set`, `val_set` and `test_set`.

    Args:
        batch_size: images, pairs, or images of each domain, per batch and process; reduced if there are fewer to train
            on.
        num_workers: number of processes that assemble batches; with 0 the training process does it, which is fastest
            for images in memory. More only help where augmentation takes longer than the model's step.
        seed: seed of the splits and of the order of batches.

    Raises:
        GenlabError: for numbers out of range.
    """

    item = "image"
    """Name in messages of the items in a batch."""
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
        """Crop and resize that make an image file match the images of these data; reads no file."""
        return Framing(self.image_shape)

    @abstractmethod
    def setup(self, stage: str | None = None) -> None:
        """Assign the splits of a stage ("fit", "validate", "test" or "predict"), or all splits for None."""

    def opened(self, stage: str | None) -> dict[str, Any]:
        """Set up a stage, and return the assigned splits by name."""
        self.setup(stage)
        return {split: getattr(self, split) for split in SPLITS if hasattr(self, split)}

    def train_dataloader(self) -> DataLoader[Any]:
        """Load shuffled batches of `batch_size`; smaller ones, with a note, if a process has fewer images than that.

        Raises:
            GenlabError: if there are fewer training images than processes.
        """
        _, world_size = self._place()
        size = self._batch_of(self.train_set)
        if not size:
            raise GenlabError(
                f"{type(self).__name__} has {counted(len(self.train_set), f'training {self.item}')}, fewer than the "
                f"{world_size} processes; use fewer, with --trainer.devices"
            )
        if size < self.batch_size and not self._noted:
            self._noted = True
            rank_zero_info(
                f"batch_size {self.batch_size}{' for each process' * (world_size > 1)} is more than the "
                f"{counted(len(self.train_set), f'training {self.item}')}; {size} is used"
            )
        loader = self.loader(self.train_set, shuffle=True)
        loader.sampler.resume(**self._left_at)  # type: ignore[attr-defined]
        self._left_at = {}
        return loader

    def val_dataloader(self) -> DataLoader[Any]:
        """Load the validation images in order."""
        return self.loader(self.val_set, shuffle=False)

    def test_dataloader(self) -> DataLoader[Any]:
        """Load the test images in order."""
        return self.loader(self.test_set, shuffle=False)

    predict_dataloader = test_dataloader

    def loader(self, data: Any, *, shuffle: bool) -> DataLoader[Any]:
        """Load this process's share of the batches of a data set of `genlab.data.batches.tensors`.

        Raises:
            GenlabError: for `overfit_batches` with several processes.
        """
        rank, world_size = self._place()
        overfits = bool(getattr(self.trainer, "overfit_batches", 0))
        if overfits and world_size > 1:
            raise GenlabError("overfit_batches works with one process only; give --trainer.devices 1")
        sampler = BatchSampler(
            data.lengths if isinstance(data, DomainTensors) else len(data),
            self._batch_of(data) if shuffle else self.batch_size,
            shuffle=shuffle,
            seed=self.seed,
            rank=rank,
            world_size=world_size,
            seeded=self.num_workers > 0,
            sizes=getattr(data, "sizes", None),  # a user's data set of batches may have none
        )
        # without its own generator, the loader would draw a number from the global one every epoch
        generator = torch.Generator().manual_seed(torch.initial_seed() % 2**62 + rank)
        return BatchLoader(
            SeededBatches(data) if self.num_workers else data,
            batch_size=None,  # the sampler yields the positions of whole batches
            sampler=SameBatches(sampler) if overfits else sampler,
            num_workers=self.num_workers,
            persistent_workers=self.num_workers > 0,
            pin_memory=torch.cuda.is_available(),
            generator=generator,
        )

    def state_dict(self) -> dict[str, Any]:
        """Return the progress of training for a checkpoint: the epoch, from 0, its batches so far, and their order."""
        loop: Any = self.trainer.fit_loop  # type: ignore[union-attr]
        epochs, batches = loop.epoch_progress.current, loop.epoch_loop.batch_progress
        left_at = {"epoch": epochs.processed, "batches": batches.current.processed}
        if batches.is_last_batch:
            left_at = {"epoch": max(epochs.ready, epochs.processed), "batches": 0}
        return {"left_at": left_at, "order": self._order()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Make training resume with the batches that follow a checkpoint.

        Raises:
            GenlabError: when that is inside an epoch whose remaining batches would have another size or order.
        """
        if not self.trainer or not self.trainer.training:
            return
        now = self._order()
        were = {name: value for name, value in state["order"].items() if name in now}
        are = {name: now[name] for name in were}
        if state["left_at"]["batches"] and were != are:
            left, given = (", ".join(f"{name} {value}" for name, value in order.items()) for order in (were, are))
            raise GenlabError(
                f"training was interrupted inside an epoch, with {left}, and cannot finish it with {given}; resume "
                "with the same, or from a checkpoint at the end of an epoch"
            )
        items = f"{self.item}s"
        if were.get(items) != are.get(items):
            rank_zero_warn(
                f"training resumes with {are[items]:,} training {items}, but it had {were[items]:,} before; if splits "
                "are drawn at random, test images may have been trained on"
            )
        self._left_at = state["left_at"]

    def _order(self) -> dict[str, int]:
        """Return the settings that determine the order of an epoch's batches."""
        order = {"batch_size": self.batch_size, "processes": self._place()[1], "seed": self.seed}
        if hasattr(self, "train_set"):
            order["batch_size"] = self._batch_of(self.train_set)
            order[f"{self.item}s"] = sum(getattr(self.train_set, "lengths", (len(self.train_set),)))
        return order

    def _batch_of(self, data: Any) -> int:
        """Return the size of a whole batch of a data set: at most the number of items for each process."""
        return min(self.batch_size, len(data) // self._place()[1])

    def _place(self) -> tuple[int, int]:
        """Return this process's rank, and the number of processes."""
        return (self.trainer.global_rank, self.trainer.world_size) if self.trainer else (0, 1)


class ImageDataModule(BatchDataModule):
    """A DataModule whose batches are `genlab.types.ImageBatch`."""

    train_set: ImageTensors
    val_set: ImageTensors
    test_set: ImageTensors

    def split(self, images: ImageTensors, parts: int) -> list[ImageTensors]:
        """Split a data set by `seed`: `parts` tenths of the whole, preceded by the rest."""
        return [images.subset(rows) for rows in held_out(torch.arange(len(images)), self.seed, parts)]


class PairDataModule(BatchDataModule):
    """A DataModule whose batches are `genlab.types.PairBatch`; `image_shape` is the targets' shape."""

    source_shape: Shape
    aligned: bool = True
    train_set: PairTensors | DegradedTensors
    val_set: PairTensors | DegradedTensors
    test_set: PairTensors | DegradedTensors


class DomainDataModule(BatchDataModule):
    """A DataModule whose batches are `genlab.types.DomainBatch`; all domains except a have the shape `image_shape`.

    Domains may differ in size: an epoch goes once through the largest one, and pairings are new every epoch.
    """

    a_shape: Shape
    num_domains: int = 2
    domain_names: tuple[str, ...] = ("a", "b")
    """Names of domains a, b and so on."""
    aligned: bool = False
    """Whether `a[i]` and `b[i]` of validation and test batches belong together, so that translations can be scored."""
    train_set: DomainTensors
    val_set: DomainTensors
    test_set: DomainTensors
