"""Data of a user's own: DataModules that are not genlab's, as models and tools need them."""

import contextlib
import functools
import hashlib
import itertools
import random
import warnings
from abc import abstractmethod
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
import torch
from lightning.pytorch import LightningDataModule
from lightning.pytorch.utilities import rank_zero_only
from lightning.pytorch.utilities.model_helpers import is_overridden
from torch import Tensor

from genlab.batches import check_images
from genlab.data import BatchDataModule, DomainDataModule, ImageDataModule, PairDataModule
from genlab.data.batches.tensors import DomainTensors, ImageTensors, PairTensors
from genlab.errors import GenlabError
from genlab.random_state import random_state, set_random_state

MOST_IMAGES = 10_000
"""Images of a split that tools look at."""
MOST_BYTES = 2**30
"""Memory that these may take."""
IMAGES = ("image", "source", "target", "a", "b")
"""Parts of batches that are images."""
SECOND = {1: ("image", "label"), 2: ("image", "attributes"), 4: ("source", "target")}
"""What the parts of a tuple are, by the dimensions of the second."""


def fact(data: LightningDataModule, name: str) -> Any:
    """What a model must know of data: the value of their attribute `name`, else what their batches say.

    Shapes are those of the first training batch. Classes are the `classes` of the training data set, as torchvision's
    have them; else there are as many as the largest label of all training batches says.

    Args:
        data: any DataModule, before training.
        name: "image_shape", "source_shape", "a_shape", "num_classes", "class_names" or "attribute_names".

    Raises:
        GenlabError: when the first batch cannot be read, or holds no images.
    """
    told = getattr(data, name, None)
    if told is not None or isinstance(data, BatchDataModule):
        return told
    parts = first_batch(data)
    if name == "class_names":
        return classes(data) if "label" in parts else ()
    if name == "num_classes":
        return (len(classes(data)) or count_classes(data)) if "label" in parts else 0
    if name == "attribute_names":
        return tuple(f"attribute{i}" for i in range(parts["attributes"].shape[1] if "attributes" in parts else 0))
    kinds = {"image_shape": ("image", "target", "b"), "source_shape": ("source",), "a_shape": ("a", "source")}
    shapes = [tuple(parts[kind].shape[1:]) for kind in kinds[name] if kind in parts]
    return shapes[0] if shapes else None


@functools.lru_cache(maxsize=1)
def first_batch(data: LightningDataModule) -> dict[str, Tensor]:
    """The first training batch, as a dict of its parts; no random number is taken from training.

    Raises GenlabError when it cannot be read, or holds no images.
    """
    remedy = "set self.image_shape = (channels, height, width) in its __init__"
    name = type(data).__name__
    with undisturbed():
        try:
            rank_zero_only(data.prepare_data)()
            data.setup("fit")
            batch = next(iter(batches(data, "train")))
        except Exception as error:  # the user's own
            reason = " ".join(f"{type(error).__name__}: {error}".split())
            raise GenlabError(f"{name} says no image_shape, and has no first batch ({reason}); {remedy}") from error
    parts = parts_of(batch)
    if not any(kind in parts for kind in IMAGES):
        raise GenlabError(
            f"the batches of {name} are of type {type(batch).__name__} and hold no images (B, C, H, W); give "
            "(image, label), dicts with 'image', or tensors"
        )
    return parts


def classes(data: LightningDataModule) -> tuple[str, ...]:
    """The names of the classes of the training data, which are set up; none where the data set has none."""
    dataset: Any = getattr(data.train_dataloader(), "dataset", None)
    while dataset is not None:
        if hasattr(dataset, "classes"):
            return tuple(map(str, dataset.classes))
        dataset = getattr(dataset, "dataset", None)  # of a Subset
    return ()


def count_classes(data: LightningDataModule) -> int:
    """One more than the largest label of the training data, which are set up."""
    with undisturbed():
        labels = [parts_of(batch)["label"] for batch in batches(data, "train")]
    return max(1 + int(label.max()) for label in labels)


def as_genlabs(data: LightningDataModule) -> BatchDataModule:
    """The images of any DataModule, as tools take them: genlab's own as they are, others gathered by `setup`."""
    if isinstance(data, BatchDataModule):
        return data
    parts = first_batch(data)
    kind = OwnPairs if "source" in parts else OwnDomains if "a" in parts else OwnImages
    named: type[OwnData] = type(type(data).__name__, (kind,), {})  # as messages and reports call it
    return named(data)


