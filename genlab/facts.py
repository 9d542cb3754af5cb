"""Facts about data that a model must know before any file is read, such as the shape of images.

A fact is declared once, as an attribute of `Facts`. A DataModule of genlab has a value for each. The command line
passes it to a model whose constructor takes an argument of that name, so that no config repeats it; the checkpoint
keeps it with the model's other hyperparameters; and training can only be resumed on data with the same value.
"""

import zlib
from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass
from itertools import takewhile
from string import ascii_lowercase
from types import SimpleNamespace
from typing import Annotated, Any, Protocol, get_type_hints

from genlab.errors import GenlabError

Shape = tuple[int, int, int]
"""Same as `genlab.types.Shape`, whose import would import torch, and help must be fast."""

DOMAINS = tuple(ascii_lowercase)
"""Names of domains in batches, in their order."""


def domains_in(batch: Container[str]) -> tuple[str, ...]:
    """Name the domains whose images are in a batch: a, b and so on."""
    return tuple(takewhile(batch.__contains__, DOMAINS))


class Sample(Protocol):
    """A sample of data that state no facts: their first training batch, and their labels."""

    @property
    def parts(self) -> Mapping[str, Any]:
        """The tensors of the batch, by their names in `genlab.types`."""

    @property
    def class_names(self) -> tuple[str, ...]:
        """Names of the classes, if the training data set has them."""

    @property
    def num_classes(self) -> int:
        """Number of classes: that of the names, else one more than the largest training label."""


@dataclass(frozen=True)
class Fact:
    """Name of a fact, and how to observe it.

    Args:
        words: put before the value in a message.
        observe: finds the value in a sample of data that do not state it; None if it cannot be seen there.
        shown: formats the value for a message.
        of_model: whether data adopt the value of a model that is already trained, since another vocabulary would
            number its words differently; for other facts, data with another value are refused.
    """

    words: str
    observe: Callable[[Sample], Any] = lambda sample: None
    shown: Callable[[Any], object] = lambda value: value
    of_model: bool = False


def _shape_of(*names: str) -> Callable[[Sample], Shape | None]:
    """Observe the shape of the first of these parts that a batch has."""
    return lambda sample: next((tuple(sample.parts[name].shape[1:]) for name in names if name in sample.parts), None)


def _attribute_names(sample: Sample) -> tuple[str, ...]:
    count = sample.parts["attributes"].shape[1] if "attributes" in sample.parts else 0
    return tuple(f"attribute{i}" for i in range(count))


def _words(vocabulary: tuple[str, ...] | None) -> str:
    """Describe a vocabulary by its length and a checksum, which differs for other vocabularies of this length."""
    words = vocabulary or ()
    return f"{len(words):,} words (checksum {zlib.crc32(' '.join(words).encode()):08x})"


class Facts:
    """The facts of a DataModule, with default values for data to which they do not apply."""

    image_shape: Annotated[Shape, Fact("images of shape", _shape_of("image", "target", "b"))]
    """(C, H, W) of single images, of the targets of pairs, or of the images in domain b and further ones."""
    source_shape: Annotated[Shape | None, Fact("sources of shape", _shape_of("source"))] = None
    """(C, H, W) of the sources of aligned pairs."""
    a_shape: Annotated[Shape | None, Fact("images in domain a of shape", _shape_of("a", "source"))] = None
    """(C, H, W) of the images in domain a."""
    num_domains: Annotated[int, Fact("a number of domains of", lambda sample: len(domains_in(sample.parts)))] = 0
    """Number of domains; 0 for data of another kind."""
    num_classes: Annotated[int, Fact("a number of classes of", lambda sample: sample.num_classes)] = 0
    """Number of classes; 0 without labels."""
    class_names: Annotated[tuple[str, ...], Fact("classes called", lambda sample: sample.class_names)] = ()
    """Names of the classes, in the order of their labels; none without labels."""
    attribute_names: Annotated[tuple[str, ...], Fact("attributes", _attribute_names)] = ()
    """Names of the attributes, in the order of their columns."""
    vocabulary: Annotated[tuple[str, ...], Fact("a vocabulary of", lambda sample: (), shown=_words, of_model=True)] = ()
    """Words of sentences, in the order of their numbers: see `genlab.vocabulary`; none for images."""
    max_length: Annotated[int, Fact("sentences of length up to", lambda sample: 0, of_model=True)] = 0
    """Length of the longest sentence, its end included, that a model was or is to be trained on; 0 for images."""


FACTS: dict[str, Fact] = {
    name: hint.__metadata__[0] for name, hint in get_type_hints(Facts, include_extras=True).items()
}
"""All facts by name."""
SHAPES = tuple(name for name in FACTS if name.endswith("_shape"))
"""Names of the facts that are shapes of images."""


def stated(data: object, name: str) -> Any:
    """Return the value of a fact that data state as an attribute; None if they do not state it."""
    value = getattr(data, name, None)
    return tuple(value) if isinstance(value, list) else value


def adopt(data: object, saved: Mapping[str, Any]) -> None:
    """Make data adopt the facts that a trained model decides, such as its vocabulary, before they are set up.

    Args:
        data: a DataModule; one that is not genlab's, or has no such fact, is left as it is.
        saved: the model's hyperparameters.
    """
    for name, fact in FACTS.items():
        if fact.of_model and name in saved and isinstance(data, Facts) and stated(data, name):
            setattr(data, name, stated(SimpleNamespace(**saved), name))


def require_same(data: object, saved: Mapping[str, Any]) -> None:
    """Refuse data that a checkpoint's model was not built for.

    Args:
        data: a DataModule. If it is not genlab's, facts that it does not state are not compared.
        saved: the model's hyperparameters, as the checkpoint keeps them.

    Raises:
        GenlabError: for a fact with another value.
    """
    for name, fact in FACTS.items():
        has = stated(data, name)
        if name not in saved or (has is None and not isinstance(data, Facts)):
            continue
        had = tuple(saved[name]) if isinstance(saved[name], list) else saved[name]
        if had != has:
            raise GenlabError(
                f"the checkpoint's model was trained on {fact.words} {fact.shown(had)}, but "
                f"{type(data).__name__} has {fact.shown(has)}"
            )
