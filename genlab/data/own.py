"""A user's own DataModules, adapted to what genlab's models and tools expect."""

import functools
import hashlib
import itertools
import warnings
from abc import abstractmethod
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

import torch
from lightning.pytorch import LightningDataModule
from lightning.pytorch.utilities import rank_zero_only
from lightning.pytorch.utilities.model_helpers import is_overridden
from torch import Tensor

from genlab.batches import check_images, images_in, parts_of
from genlab.data import BatchDataModule, DomainDataModule, ImageDataModule, PairDataModule
from genlab.data.batches.tensors import DomainTensors, ImageTensors, PairTensors
from genlab.errors import GenlabError
from genlab.facts import FACTS, domains_in, stated
from genlab.images import eight_bits
from genlab.random_state import undisturbed

MOST_IMAGES = 10_000
"""Maximum number of images that tools take from a split."""
MOST_BYTES = 2**30
"""Maximum number of bytes of these images."""


def fact_of(data: LightningDataModule, name: str) -> Any:
    """Return a fact that a DataModule states as an attribute, or else observe it in the first training batch.

    Args:
        data: any DataModule, before training.
        name: one of `genlab.facts.FACTS`.

    Raises:
        GenlabError: when the first batch cannot be read, or holds no images.
    """
    value = stated(data, name)
    if value is not None or isinstance(data, BatchDataModule):
        return value
    return FACTS[name].observe(sample_of(data))


class Sample:
    """The first training batch of a DataModule that states no facts; leaves training's random state unchanged.

    Args:
        data: any DataModule; it is prepared and set up.

    Raises:
        GenlabError: when the first training batch cannot be read, or holds no images.
    """

    def __init__(self, data: LightningDataModule) -> None:
        remedy = "set self.image_shape = (channels, height, width) in its __init__"
        name = type(data).__name__
        with undisturbed():
            try:
                rank_zero_only(data.prepare_data)()
                data.setup("fit")
                batch = next(iter(batches(data, "train")))
            except Exception as error:  # any error of the user's own code
                reason = " ".join(f"{type(error).__name__}: {error}".split())
                raise GenlabError(f"{name} has no image_shape, and no first batch ({reason}); {remedy}") from error
        self.data, self.parts = data, parts_of(batch)
        if not images_in(self.parts):
            raise GenlabError(
                f"the batches of {name} are of type {type(batch).__name__} and hold no images (B, C, H, W); give "
                "(image, label), dicts with 'image', or tensors"
            )

    @functools.cached_property
    def class_names(self) -> tuple[str, ...]:
        """Attribute `classes` of the training data set, as torchvision's have; empty without it, or without labels."""
        dataset: Any = getattr(self.data.train_dataloader(), "dataset", None) if "label" in self.parts else None
        while dataset is not None and not hasattr(dataset, "classes"):
            dataset = getattr(dataset, "dataset", None)  # a Subset has its data set there
        return tuple(map(str, getattr(dataset, "classes", ())))

    @functools.cached_property
    def num_classes(self) -> int:
        """Number of class names, or else one more than the largest label in all training batches."""
        if "label" not in self.parts or self.class_names:
            return len(self.class_names)
        with undisturbed():
            labels = torch.cat([parts_of(batch)["label"] for batch in batches(self.data, "train")])
        return 1 + int(labels.max()) if are_classes(labels) else 0


sample_of = functools.lru_cache(maxsize=1)(Sample)
"""Sample data once, however many facts are asked for."""


def as_genlabs(data: LightningDataModule) -> BatchDataModule:
    """Return a DataModule as tools need it: genlab's own unchanged, others wrapped so that `setup` gathers images."""
    if isinstance(data, BatchDataModule):
        return data
    parts = sample_of(data).parts
    kind = OwnPairs if "source" in parts else OwnDomains if "a" in parts else OwnImages
    named: type[OwnData] = type(type(data).__name__, (kind,), {})  # so that messages use the name that the user knows
    return named(data)


