"""Data sets that return whole batches: indexed with a tensor of positions, they return the batch at these positions.

They also work like any PyTorch data set: an integer gives one image or pair, and `torch.utils.data`'s `Subset`,
`ConcatDataset`, `random_split` and `DataLoader(data, batch_size=128, shuffle=True)` accept them.
"""

import operator
import warnings
from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar, cast

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from genlab.errors import GenlabError
from genlab.facts import DOMAINS
from genlab.types import DomainBatch, ImageBatch, PairBatch, SentenceBatch

Transform = Callable[[Tensor], Tensor]
"""Maps a batch of images (B, C, H, W), float in [0, 1], to another such batch."""

Batch = TypeVar("Batch", ImageBatch, PairBatch, DomainBatch, SentenceBatch)


class BatchDataset(Dataset[Batch]):
    """A data set with two kinds of index.

    A tensor of positions (B, ...), a list or array of positions, or a slice gives a batch: a dict of tensors (B, ...).
    An integer gives one item: a dict of the same tensors without their first dimension. Negative integers count from
    the end.
    """

    sizes: Tensor | None = None
    """Sizes of the items, (N,), if batching items of similar size saves work; None if all have the same size."""

    @abstractmethod
    def __len__(self) -> int:
        """Return the number of positions."""

    @abstractmethod
    def batch(self, positions: Tensor) -> Batch:
        """Return a batch of the items at positions (B,), int64, each at least 0 and less than the length."""

    def without(self, kind: type) -> Any:
        """Return the same data without the transforms of a type; by default there are no transforms to remove."""
        return self

    def __getitem__(self, index: Any) -> Batch:
        """Return a batch, or one item.

        Raises:
            IndexError: for positions outside the data set.
        """
        if isinstance(index, Tensor) and index.ndim:
            return self.batch(index)
        if isinstance(index, slice | list | np.ndarray):
            return cast(Batch, self._rows(index))
        return self.__getitems__([index])[0]

    def __getitems__(self, indices: Sequence[int]) -> list[Batch]:
        """Return items for a DataLoader to collate, read all at once."""
        batch = self._rows(indices)
        return [dict(zip(batch, row, strict=True)) for row in zip(*batch.values(), strict=True)]  # type: ignore[misc]

    def _rows(self, index: Any) -> Any:
        """Return a batch without its positions, which are meaningless in a Subset or ConcatDataset."""
        length = len(self)
        chosen = range(length)[index] if isinstance(index, slice) else index
        positions = torch.tensor([operator.index(position) for position in chosen], dtype=torch.int64)
        outside = positions[(positions < -length) | (positions >= length)]
        if len(outside):
            raise IndexError(f"there is no position {int(outside[0])} in a data set of {length}")
        batch = dict(self.batch(positions % max(1, length)))
        batch.pop("index", None)
        return batch


class ImageTensors(BatchDataset[ImageBatch]):
    """Images in memory or in a memory-mapped file, with their labels or attributes.

    Args:
        stored: (N, C, H, W), uint8; or a .npy file with such an array, which is memory-mapped, so that only the images
            of a batch are read.
        facts: labels or attributes, by their name in a batch: "label" (N,), "attributes" (N, number of attributes).
    """

    def __init__(self, stored: Tensor | Path, facts: Mapping[str, Tensor] | None = None) -> None:
        self.mapped = stored if isinstance(stored, Path) else None
        self.stored = _map(stored) if isinstance(stored, Path) else stored
        self.facts = dict(facts or {})
        self.rows = torch.arange(len(self.stored))
        """Positions in `stored` of this set's images, in order."""
        self.transforms: tuple[Transform, ...] = ()
        """Transforms of each batch of images, in the order in which they are applied."""

    def __len__(self) -> int:
        return len(self.rows)

    def batch(self, positions: Tensor) -> ImageBatch:
        """Return the images at positions (B,), transformed, with their labels or attributes."""
        rows = self.rows.index_select(0, positions)
        images = self.stored.index_select(0, rows).float().div_(255)
        for transform in self.transforms:
            images = transform(images)
        facts = {name: fact.index_select(0, rows) for name, fact in self.facts.items()}
        if not self.transforms:
            facts["index"] = positions
        return cast(ImageBatch, {"image": images, **facts})

    def subset(self, index: Tensor) -> "ImageTensors":
        """Return a data set of the images at some positions, or where a mask is true, without copying images."""
        return self._with(rows=self.rows[index])

    def transformed(self, *transforms: Transform) -> "ImageTensors":
        """Return the same images with additional transforms."""
        return self._with(transforms=(*self.transforms, *transforms))

    def without(self, kind: type) -> "ImageTensors":
        return self._with(transforms=tuple(t for t in self.transforms if not isinstance(t, kind)))

    @property
    def images(self) -> Tensor:
        """All images of the set in memory, (N, C, H, W), uint8, without transforms."""
        return self.stored[self.rows]

    @property
    def labels(self) -> Tensor | None:
        """Labels (N,), or None for images without labels."""
        return self.facts["label"][self.rows] if "label" in self.facts else None

    def _with(self, **changes: Any) -> "ImageTensors":
        other = object.__new__(ImageTensors)
        vars(other).update(vars(self) | changes)
        return other

    def __getstate__(self) -> dict[str, Any]:
        """Leave out the memory-mapped file, which another process maps itself."""
        return vars(self) | ({"stored": None} if self.mapped else {})

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        if self.mapped:
            self.stored = _map(self.mapped)