class OwnData(BatchDataModule):
    """The batches of a DataModule that is not genlab's, gathered when they are set up.

    At most 10,000 images of a split (fewer where these take more than 1 GB), with 256 levels. Where there are no test
    batches, those of validation stand for them.

    Args:
        given: the DataModule.
    """

    def __init__(self, given: LightningDataModule) -> None:
        super().__init__(batch_size=64, num_workers=0, seed=0)
        self.given = given
        self.image_shape = fact(given, "image_shape")
        self.attribute_names = tuple(fact(given, "attribute_names"))
        self.class_names = tuple(fact(given, "class_names"))
        self.num_classes = getattr(given, "num_classes", len(self.class_names))

    def prepare_data(self) -> None:
        """Let the DataModule prepare its data."""
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
        """Let the DataModule set itself up, with the same random splits each time."""
        with undisturbed():
            self.given.setup(stage)

    def _has(self, split: str) -> bool:
        return is_overridden(f"{split}_dataloader", self.given, LightningDataModule)

    def gathered(self, split: str) -> Any:
        """The data set of a split; raises GenlabError for data without it."""
        if not self._has(split):
            raise GenlabError(f"{type(self.given).__name__} has no {split} images; give it a {split}_dataloader")
        parts = gathered(self.given, split)
        if "label" in parts:
            self.num_classes = max(self.num_classes, 1 + int(parts["label"].max()))
        content = hashlib.sha256()
        for name in sorted(parts):
            content.update(parts[name].contiguous().numpy().data)
        self.hparams[split] = content.hexdigest()  # tells these data from others, where something is kept of them
        return self.assembled(parts)

    @abstractmethod
    def assembled(self, parts: dict[str, Tensor]) -> Any:
        """A data set of the parts of all batches; images are uint8."""


class OwnImages(OwnData, ImageDataModule):
    """Single images."""

    def assembled(self, parts: dict[str, Tensor]) -> ImageTensors:
        return ImageTensors(parts.pop("image"), parts)


class OwnPairs(OwnData, PairDataModule):
    """Aligned pairs."""

    def __init__(self, given: LightningDataModule) -> None:
        super().__init__(given)
        self.source_shape = fact(given, "source_shape")

    def assembled(self, parts: dict[str, Tensor]) -> PairTensors:
        return PairTensors(ImageTensors(parts["source"]), ImageTensors(parts["target"]))


class OwnDomains(OwnData, DomainDataModule):
    """Two domains."""

    def __init__(self, given: LightningDataModule) -> None:
        super().__init__(given)
        self.a_shape = fact(given, "a_shape")

    def assembled(self, parts: dict[str, Tensor]) -> DomainTensors:
        return DomainTensors(ImageTensors(parts["a"]), ImageTensors(parts["b"]))


def gathered(data: LightningDataModule, split: str) -> dict[str, Tensor]:
    """The parts of all batches of a split, up to the limits: images uint8, labels and attributes as they are.

    The same each time, also where batches are shuffled. Raises GenlabError for images that are not in [0, 1].
    """
    name = type(data).__name__
    kept: dict[str, list[Tensor]] = defaultdict(list)
    count, most = 0, MOST_IMAGES
    with undisturbed():
        for batch in batches(data, split):
            parts = parts_of(batch)
            images = [part for part in IMAGES if part in parts]
            size = sum(parts[part][0].numel() for part in images)
            most = max(1, min(MOST_IMAGES, MOST_BYTES // max(1, size)))
            if count >= most:
                warnings.warn(f"{name} has more {split} images; the first {most:,} of them are used", stacklevel=2)
                break
            for part in images:
                check_images(parts[part], f"the {split} images of {name}", parts[part].dtype)
                parts[part] = parts[part].mul(255).round().clamp(0, 255).to(torch.uint8)
            for part, value in parts.items():
                kept[part].append(value.detach().cpu())
            count += len(parts[images[0]])
    if not kept:
        raise GenlabError(f"{name} gives no {split} batches")
    return {part: torch.cat(values)[:most] for part, values in kept.items()}


def batches(data: LightningDataModule, split: str) -> Iterable[Any]:
    """The batches of a split ("train", "val" or "test"), of one dataloader or several."""
    loaders = getattr(data, f"{split}_dataloader")()
    if isinstance(loaders, Mapping):
        loaders = list(loaders.values())
    return itertools.chain.from_iterable(loaders if isinstance(loaders, list | tuple) else [loaders])


def parts_of(batch: Any) -> dict[str, Tensor]:
    """The parts of a batch that genlab knows: of a dict, a tensor, or a tuple, whose second part says what it is."""
    parts = batch
    if isinstance(batch, Tensor):
        parts = {"image": batch}
    elif isinstance(batch, list | tuple) and batch:
        names = SECOND.get(getattr(batch[1], "ndim", 0), ("image",)) if len(batch) > 1 else ("image",)
        parts = dict(zip(names, batch, strict=False))
    if not isinstance(parts, Mapping):
        return {}
    images = {part: parts[part] for part in IMAGES if getattr(parts.get(part), "ndim", 0) == 4}
    facts = {part: parts[part] for part in ("label", "attributes") if isinstance(parts.get(part), Tensor)}
    return images | facts


@contextlib.contextmanager
def undisturbed() -> Iterator[None]:
    """Draw random numbers inside of the block from a seed of its own, and none of those that follow it."""
    before = random_state()
    random.seed(0)
    np.random.seed(0)
    torch.manual_seed(0)
    try:
        yield
    finally:
        set_random_state(before)