class OwnData(BatchDataModule):
    """Batches of a user's own DataModule, gathered by `setup`.

    Keeps at most 10,000 images of a split (fewer if they take more than 1 GB), as 8-bit values. Without test batches,
    the validation batches are used.

    Args:
        given: the user's DataModule.
    """

    def __init__(self, given: LightningDataModule) -> None:
        super().__init__(batch_size=64, num_workers=0, seed=0)
        self.given = given
        for name in FACTS.keys() - {"num_classes"}:
            setattr(self, name, fact_of(given, name))
        self.num_classes = getattr(given, "num_classes", len(self.class_names))  # increased if labels exceed it

    def prepare_data(self) -> None:
        """Prepare the user's DataModule."""
        self.given.prepare_data()

    def setup(self, stage: str | None = None) -> None:
        """Gather the batches of a stage."""
        if stage in (None, "fit", "validate"):
            self._set_up("fit")
            self.train_set = self.gathered("train")
            if self._has("val") or stage == "validate":
                self.val_set = self.gathered("val")
        if stage in (None, "test", "predict"):
            tested = self._has("test")
            self._set_up("test" if tested else "fit")
            self.test_set = self.gathered("test" if tested else "val")

    def _set_up(self, stage: str) -> None:
        """Set up the user's DataModule, with the same random splits each time."""
        with undisturbed():
            self.given.setup(stage)

    def _has(self, split: str) -> bool:
        return is_overridden(f"{split}_dataloader", self.given, LightningDataModule)

    def gathered(self, split: str) -> Any:
        """Gather a split into a data set.

        Raises:
            GenlabError: if the DataModule has no such split.
        """
        if not self._has(split):
            raise GenlabError(f"{type(self.given).__name__} has no {split} images; give it a {split}_dataloader")
        parts = gathered(self.given, split)
        if "label" in parts:
            self.num_classes = max(self.num_classes, 1 + int(parts["label"].max()))
        content = hashlib.sha256()
        for name in sorted(parts):
            content.update(parts[name].contiguous().numpy().data)
        self.hparams[split] = content.hexdigest()  # identifies these data where results for them are cached
        return self.assembled(parts)

    @abstractmethod
    def assembled(self, parts: dict[str, Tensor]) -> Any:
        """Build a data set from the parts of all batches; images are uint8."""


class OwnImages(OwnData, ImageDataModule):
    """Single images of a user's own DataModule."""

    def assembled(self, parts: dict[str, Tensor]) -> ImageTensors:
        return ImageTensors(parts.pop("image"), parts)


class OwnPairs(OwnData, PairDataModule):
    """Aligned pairs of a user's own DataModule."""

    def assembled(self, parts: dict[str, Tensor]) -> PairTensors:
        return PairTensors(ImageTensors(parts["source"]), ImageTensors(parts["target"]))


class OwnDomains(OwnData, DomainDataModule):
    """Two or more domains of a user's own DataModule."""

    def assembled(self, parts: dict[str, Tensor]) -> DomainTensors:
        return DomainTensors(*(ImageTensors(parts[domain]) for domain in domains_in(parts)))


def gathered(data: LightningDataModule, split: str) -> dict[str, Tensor]:
    """Gather the parts of all batches of a split, up to the limits: images as uint8, labels and attributes as they are.

    The result is the same each time, even if batches are shuffled.

    Raises:
        GenlabError: for images outside [0, 1], and when there are no batches.
    """
    name = type(data).__name__
    kept: dict[str, list[Tensor]] = defaultdict(list)
    count, most = 0, MOST_IMAGES
    with undisturbed():
        for batch in batches(data, split):
            parts = parts_of(batch)
            images = images_in(parts)
            size = sum(parts[part][0].numel() for part in images)
            most = max(1, min(MOST_IMAGES, MOST_BYTES // max(1, size)))
            if count >= most:
                warnings.warn(f"{name} has more {split} images; the first {most:,} of them are used", stacklevel=2)
                break
            for part in images:
                check_images(parts[part], f"the {split} images of {name}", parts[part].dtype)
                parts[part] = eight_bits(parts[part])
            for part, value in parts.items():
                kept[part].append(value.detach().cpu())
            count += len(parts[images[0]])
    if not kept:
        raise GenlabError(f"{name} gives no {split} batches")
    found = {part: torch.cat(values)[:most] for part, values in kept.items()}
    if "label" in found:
        label = found.pop("label")
        found |= {"label": label.long()} if are_classes(label) else {}
    return found


def are_classes(labels: Tensor) -> bool:
    """Return whether labels are classes, that is whole numbers (possibly as floats), and not measurements."""
    return not labels.is_floating_point() or labels.equal(labels.round())


def batches(data: LightningDataModule, split: str) -> Iterable[Any]:
    """Iterate over the batches of a split ("train", "val" or "test"), whether from one dataloader or several."""
    loaders = getattr(data, f"{split}_dataloader")()
    if isinstance(loaders, Mapping):
        loaders = list(loaders.values())
    return itertools.chain.from_iterable(loaders if isinstance(loaders, list | tuple) else [loaders])
