"""Capabilities of models. Each class declares its own; tools ask for a capability, never for a class.

Images are float tensors (B, C, H, W) in [0, 1], codes are tensors (B, *code_shape).
"""

from typing import TYPE_CHECKING, Any, Protocol, TypeGuard, TypeVar, runtime_checkable

import torch
from torch import Tensor

from genlab.conditions import Condition
from genlab.errors import GenlabError
from genlab.losses.likelihood import Likelihood
from genlab.types import Shape


@runtime_checkable
class Encodes(Protocol):
    """Turns images into codes."""

    code_shape: tuple[int, ...]

    def encode(self, x: Tensor) -> Tensor:
        """Encode images."""
        ...


@runtime_checkable
class Decodes(Protocol):
    """Turns codes into images."""

    code_shape: tuple[int, ...]

    def decode(self, z: Tensor) -> Tensor:
        """Decode codes."""
        ...


@runtime_checkable
class Quantizes(Protocol):
    """Has codes that are grids of whole numbers, positions in codebooks, on one level or several."""

    if TYPE_CHECKING:
        coder: Any
        """The autoencoder, a `genlab.models.grid_coder.GridCoder`."""

    def description(self, x: Tensor) -> dict[str, Tensor]:
        """Measure -log p in nats, each (B,): of images given codes, "reconstruction", and of each level's codes."""
        ...

    def use_vectors(self) -> None:
        """Let codes be the vectors that the grids stand for, flattened: real vectors (B, code_size)."""
        ...


@runtime_checkable
class Reconstructs(Protocol):
    """Gives back images as it understands them."""

    def reconstruct(self, x: Tensor) -> Tensor:
        """Reconstruct images."""
        ...


