"""Order and loading of batches: the order is a function of seed and epoch, and each process takes its share of it."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, DistributedSampler, SequentialSampler

WINDOW = 50
"""Number of steps, of one batch per process, whose items are sorted by size together."""


class BatchSampler(DistributedSampler[Tensor]):
    """Yield the positions of one batch at a time, (batch_size,) or (batch_size, domains): this process's share.

    An epoch goes once through the largest domain, and repeats smaller ones as often as necessary. With `shuffle` each
    domain has its own order, so that pairings are new in every epoch.

    With `sizes` and `shuffle` the order is still random, but a batch holds items of similar size: the items of every 50
    batches of the random order are sorted by size, then all batches are shuffled. The result is still a function of
    seed and epoch.

    It derives from DistributedSampler only so that Lightning does not replace it, whatever the strategy.

    Args:
        lengths: number of positions, or their number in each domain.
        batch_size: positions per batch.
        shuffle: give each epoch its own order, a function of seed and epoch alone, and leave out incomplete batches, so
            that all batches have the same size and all processes the same number of batches. Otherwise all positions
            come in order.
        seed: seed of the order.
        rank: this process's number.
        world_size: number of processes.
        seeded: yield `(positions, seed)`, where the seed is for random operations on the batch: a function of `seed`,
            epoch, process and the batch's number; without `shuffle` it is the same in every epoch.
        sizes: sizes of the items, (N,), to batch items of similar size.
    """

    def __init__(
        self,
        lengths: int | tuple[int, ...],
        batch_size: int,
        *,
        shuffle: bool,
        seed: int = 0,
        rank: int = 0,
        world_size: int = 1,
        seeded: bool = False,
        sizes: Tensor | None = None,
    ) -> None:
        self.lengths, self.batch_size, self.shuffle, self.seed = lengths, batch_size, shuffle, seed
        self.length = lengths if isinstance(lengths, int) else max(lengths)
        self.rank, self.world_size, self.seeded, self.sizes = rank, world_size, seeded, sizes
        self.epoch = 0
        self._done = 0

    def resume(self, epoch: int = 0, batches: int = 0) -> None:
        """Make the next epoch this one, counted from 0, and skip its first `batches`."""
        self.epoch, self._done = epoch, batches

    def __len__(self) -> int:
        if self.shuffle:
            return self.length // (self.batch_size * self.world_size)
        return -(-len(range(self.rank, self.length, self.world_size)) // self.batch_size)

    def __iter__(self) -> Iterator[Any]:
        epoch, done = self.epoch, self._done
        self.epoch, self._done = epoch + 1, 0
        order = self._order(np.random.default_rng((self.seed, epoch)))
        batches = order[self.rank :: self.world_size].split(self.batch_size)
        for number in range(done, len(self)):
            yield (batches[number], self._seed_of(epoch, number)) if self.seeded else batches[number]

    def _seed_of(self, epoch: int, number: int) -> int:
        place = (self.seed, epoch if self.shuffle else 0, self.rank, number)
        return int(np.random.SeedSequence(place).generate_state(1)[0])

    def _order(self, random: np.random.Generator) -> Tensor:
        if isinstance(self.lengths, int):
            order = self._positions(self.lengths, random)
            return order if self.sizes is None or not self.shuffle else self._by_size(order, self.sizes, random)
        return torch.stack([self._rounds(length, random) for length in self.lengths], 1)

    def _by_size(self, order: Tensor, sizes: Tensor, random: np.random.Generator) -> Tensor:
        """Batch items of similar size, with the batches of all processes in random order."""
        together = self.batch_size * self.world_size
        windows = order[: len(self) * together].split(WINDOW * together)
        batches = torch.cat([window[sizes[window].argsort(stable=True)] for window in windows]).view(-1, together)
        return batches[torch.from_numpy(random.permutation(len(batches)))].flatten()

    def _rounds(self, length: int, random: np.random.Generator) -> Tensor:
        """Return `self.length` positions below `length`: all of them, repeated as often as necessary."""
        rounds = range(-(-self.length // length))
        return torch.cat([self._positions(length, random) for _ in rounds])[: self.length]

    def _positions(self, length: int, random: np.random.Generator) -> Tensor:
        return torch.from_numpy(random.permutation(length)) if self.shuffle else torch.arange(length)


class SameBatches(SequentialSampler):
    """Yield the batches of the first epoch in every epoch, for `overfit_batches`.

    It derives from SequentialSampler only so that Lightning does not replace it.
    """

    def __init__(self, batches: BatchSampler) -> None:
        super().__init__(batches)
        self.batches = batches

    def resume(self, epoch: int = 0, batches: int = 0) -> None:
        """Make the next epoch the first one again, and skip its first `batches`."""
        self.batches.resume(0, batches)

    def __len__(self) -> int:
        return len(self.batches)

    def __iter__(self) -> Iterator[Any]:
        self.batches.epoch = 0
        return iter(self.batches)


class SeededBatches(Dataset[Any]):
    """A data set for worker processes, which seeds augmentation with the seed that comes with a batch's positions.

    A batch then does not depend on which worker makes it, nor on what that worker made before.
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
    """A DataLoader that Lightning recognises as able to resume inside an epoch, as its sampler is."""

    def state_dict(self) -> dict[str, Any]:
        """Return nothing: the DataModule saves the state."""
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Do nothing: the DataModule restores the state."""
