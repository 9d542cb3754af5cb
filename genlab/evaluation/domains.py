"""Images of two domains, for models that translate."""

from dataclasses import dataclass, replace

import torch

from genlab.data import AttributeDomains, BatchDataModule, ClassDomains, DomainDataModule, PairDataModule
from genlab.data.batches.augmentation import unaugmented
from genlab.data.batches.tensors import ImageTensors
from genlab.errors import GenlabError
from genlab.evaluation.splits import Splits
from genlab.types import Shape


@dataclass(frozen=True)
class Translated:
    """Images to translate in a direction, and images of the domain that they are translated to."""

    direction: str
    start: ImageTensors
    end: ImageTensors
    start_shape: Shape
    end_shape: Shape


@dataclass(frozen=True)
class Domains:
    """Images of domain a and of domain b, or sources and targets."""

    a: ImageTensors
    b: ImageTensors
    a_shape: Shape
    b_shape: Shape
    aligned: bool
    """Whether `a[i]` and `b[i]` belong together."""
    data: BatchDataModule
    """The DataModule that knows labels or attributes of the images, where any does."""

    def translated(self, direction: str) -> Translated:
        """The domains in the order of a direction, "a_to_b" or "b_to_a"."""
        if direction == "a_to_b":
            return Translated(direction, self.a, self.b, self.a_shape, self.b_shape)
        return Translated(direction, self.b, self.a, self.b_shape, self.a_shape)

    def some(self, count: int, seed: int) -> "Domains":
        """At most `count` images of each, drawn by a seed; what belongs together stays so."""

        def drawn(images: ImageTensors) -> ImageTensors:
            return images.subset(torch.randperm(len(images), generator=torch.Generator().manual_seed(seed))[:count])

        return replace(self, a=drawn(self.a), b=drawn(self.b))


def domains_of(splits: Splits) -> Domains:
    """The images of a split of two domains, or of pairs.

    Raises:
        GenlabError: for data of another kind.
    """
    data = splits.ready("fit")
    if isinstance(data, PairDataModule):
        a_shape = data.source_shape
    elif isinstance(data, DomainDataModule):
        a_shape = data.a_shape
    else:
        raise GenlabError(f"this tool needs pairs or two domains, not the batches of {type(data).__name__}")
    splits.ready("test")
    known = data.data if isinstance(data, AttributeDomains | ClassDomains) else data
    a, b = unaugmented(getattr(data, f"{splits.split}_set")).sides()
    aligned = data.aligned and (isinstance(data, PairDataModule) or splits.split != "train")
    return Domains(a, b, a_shape, data.image_shape, aligned, known)