@runtime_checkable
class Corrupts(Protocol):
    """Learns to undo a corruption."""

    def corrupt(self, x: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Return images as they are in training; the images themselves when there is no corruption."""
        ...


@runtime_checkable
class Samples(Protocol):
    """Draws new images, or lines of text."""

    def sample(self, n: int, *, generator: torch.Generator | None = None) -> Any:
        """Draw `n` new images, or texts, the same for the same state of `generator` (on the CPU)."""
        ...


@runtime_checkable
class DrawsCodes(Protocol):
    """Draws codes from a prior; `sample` decodes them."""

    code_shape: tuple[int, ...]

    def draw_codes(self, n: int, *, generator: torch.Generator | None = None) -> Tensor:
        """Draw `n` codes, the same for the same state of `generator` (on the CPU)."""
        ...


@runtime_checkable
class Translates(Protocol):
    """Turns images of one domain into images of another."""

    directions: dict[str, Shape]
    """"a_to_b" and perhaps "b_to_a", with the shape of the images that it learned that from."""
    disclosure: str | None
    """Sentence in the metadata of translated files; None for none."""

    def translate(self, x: Tensor, *, direction: str = "a_to_b", generator: torch.Generator | None = None) -> Tensor:
        """Translate images of any size; the same for the same state of `generator`."""
        ...


@runtime_checkable
class KnowsDeviation(Protocol):
    """Knows how far the truth may be from what it expects."""

    def moments(self, x: Tensor, generator: torch.Generator | None = None) -> dict[str, Tensor]:
        """Return the "mean" and the standard "deviation" of each value of translations, (B, C, H, W)."""
        ...


@runtime_checkable
class HasLikelihood(Protocol):
    """Has a likelihood of images, and a way to estimate it."""

    if TYPE_CHECKING:  # a submodule, which isinstance does not find from Python 3.12 on
        likelihood: Likelihood

    def log_likelihood(self, x: Tensor, num_samples: int, generator: torch.Generator | None = None) -> Tensor:
        """Estimate log p(x) in nats, (B,), from below with so many samples for each image."""
        ...


@runtime_checkable
class ExactLikelihood(Protocol):
    """Knows the probability of images."""

    levels: int
    """Levels of each value of an image."""

    def log_prob(self, x: Tensor) -> Tensor:
        """Compute log p(x) in nats, (B,)."""
        ...


@runtime_checkable
class Bounds(Protocol):
    """Bounds -log p(x) of images from above, in parts."""

    def bound(self, x: Tensor, bands: int = 20, generator: torch.Generator | None = None) -> Tensor:
        """Estimate the parts in nats, (B, bands + 2): of the prior, of bands of steps, and of the likelihood."""
        ...


@runtime_checkable
class HasPartition(Protocol):
    """Has a likelihood of images up to a constant, its partition function Z, and a way to estimate that."""

    is_bound: bool
    """Whether `unnormalized` is a lower bound."""

    def unnormalized(self, x: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Return log p(x) + log Z in nats, (B,), or a lower bound."""
        ...

    def log_partition(
        self, chains: int, temperatures: int, generator: torch.Generator | None = None, progress: bool = False
    ) -> Any:
        """Estimate log Z in nats, with its interval, a `genlab.boltzmann.LogPartition`."""
        ...


@runtime_checkable
class SamplesInSteps(Protocol):
    """Makes images from noise in steps, and so images from others."""

    sampling: Any
    """Settings with the number of `steps`: a `genlab.diffusion.Sampling`, or a `genlab.boltzmann.GibbsSampling`."""

    def vary(self, x: Tensor, strength: float = 0.6, *, generator: torch.Generator | None = None) -> Tensor:
        """Make other images from images; the more, the larger the strength, up to 1."""
        ...

    def on_the_way(self, n: int, moments: int, *, generator: torch.Generator | None = None) -> Tensor:
        """Sample images, and what they were on the way from noise: (n, moments, C, H, W)."""
        ...


@runtime_checkable
class Completes(Protocol):
    """Makes the unknown part of images."""

    def complete(self, x: Tensor, mask: Tensor, *, generator: torch.Generator | None = None) -> Tensor:
        """Make the pixels of images where a mask is 1."""
        ...


@runtime_checkable
class Conditional(Protocol):
    """Models images under a condition."""

    image_shape: Shape
    condition: Condition
    given_as: type
    """The class of what `given` returns, which declares what can be done under a condition."""

    def images(self, batch: Any) -> Tensor:
        """Return the images of a batch that its conditions are for."""
        ...

    def given(self, condition: Any) -> Any:
        """Return the model under these conditions, with the capabilities of `given_as`."""
        ...

    def under(self, batch: Any) -> Any:
        """Return the model under the conditions of a batch."""
        ...


Capability = TypeVar("Capability")

VERBS: dict[type, str] = {
    Encodes: "encode",
    Decodes: "decode",
    Reconstructs: "reconstruct",
    Samples: "sample",
    Translates: "translate",
    HasLikelihood: "estimate likelihoods",
    ExactLikelihood: "compute likelihoods",
    Bounds: "bound likelihoods",
    HasPartition: "estimate its partition function",
    SamplesInSteps: "sample in steps",
    Completes: "complete images",
}
"""Names of capabilities in messages."""
TOOLS: dict[type, str] = {
    Translates: "`genlab translate` translates files and folders",
    Samples: "`genlab sample` draws new images",
}
"""Tools to name for a model that predicts nothing."""


def can(model: object, capability: type[Capability]) -> TypeGuard[Capability]:
    """Whether a model, or the class of one, has a capability.

    It does as its class declares in `capabilities`; a class that declares nothing has those whose methods it has.
    """
    declared: tuple[type, ...] | None = getattr(model, "capabilities", None)
    if declared is not None:
        return capability in declared
    return not isinstance(model, type) and isinstance(model, capability)


def abilities(model: object) -> list[str]:
    """Name what a model can do, and of a conditional model what it can do under a condition too."""
    able = [verb for capability, verb in VERBS.items() if can(model, capability)]
    if not can(model, Conditional):
        return able
    given = [verb for capability, verb in VERBS.items() if can(model.given_as, capability)]
    return [*able, *(f"{verb} under a condition" for verb in given if verb not in able)]


def can_given(model: object, capability: type[Any]) -> bool:
    """Whether a model has a capability, or a conditional model has it under a condition."""
    return can(model.given_as if can(model, Conditional) else model, capability)


def seen_in(model: Any, batch: Any) -> tuple[Any, Tensor]:
    """Return what can be done with the images of a batch, and these: a conditional model under their conditions."""
    if can(model, Conditional):
        return model.under(batch), model.images(batch)
    return model, batch["image"]


def flat_code_size(model: Any) -> int:
    """Return the size of a model's codes, for tools that move along real vectors.

    Raises:
        GenlabError: for codes of another kind, such as grids or whole numbers.
    """
    shape: tuple[int, ...] = model.code_shape
    if getattr(model, "discrete_codes", False):
        raise GenlabError(f"codes of the {type(model).__name__} are whole numbers; this tool needs real vectors")
    if len(shape) != 1:
        raise GenlabError(f"codes of the {type(model).__name__} are of shape {shape}; this tool needs vectors")
    return shape[0]


def with_real_codes(model: Any) -> None:
    """Let a model whose codes are grids encode to the vectors that these stand for, flattened, and decode such ones.

    For tools that move along real vectors; other models are left as they are.
    """
    if can(model, Quantizes):
        model.use_vectors()


def real_code_shape(model: Any) -> tuple[int, ...]:
    """Return the shape of a model's codes, for tools that interpolate between real numbers in any arrangement.

    Raises:
        GenlabError: for codes that are whole numbers.
    """
    if getattr(model, "discrete_codes", False):
        flat_code_size(model)  # which says so
    shape: tuple[int, ...] = model.code_shape
    return shape


def reconstructed(model: Reconstructs, x: Tensor, generator: torch.Generator) -> list[Tensor]:
    """Reconstruct images (B, C, H, W).

    Returns:
        The images, what a denoising model sees of them, and what the model gives back: two or three tensors.
    """
    seen = model.corrupt(x, generator) if can(model, Corrupts) else x
    return [x, model.reconstruct(x)] if seen is x else [x, seen, model.reconstruct(seen)]
