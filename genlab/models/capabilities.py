"""What models can do. Tools ask for a capability, never for a class.

Images are float tensors (B, C, H, W) in [0, 1]; codes are float tensors (B, code_size).
"""

from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import torch
from torch import Tensor

from genlab.losses.likelihood import Likelihood
from genlab.types import Shape


@runtime_checkable
class Encodes(Protocol):
    """Turns images into codes."""

    code_size: int

    def encode(self, x: Tensor) -> Tensor:
        """The codes of images."""
        ...


@runtime_checkable
class Decodes(Protocol):
    """Turns codes into images."""

    code_size: int

    def decode(self, z: Tensor) -> Tensor:
        """The images of codes."""
        ...


@runtime_checkable
class Reconstructs(Protocol):
    """Gives back images as it understands them."""

    def reconstruct(self, x: Tensor) -> Tensor:
        """The reconstructions of images."""
        ...


@runtime_checkable
class Corrupts(Protocol):
    """Learns to undo a corruption."""

    def corrupt(self, x: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Images as they are in training; the images themselves when there is no corruption."""
        ...


@runtime_checkable
class Samples(Protocol):
    """Draws new images."""

    def sample(self, n: int, *, generator: torch.Generator | None = None) -> Tensor:
        """`n` new images, the same for the same state of `generator` (on the CPU)."""
        ...


@runtime_checkable
class Translates(Protocol):
    """Turns images of one domain into images of another."""

    directions: dict[str, Shape]
    """"a_to_b" and perhaps "b_to_a", with the shape of the images that it learned that from."""

    def translate(self, x: Tensor, *, direction: str = "a_to_b", generator: torch.Generator | None = None) -> Tensor:
        """Images of any size to as many of the other domain; the same for the same state of `generator`."""
        ...


@runtime_checkable
class HasLikelihood(Protocol):
    """Has a likelihood of images, and a way to estimate it."""

    if TYPE_CHECKING:  # a submodule, which isinstance does not find from Python 3.12 on
        likelihood: Likelihood

    def log_likelihood(self, x: Tensor, num_samples: int, generator: torch.Generator | None = None) -> Tensor:
        """log p(x) in nats, (B,), estimated from below with so many samples for each image."""
        ...


@runtime_checkable
class Conditional(Protocol):
    """Is a model of images under a condition: another image, else a label, else attributes."""

    image_shape: Shape
    code_size: int
    num_classes: int
    class_names: tuple[str, ...]
    """In the order of labels; none without classes."""
    attribute_names: tuple[str, ...]
    source_shape: Shape | None
    """Of images that are conditions."""

    def condition(self, batch: Any) -> Tensor:
        """The conditions in a batch."""
        ...

    def images(self, batch: Any) -> Tensor:
        """The images in a batch that the conditions are for."""
        ...

    def given(self, condition: Tensor) -> Any:
        """What can encode, decode, reconstruct and sample under these conditions."""
        ...


VERBS = {
    Encodes: "encode",
    Decodes: "decode",
    Reconstructs: "reconstruct",
    Samples: "sample",
    Translates: "translate",
    HasLikelihood: "estimate likelihoods",
}
"""What each capability is called in messages."""


def seen_in(model: Any, batch: Any) -> tuple[Any, Tensor]:
    """What can be done with the images of a batch, and these images: a conditional model under their conditions."""
    if isinstance(model, Conditional):
        return model.given(model.condition(batch)), model.images(batch)
    return model, batch["image"]


def reconstructed(model: Reconstructs, x: Tensor, generator: torch.Generator) -> list[Tensor]:
    """Images, what a denoising model sees of them, and what the model gives back: two or three tensors (B, C, H, W)."""
    seen = model.corrupt(x, generator) if isinstance(model, Corrupts) else x
    return [x, model.reconstruct(x)] if seen is x else [x, seen, model.reconstruct(seen)]


def abilities(model: object) -> list[str]:
    """What a model can do, in words."""
    return [verb for capability, verb in VERBS.items() if isinstance(model, capability)]
