"""Images of domains, for models that translate."""

from dataclasses import dataclass, replace

import torch

from genlab.data import (
    AttributeDomains,
    BatchDataModule,
    ClassDomains,
    DomainDataModule,
    IdentityDomains,
    PairDataModule,
)
from genlab.data.batches.augmentation import unaugmented
from genlab.data.batches.tensors import ImageTensors
from genlab.errors import GenlabError, listed
from genlab.evaluation.splits import Splits
from genlab.facts import DOMAINS
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
    """Images of each domain, a, b and so on; or sources as a and targets as b."""

    images: dict[str, ImageTensors]
    a_shape: Shape
    b_shape: Shape
    """(C, H, W) of the images in all domains but a."""
    aligned: bool
    """Whether images at the same position belong together."""
    data: BatchDataModule
    """The DataModule that knows the images' labels or attributes, if any does."""

    def translated(self, direction: str) -> Translated:
        """Return the domains at which a direction, such as "a_to_b", starts and ends.

        Raises:
            GenlabError: for a domain that the data do not have.
        """
        ends = direction[0], direction[-1]
        if not self.images.keys() >= {*ends}:
            raise GenlabError(
                f"no images to translate {direction}; the domains of these data are {listed(self.images)}"
            )
        start, end = (self.images[domain] for domain in ends)
        start_shape, end_shape = (self.a_shape if domain == "a" else self.b_shape for domain in ends)
        return Translated(direction, start, end, start_shape, end_shape)

    def some(self, count: int, seed: int) -> "Domains":
        """Draw at most `count` images of each domain with a seed; aligned images stay aligned."""

        def drawn(images: ImageTensors) -> ImageTensors:
            return images.subset(torch.randperm(len(images), generator=torch.Generator().manual_seed(seed))[:count])

        return replace(self, images={domain: drawn(images) for domain, images in self.images.items()})


def domains_of(splits: Splits) -> Domains:
    """Return the images of a split of domains or pairs.

    Raises:
        GenlabError: for data of another kind.
    """
    data = splits.ready("fit")
    if isinstance(data, PairDataModule):
        a_shape = data.source_shape
    elif isinstance(data, DomainDataModule):
        a_shape = data.a_shape
    else:
        raise GenlabError(f"this tool needs pairs or domains, not the batches of {type(data).__name__}")
    splits.ready("test")
    known = data.data if isinstance(data, AttributeDomains | ClassDomains | IdentityDomains) else data
    sides = unaugmented(getattr(data, f"{splits.split}_set")).sides()
    aligned = data.aligned and (isinstance(data, PairDataModule) or splits.split != "train")
    return Domains(dict(zip(DOMAINS, sides, strict=False)), a_shape, data.image_shape, aligned, known)
