"""DataModules made from another DataModule, whose images, batch size, order and augmentation they keep."""

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
    """Splits that are made from those of other data.

    Args:
        data: the DataModule that the images come from.
    """

    def __init__(self, data: BatchDataModule) -> None:
        super().__init__(data.batch_size, data.num_workers, data.seed)
        self.save_hyperparameters(logger=False)  # those of the subclass
        self.data = data
        self.image_shape = data.image_shape

    @cached_property
    def framing(self) -> Framing:
        """Crop and resize of the other data."""
        return self.data.framing

    def prepare_data(self) -> None:
        """Prepare the other data."""
        self.data.prepare_data()

    def setup(self, stage: str | None = None) -> None:
        """Open the splits that the other data open, and derive these from them."""
        for split, content in self.data.opened(stage).items():
            setattr(self, split, self.derived(split, content))

    @abstractmethod
    def derived(self, split: str, content: Any) -> Any:
        """Make a split from that of the other data.

        Args:
            split: "train_set", "val_set" or "test_set".
            content: the data set of the other data.
        """


class WithoutClass(DerivedDataModule, ImageDataModule):
    """Training and validation images without those of one class, to see whether a model finds it strange.

    Test images are all there.

    Args:
        data: where the images come from, with their batch size, order and augmentation.
        label: the class that is left out.

    Raises:
        GenlabError: for a class that the data do not have.
    """

    def __init__(self, data: ImageDataModule, label: int) -> None:
        super().__init__(data)
        self.label = label
        self.num_classes, self.class_names = data.num_classes, data.class_names
        if not 0 <= label < data.num_classes:
            raise GenlabError(f"{type(data).__name__} has {data.num_classes} classes, none of them {label}")

    def derived(self, split: str, content: ImageTensors) -> ImageTensors:
        if split == "test_set":
            return content
        return content.subset(content.facts["label"][content.rows] != self.label)


class DegradedPairs(DerivedDataModule, PairDataModule):
    """Pairs made from any image DataModule: the image is the target, and what a degradation leaves of it the source.

    Args:
        data: where the images come from, with their batch size, order and augmentation.
        degradation: what is taken from them.
    """

    def __init__(self, data: ImageDataModule, degradation: Degradation) -> None:
        super().__init__(data)
        self.degradation = degradation
        self.source_shape: Shape = degradation.shape(data.image_shape)

    def derived(self, split: str, content: ImageTensors) -> DegradedTensors:
        return DegradedTensors(content, self.degradation)


class AttributeDomains(DerivedDataModule, DomainDataModule):
    """Images that have an attribute (a), and images that have not (b): smiling and other faces of CelebA.

    Args:
        data: where the images come from, with their batch size, order and augmentation.
        attribute: the name of one of its attributes.

    Raises:
        GenlabError: for an attribute that the data do not have.
    """

    def __init__(self, data: ImageDataModule, attribute: str) -> None:
        super().__init__(data)
        self.a_shape = data.image_shape
        if attribute not in data.attribute_names:
            raise GenlabError(
                f"{type(data).__name__} gives no attribute {attribute}; "
                f"it gives {', '.join(data.attribute_names) or 'none at all'}"
            )
        self.domain_names = attribute, f"not {attribute}"
        self.position = data.attribute_names.index(attribute)

    def derived(self, split: str, content: ImageTensors) -> DomainTensors:
        has = content.facts["attributes"][content.rows, self.position] > 0
        return DomainTensors(content.subset(has), content.subset(~has))


class ClassDomains(DerivedDataModule, DomainDataModule):
    """Images of one class (a), of another (b), and perhaps of further ones (c, ...): two digits, or three.

    Args:
        data: where the images come from, with their batch size, order and augmentation.
        a: label of one class.
        b: label of the other.
        further: labels of further classes.

    Raises:
        GenlabError: for classes that the data do not have.
    """

    def __init__(self, data: ImageDataModule, a: int, b: int, further: Sequence[int] = ()) -> None:
        super().__init__(data)
        self.a_shape = data.image_shape
        self.labels = a, b, *further
        for label in self.labels:
            if not 0 <= label < data.num_classes:
                raise GenlabError(f"{type(data).__name__} has {data.num_classes} classes, none of them {label}")
        self.num_domains = len(self.labels)
        self.domain_names = tuple(data.class_names[label] for label in self.labels)

    def derived(self, split: str, content: ImageTensors) -> DomainTensors:
        labels = content.facts["label"][content.rows]
        return DomainTensors(*(content.subset(labels == label) for label in self.labels))


class JoinedDomains(DerivedDataModule, DomainDataModule):
    """Images of some data (a), and of others (b).

    Args:
        a: some data, whose batch size and order the domains have; both keep their augmentation.
        b: the others.
    """

    def __init__(self, a: ImageDataModule, b: ImageDataModule) -> None:
        super().__init__(b)
        self.batch_size, self.num_workers, self.seed = a.batch_size, a.num_workers, a.seed
        self.a, self.a_shape = a, a.image_shape

    def prepare_data(self) -> None:
        """Prepare both."""
        super().prepare_data()
        self.a.prepare_data()

    def derived(self, split: str, content: ImageTensors) -> DomainTensors:
        stage = "test" if split == "test_set" else "fit"
        return DomainTensors(self.a.opened(stage)[split], content)


class DomainsFromPairs(DerivedDataModule, DomainDataModule):
    """Sources (a) and targets (b) of pairs, as if nobody knew what belongs together.

    For training, sources of one half of the pairs and targets of the other half, drawn by the seed, so that nothing
    occurs in both domains. Validation and test batches stay aligned.

    Args:
        pairs: where the pairs come from, with their batch size, order and augmentation.
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
