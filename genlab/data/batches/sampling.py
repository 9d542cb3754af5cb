"""The order of batches: a function of seed and epoch, each process its share."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DistributedSampler, SequentialSampler


class BatchSampler(DistributedSampler[Tensor]):
    """Yield the positions of one batch at a time, (batch_size,): this process's share of them.

    It is a DistributedSampler in name, so that Lightning leaves it in place under every strategy.

    Args:
        length: number of positions.
        batch_size: positions per batch.
        shuffle: give each epoch an order of its own, a function of seed and epoch alone, and leave out incomplete
            batches, so that all batches are of one size and all processes have as many. Otherwise all positions come
            in order.
        seed: of the order.
        rank: this process's number.
        world_size: number of processes.
        seeded: yield `(positions, seed)`, with a seed for what is random in the batch: a function of `seed`, epoch,
            process and the batch's number, and without `shuffle` the same in every epoch.
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
        seeded: bool = False,
    ) -> None:
        self.length, self.batch_size, self.shuffle, self.seed = length, batch_size, shuffle, seed
        self.rank, self.world_size, self.seeded = rank, world_size, seeded
        self.epoch = 0
        self._done = 0

    def resume(self, epoch: int = 0, batches: int = 0) -> None:
        """Let the next epoch be this one, counted from 0, without its first `batches`."""
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
        return torch.from_numpy(random.permutation(self.length)) if self.shuffle else torch.arange(self.length)


class SameBatches(SequentialSampler):
    """Yield the batches of the first epoch in every epoch, for `overfit_batches`.

    It is a SequentialSampler in name, so that Lightning leaves it in place.
    """

    def __init__(self, batches: BatchSampler) -> None:
        super().__init__(batches)
        self.batches = batches

    def resume(self, epoch: int = 0, batches: int = 0) -> None:
        """Let the next epoch be the first one again, without its first `batches`."""
        self.batches.resume(0, batches)

    def __len__(self) -> int:
        return len(self.batches)

    def __iter__(self) -> Iterator[Any]:
        self.batches.epoch = 0
        return iter(self.batches)


class UnpairedBatchSampler(BatchSampler):
    """Yield positions in two domains, (batch_size, 2).

    An epoch goes once through the larger domain, and through the smaller one as often as that takes. With `shuffle`
    both have an order of their own, so that pairings are new in every epoch.

    Args:
        lengths: number of images in each domain.
        batch_size: as `BatchSampler` takes it, like the others.
        shuffle: whether each epoch has orders of its own.
        seed: of the orders.
        rank: this process's number.
        world_size: number of processes.
        seeded: whether each batch comes with a seed.
    """

    def __init__(
        self,
        lengths: tuple[int, int],
        batch_size: int,
        *,
        shuffle: bool,
        seed: int = 0,
        rank: int = 0,
        world_size: int = 1,
        seeded: bool = False,
    ) -> None:
        super().__init__(
            max(lengths), batch_size, shuffle=shuffle, seed=seed, rank=rank, world_size=world_size, seeded=seeded
        )
        self.lengths = lengths

    def _order(self, random: np.random.Generator) -> Tensor:
        return torch.stack([self._rounds(length, random) for length in self.lengths], 1)

    def _rounds(self, length: int, random: np.random.Generator) -> Tensor:
        """Return `self.length` positions below `length`: all of them, then all of them again."""
        rounds = [
            torch.from_numpy(random.permutation(length)) if self.shuffle else torch.arange(length)
            for _ in range(-(-self.length // length))
        ]
        return torch.cat(rounds)[: self.length]
