"""Images in memory, cut into whole batches by index."""

from collections.abc import Callable, Iterator

import numpy as np
import torch
from lightning.pytorch import LightningDataModule
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, DistributedSampler

from genlab.errors import GenlabError
from genlab.hparams import PlainHyperparameters
from genlab.types import ImageBatch, Shape


class ImageTensors(Dataset[ImageBatch]):
    """Images (N, C, H, W), uint8, with their labels (N,); an index is a tensor of positions, an item a whole batch.

    Args:
        images: the images.
        labels: their classes.
        transform: applied to each batch of images, floats in [0, 1].
    """

    def __init__(self, images: Tensor, labels: Tensor, transform: Callable[[Tensor], Tensor] | None = None) -> None:
        self.images = images
        self.labels = labels
        self.transform = transform

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: Tensor) -> ImageBatch:
        images = self.images.index_select(0, index) / 255
        return {
            "image": self.transform(images) if self.transform else images,
            "label": self.labels.index_select(0, index),
        }

    def subset(self, index: Tensor) -> "ImageTensors":
        """The images at these positions, as a data set of their own."""
        return ImageTensors(self.images[index], self.labels[index], self.transform)


class BatchSampler(DistributedSampler[Tensor]):
    """Yields the positions of one batch at a time, (batch_size,), this process's share of them.

    With `shuffle`, each epoch has an order of its own, a function of seed and epoch alone, and incomplete batches
    are left out, so that all batches are of one size and all processes have as many. Without, all images come in order.

    A DistributedSampler in name so that Lightning leaves it in place under every strategy.
    """

    def __init__(
        self,
        length: int,
        batch_size: int,
        *,
        shuffle: bool,
        seed: int = 0,
        rank: int = 0,
        world_size: int = 1,
    ) -> None:
        self.length, self.batch_size, self.shuffle, self.seed = length, batch_size, shuffle, seed
        self.rank, self.world_size = rank, world_size
        self.epoch = 0

    def __len__(self) -> int:
        if self.shuffle:
            return self.length // (self.batch_size * self.world_size)
        return -(-len(range(self.rank, self.length, self.world_size)) // self.batch_size)

    def __iter__(self) -> Iterator[Tensor]:
        order = torch.arange(self.length)
        if self.shuffle:
            order = order[np.random.default_rng((self.seed, self.epoch)).permutation(self.length)]
        self.epoch += 1
        yield from order[self.rank :: self.world_size].split(self.batch_size)[: len(self)]


class ImageDataModule(PlainHyperparameters, LightningDataModule):
    """What the data modules of image data sets share: loaders, and facts that are known before any file is read.

    A subclass sets the facts and reads its files in `prepare_data` (download, once per machine) and `setup`, which
    assigns `train_set`, `val_set` and `test_set`.

    Args:
        batch_size: images per batch and process.
        seed: of the validation split and of the order of batches.
    """

    image_shape: Shape
    """(C, H, W)."""
    num_classes: int
    attribute_names: tuple[str, ...] = ()
    train_set: ImageTensors
    val_set: ImageTensors
    test_set: ImageTensors

    def __init__(self, batch_size: int, seed: int) -> None:
        super().__init__()
        self.batch_size = batch_size
        self.seed = seed

    def split(self, images: ImageTensors, *fractions: float) -> list[ImageTensors]:
        """Cut a data set by `seed` into parts of the given fractions and a first part with the rest."""
        order = torch.randperm(len(images), generator=torch.Generator().manual_seed(self.seed))
        sizes = [round(len(images) * fraction) for fraction in fractions]
        parts = order.split([len(images) - sum(sizes), *sizes])
        return [images.subset(part) for part in parts]

    def train_dataloader(self) -> DataLoader[ImageBatch]:
        """Shuffled batches, all of `batch_size`."""
        if len(self.train_set) < self.batch_size:
            raise GenlabError(
                f"{type(self).__name__} has {len(self.train_set)} training images, fewer than one batch of "
                f"{self.batch_size}; lower batch_size"
            )
        return self._loader(self.train_set, shuffle=True)

    def val_dataloader(self) -> DataLoader[ImageBatch]:
        """The validation images in order."""
        return self._loader(self.val_set, shuffle=False)

    def test_dataloader(self) -> DataLoader[ImageBatch]:
        """The test images in order."""
        return self._loader(self.test_set, shuffle=False)

    predict_dataloader = test_dataloader

    def _loader(self, images: ImageTensors, *, shuffle: bool) -> DataLoader[ImageBatch]:
        rank, world_size = (self.trainer.global_rank, self.trainer.world_size) if self.trainer else (0, 1)
        sampler = BatchSampler(
            len(images), self.batch_size, shuffle=shuffle, seed=self.seed, rank=rank, world_size=world_size
        )
        return DataLoader(
            images,
            batch_size=None,  # the sampler's positions are whole batches
            sampler=sampler,
            pin_memory=torch.cuda.is_available(),
            generator=torch.Generator(),  # else each epoch would take a number from the global generator
        )