class PairTensors(BatchDataset[PairBatch]):
    """Aligned pairs from two sets of images of the same height, width and order.

    Args:
        source: images to translate.
        target: images to translate them to.
        transform: applied to source and target together, concatenated along the channels.
    """

    def __init__(self, source: ImageTensors, target: ImageTensors, transform: Transform | None = None) -> None:
        self.source, self.target, self.transform = source, target, transform

    def sides(self) -> tuple[ImageTensors, ImageTensors]:
        """Return sources and targets as separate data sets, each transformed by itself."""
        transforms = [self.transform] if self.transform else []
        return self.source.transformed(*transforms), self.target.transformed(*transforms)

    def without(self, kind: type) -> "PairTensors":
        transform = None if isinstance(self.transform, kind) else self.transform
        return PairTensors(self.source.without(kind), self.target.without(kind), transform)

    def __len__(self) -> int:
        return len(self.source)

    def batch(self, positions: Tensor) -> PairBatch:
        """Return the pairs at positions (B,), transformed."""
        source, target = self.source.batch(positions)["image"], self.target.batch(positions)["image"]
        if self.transform:
            together = self.transform(torch.cat([source, target], 1))
            source, target = together.split([source.shape[1], target.shape[1]], 1)
        return {"source": source, "target": target}


class DegradedTensors(BatchDataset[PairBatch]):
    """Pairs of degraded images and the images themselves.

    Args:
        images: the targets.
        degradation: turns targets into sources.
    """

    def __init__(self, images: ImageTensors, degradation: Transform) -> None:
        self.images, self.degradation = images, degradation

    def sides(self) -> tuple[ImageTensors, ImageTensors]:
        """Return sources and targets as separate data sets."""
        return self.images.transformed(self.degradation), self.images

    def without(self, kind: type) -> "DegradedTensors":
        return DegradedTensors(self.images.without(kind), self.degradation)

    def __len__(self) -> int:
        return len(self.images)

    def batch(self, positions: Tensor) -> PairBatch:
        """Return the pairs at positions (B,)."""
        target = self.images.batch(positions)["image"]
        return {"source": self.degradation(target), "target": target}


class DomainTensors(BatchDataset[DomainBatch]):
    """Images from two or more domains; an index is (B, number of domains): positions in a, positions in b, and so on.

    An index (B,), or one number, gives fixed pairs: each position is taken modulo the length of each domain. The
    loaders of DataModules draw new pairs in every epoch.

    Args:
        domains: images of a, of b, and so on.

    Raises:
        GenlabError: when a domain has no images.
    """

    def __init__(self, *domains: ImageTensors) -> None:
        self.domains = dict(zip(DOMAINS, domains, strict=False))
        if not all(self.lengths):
            counts = ", ".join(f"{len(images)} in {domain}" for domain, images in self.domains.items())
            raise GenlabError(f"a domain has no images: {counts}")

    def transformed(self, *transforms: Transform) -> "DomainTensors":
        """Return the same domains with additional transforms, applied to each domain by itself."""
        return DomainTensors(*(images.transformed(*transforms) for images in self.sides()))

    def without(self, kind: type) -> "DomainTensors":
        return DomainTensors(*(images.without(kind) for images in self.sides()))

    def sides(self) -> tuple[ImageTensors, ...]:
        """Return the domains as separate data sets."""
        return tuple(self.domains.values())

    @property
    def lengths(self) -> tuple[int, ...]:
        """Number of images in each domain."""
        return tuple(map(len, self.sides()))

    def __len__(self) -> int:
        return max(self.lengths)

    def batch(self, positions: Tensor) -> DomainBatch:
        """Return the images at positions (B, number of domains), or (B,)."""
        columns = [positions % n for n in self.lengths] if positions.ndim == 1 else positions.unbind(1)
        each = zip(self.domains.items(), columns, strict=True)
        return {domain: images.batch(column)["image"] for (domain, images), column in each}


def _map(path: Path) -> Tensor:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The given NumPy array is not writable")
        return torch.from_numpy(np.load(path, mmap_mode="r"))
