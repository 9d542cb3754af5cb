"""Capabilities as protocols.

Images are float tensors (B, C, H, W) in [0, 1], codes are tensors (B, *code_shape). What is said of images is true of
sentences, int64 tensors (B, T), where a model knows words.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import torch
from torch import Tensor

from genlab.conditions import Condition
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
class Styled(Protocol):
    """Turns codes into a style for each layer of a generator, and these, with noise for each layer, into images."""

    num_layers: int
    """Layers that have a style, from the coarsest to the finest."""
    style_size: int
    """Dimensions of a style."""
    truncation: float
    """The truncation of what is sampled and decoded; 1 for none."""
    if TYPE_CHECKING:  # a buffer, which isinstance does not find from Python 3.12 on
        mean_style: Tensor
        """The mean of styles over the prior, (style_size,)."""

    def styles(self, z: Tensor, *, truncation: float = 1.0) -> Tensor:
        """Map codes to styles (B, num_layers, style_size); a truncation below 1 moves them towards their mean."""
        ...

    def draw_noise(self, n: int, *, generator: torch.Generator | None = None) -> list[Tensor]:
        """Draw the noise of each layer that has any, for `n` images: maps (n, 1, H, W), the coarsest first."""
        ...

    def synthesize(self, styles: Tensor, *, noise: Sequence[Tensor | None] | None = None) -> Tensor:
        """Turn styles into images, with noise as `draw_noise` draws it; None, also for one layer, for fixed noise."""
        ...


@runtime_checkable
class Translates(Protocol):
    """Turns images of one domain into images of another."""

    directions: dict[str, Shape]
    """Directions, such as "a_to_b", with the shape of the images that each was learned from."""
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

    def elbo(self, x: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Estimate the evidence lower bound in nats, (B,), with one code for each image."""
        ...

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
class KnowsWords(Protocol):
    """Models sentences, (B, T) numbers of words in its vocabulary, in place of images."""

    vocabulary: Sequence[str]
    """Words in the order of their numbers; see `genlab.vocabulary`."""
    max_length: int
    """Numbers of the longest sentence: its words and its end."""
    decoding: Any
    """How sentences are made of logits, a function of `genlab.networks.decoding` or a partial of it; may be set."""
    banned: Sequence[int]
    """Numbers of words that no decoded sentence holds; may be set."""

    def sentences(self, tokens: Tensor) -> list[str]:
        """Return the words of sentences."""
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
