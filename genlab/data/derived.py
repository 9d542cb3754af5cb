"""DataModules derived from another DataModule, whose images, batch size, order and augmentation they keep."""

from abc import abstractmethod
from collections.abc import Sequence
from functools import cached_property
from typing import Any

from genlab.data.base import BatchDataModule, DomainDataModule, ImageDataModule, PairDataModule
from genlab.data.batches.splits import shuffled
from genlab.data.batches.tensors import DegradedTensors, DomainTensors, ImageTensors, PairTensors
from genlab.data.degradations import Degradation
from genlab.data.files.framing import Framing
from genlab.errors import GenlabError
from genlab.types import Shape


class DerivedDataModule(BatchDataModule):
    """A DataModule whose splits are derived from those of another.

    Args:
        data: the DataModule that the images come from.
    """

    def __init__(self, data: BatchDataModule) -> None:
        super().__init__(data.batch_size, data.num_workers, data.seed)
        self.save_hyperparameters(logger=False)  # of the subclass
        self.data = data
        self.image_shape = data.image_shape

    @cached_property
    def framing(self) -> Framing:
        """Crop and resize of the original data."""
        return self.data.framing

    def prepare_data(self) -> None:
        """Prepare the original data."""
        self.data.prepare_data()

    def setup(self, stage: str | None = None) -> None:
        """Set up the original data, and derive a split from each of theirs."""
        for split, content in self.data.opened(stage).items():
            setattr(self, split, self.derived(split, content))

    @abstractmethod
    def derived(self, split: str, content: Any) -> Any:
        """Derive a split from the original one.

        Args:
            split: "train_set", "val_set" or "test_set".
            content: the original data set.
        """


class WithoutClass(DerivedDataModule, ImageDataModule):
    """Images without one class in training and validation, to see whether a model recognises it as an outlier.

    The test images are complete.

    Args:
        data: DataModule that provides images, batch size, order and augmentation.
        label: the class to leave out.

    Raises:
        GenlabError: for a class that the data do not have.
    """

    def __init__(self, data: ImageDataModule, label: int) -> None:
        super().__init__(data)
        self.label = label
        self.num_classes, self.class_names = data.num_classes, data.class_names
        if not 0 <= label < data.num_classes:
            raise GenlabError(f"{type(data).__name__} has {data.num_classes} classes, but no class {label}")

    def derived(self, split: str, content: ImageTensors) -> ImageTensors:
        if split == "test_set":
            return content
        return content.subset(content.facts["label"][content.rows] != self.label)


class DegradedPairs(DerivedDataModule, PairDataModule):
    """Pairs made from any image DataModule: the image is the target, its degraded version the source.

    Args:
        data: DataModule that provides images, batch size, order and augmentation.
        degradation: turns a target into its source.
    """

    def __init__(self, data: ImageDataModule, degradation: Degradation) -> None:
        super().__init__(data)
        self.degradation = degradation
        self.source_shape: Shape = degradation.shape(data.image_shape)

    def derived(self, split: str, content: ImageTensors) -> DegradedTensors:
        return DegradedTensors(content, self.degradation)


class AttributeDomains(DerivedDataModule, DomainDataModule):
    """Images with an attribute (a), and images without it (b), such as smiling and other faces of CelebA.

    Args:
        data: DataModule that provides images, batch size, order and augmentation.
        attribute: the name of one of its attributes.

    Raises:
        GenlabError: for an attribute that the data do not have.
    """

    def __init__(self, data: ImageDataModule, attribute: str) -> None:
        super().__init__(data)
        self.a_shape = data.image_shape
        if attribute not in data.attribute_names:
            raise GenlabError(
                f"{type(data).__name__} has no attribute {attribute}; "
                f"it has {', '.join(data.attribute_names) or 'none at all'}"
            )
        self.domain_names = attribute, f"not {attribute}"
        self.position = data.attribute_names.index(attribute)

    def derived(self, split: str, content: ImageTensors) -> DomainTensors:
        has = content.facts["attributes"][content.rows, self.position] > 0
        return DomainTensors(content.subset(has), content.subset(~has))


class ClassDomains(DerivedDataModule, DomainDataModule):
    """Images of one class (a), of another (b), and optionally of more (c, ...), such as two or three digits.

    Args:
        data: DataModule that provides images, batch size, order and augmentation.
        a: label of the first class.
        b: label of the second class.
        further: labels of more classes.

    Raises:
        GenlabError: for classes that the data do not have.
    """

    def __init__(self, data: ImageDataModule, a: int, b: int, further: Sequence[int] = ()) -> None:
        super().__init__(data)
        self.a_shape = data.image_shape
        self.labels = a, b, *further
        for label in self.labels:
            if not 0 <= label < data.num_classes:
                raise GenlabError(f"{type(data).__name__} has {data.num_classes} classes, but no class {label}")
        self.num_domains = len(self.labels)
        self.domain_names = tuple(data.class_names[label] for label in self.labels)

    def derived(self, split: str, content: ImageTensors) -> DomainTensors:
        labels = content.facts["label"][content.rows]
        return DomainTensors(*(content.subset(labels == label) for label in self.labels))


class JoinedDomains(DerivedDataModule, DomainDataModule):
    """Images of one DataModule (a) and of another (b).

    Args:
        a: DataModule of domain a, which also decides on the batch size and order; both keep their augmentation.
        b: DataModule of domain b.
    """

    def __init__(self, a: ImageDataModule, b: ImageDataModule) -> None:
        super().__init__(b)
        self.batch_size, self.num_workers, self.seed = a.batch_size, a.num_workers, a.seed
        self.a, self.a_shape = a, a.image_shape

    def prepare_data(self) -> None:
        """Prepare both DataModules."""
        super().prepare_data()
        self.a.prepare_data()

    def derived(self, split: str, content: ImageTensors) -> DomainTensors:
        stage = "test" if split == "test_set" else "fit"
        return DomainTensors(self.a.opened(stage)[split], content)


class DomainsFromPairs(DerivedDataModule, DomainDataModule):
    """Sources (a) and targets (b) of pairs, as if it were unknown which belong together.

    Training uses the sources of one half of the pairs and the targets of the other half, drawn by the seed, so that no
    pair occurs in both domains. Validation and test batches stay aligned.

    Args:
        pairs: DataModule that provides pairs, batch size, order and augmentation.
    """

    aligned = True

    def __init__(self, pairs: PairDataModule) -> None:
        super().__init__(pairs)
        self.a_shape = pairs.source_shape

    def derived(self, split: str, content: PairTensors | DegradedTensors) -> DomainTensors:
        a, b = content.sides()
        if split == "train_set":
            of_a, of_b = shuffled(len(a), self.seed).tensor_split(2)
            a, b = a.subset(of_a), b.subset(of_b)
        return DomainTensors(a, b)
