"""Capabilities as protocols.

Images are float tensors (B, C, H, W) in [0, 1], codes are tensors (B, *code_shape). For models that know words,
"images" also stands for sentences, int64 tensors (B, T).
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
    """A model that turns images into codes."""

    code_shape: tuple[int, ...]

    def encode(self, x: Tensor) -> Tensor:
        """Encode images."""
        ...


@runtime_checkable
class Decodes(Protocol):
    """A model that turns codes into images."""

    code_shape: tuple[int, ...]

    def decode(self, z: Tensor) -> Tensor:
        """Decode codes."""
        ...


@runtime_checkable
class Quantizes(Protocol):
    """A model whose codes are grids of whole numbers, indices into codebooks, on one or several levels."""

    if TYPE_CHECKING:
        coder: Any
        """The autoencoder, a `genlab.models.shared.grid_coder.GridCoder`."""

    def description(self, x: Tensor) -> dict[str, Tensor]:
        """Measure -log p in nats, each (B,): "reconstruction", of images given codes, and that of codes per level."""
        ...

    def use_vectors(self) -> None:
        """Use the vectors that the grids stand for as codes, flattened: real vectors (B, code_size)."""
        ...


@runtime_checkable
class Reconstructs(Protocol):
    """A model that reconstructs images."""

    def reconstruct(self, x: Tensor) -> Tensor:
        """Reconstruct images."""
        ...


@runtime_checkable
class Corrupts(Protocol):
    """A model that learns to undo a corruption."""

    def corrupt(self, x: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Corrupt images as in training; return the images themselves if there is no corruption."""
        ...


@runtime_checkable
class Samples(Protocol):
    """A model that draws new images, or lines of text."""

    def sample(self, n: int, *, generator: torch.Generator | None = None) -> Any:
        """Draw `n` new images, or texts, the same for the same state of `generator` (on the CPU)."""
        ...


@runtime_checkable
class DrawsCodes(Protocol):
    """A model that draws codes from a prior; `sample` decodes them."""

    code_shape: tuple[int, ...]

    def draw_codes(self, n: int, *, generator: torch.Generator | None = None) -> Tensor:
        """Draw `n` codes, the same for the same state of `generator` (on the CPU)."""
        ...


@runtime_checkable
class Styled(Protocol):
    """A model that turns codes into a style per layer of a generator, and styles and noise per layer into images."""

    num_layers: int
    """Number of layers that have a style, from the coarsest to the finest."""
    style_size: int
    """Dimensions of a style."""
    truncation: float
    """Truncation for sampling and decoding; 1 for none."""
    if TYPE_CHECKING:  # a buffer, which isinstance does not find from Python 3.12 on
        mean_style: Tensor
        """Mean of the styles over the prior, (style_size,)."""

    def styles(self, z: Tensor, *, truncation: float = 1.0) -> Tensor:
        """Map codes to styles (B, num_layers, style_size); a truncation below 1 moves them towards their mean."""
        ...

    def draw_noise(self, n: int, *, generator: torch.Generator | None = None) -> list[Tensor]:
        """Draw the noise of each layer that has noise, for `n` images: maps (n, 1, H, W), the coarsest first."""
        ...

    def synthesize(self, styles: Tensor, *, noise: Sequence[Tensor | None] | None = None) -> Tensor:
        """Turn styles into images, with noise from `draw_noise`; None, for all layers or one, means fixed noise."""
        ...


@runtime_checkable
class Translates(Protocol):
    """A model that turns images of one domain into images of another."""

    directions: dict[str, Shape]
    """Directions, such as "a_to_b", with the shape of the images that each was trained on."""
    disclosure: str | None
    """Sentence for the metadata of translated files, if any."""

    def translate(self, x: Tensor, *, direction: str = "a_to_b", generator: torch.Generator | None = None) -> Tensor:
        """Translate images of any size; the same for the same state of `generator`."""
        ...


@runtime_checkable
class KnowsDeviation(Protocol):
    """A model that knows how far the truth may be from what it expects."""

    def moments(self, x: Tensor, generator: torch.Generator | None = None) -> dict[str, Tensor]:
        """Return the "mean" and the standard "deviation" of each value of translations, (B, C, H, W)."""
        ...


@runtime_checkable
class HasLikelihood(Protocol):
    """A model with a likelihood of images that can be estimated."""

    if TYPE_CHECKING:  # a submodule, which isinstance does not find from Python 3.12 on
        likelihood: Likelihood

    def elbo(self, x: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Estimate the evidence lower bound in nats, (B,), with one code for each image."""
        ...

    def log_likelihood(self, x: Tensor, num_samples: int, generator: torch.Generator | None = None) -> Tensor:
        """Estimate log p(x) in nats, (B,), from below with `num_samples` samples for each image."""
        ...


@runtime_checkable
class ExactLikelihood(Protocol):
    """A model that knows the probability of images."""

    levels: int
    """Number of levels of each value in an image."""

    def log_prob(self, x: Tensor) -> Tensor:
        """Compute log p(x) in nats, (B,)."""
        ...


@runtime_checkable
class Bounds(Protocol):
    """A model that bounds -log p(x) of images from above, in parts."""

    def bound(self, x: Tensor, bands: int = 20, generator: torch.Generator | None = None) -> Tensor:
        """Estimate the parts in nats, (B, bands + 2): of the prior, of bands of steps, and of the likelihood."""
        ...


@runtime_checkable
class HasPartition(Protocol):
    """A model with a likelihood of images up to a constant, its partition function Z, which can be estimated."""

    is_bound: bool
    """Whether `unnormalized` is a lower bound."""

    def unnormalized(self, x: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Compute log p(x) + log Z in nats, (B,), or a lower bound."""
        ...

    def log_partition(
        self, chains: int, temperatures: int, generator: torch.Generator | None = None, progress: bool = False
    ) -> Any:
        """Estimate log Z in nats, with an interval, as a `genlab.boltzmann.LogPartition`."""
        ...


@runtime_checkable
class SamplesInSteps(Protocol):
    """A model that makes images from noise in steps, and therefore also from other images."""

    sampling: Any
    """Settings with the number of `steps`: a `genlab.diffusion.Sampling`, or a `genlab.boltzmann.GibbsSampling`."""

    def vary(self, x: Tensor, strength: float = 0.6, *, generator: torch.Generator | None = None) -> Tensor:
        """Make variations of images, which differ more the larger the strength, up to 1."""
        ...

    def on_the_way(self, n: int, moments: int, *, generator: torch.Generator | None = None) -> Tensor:
        """Sample images, with their states on the way from noise: (n, moments, C, H, W)."""
        ...


@runtime_checkable
class Completes(Protocol):
    """A model that completes the unknown part of images."""

    def complete(self, x: Tensor, mask: Tensor, *, generator: torch.Generator | None = None) -> Tensor:
        """Generate the pixels of images where a mask is 1."""
        ...


@runtime_checkable
class KnowsWords(Protocol):
    """A model of sentences, (B, T) indices of words in its vocabulary, in place of images."""

    vocabulary: tuple[str, ...]
    """Words in the order of their indices; see `genlab.vocabulary`."""
    max_length: int
    """Maximum length of a sentence: its words and its end."""
    decoding: Any
    """How logits become sentences: a function of `genlab.networks.decoding` or a partial of it; may be set."""
    banned: Sequence[int]
    """Indices of words that no decoded sentence contains; may be set."""

    def sentences(self, tokens: Tensor) -> list[str]:
        """Return the words of sentences."""
        ...


@runtime_checkable
class Conditional(Protocol):
    """A model of images under a condition."""

    image_shape: Shape
    condition: Condition
    given_as: type
    """Class that `given` returns, which declares the capabilities under a condition."""

    def images(self, batch: Any) -> Tensor:
        """Return the images of a batch that are modelled under its conditions."""
        ...

    def given(self, condition: Any) -> Any:
        """Return the model under given conditions, with the capabilities of `given_as`."""
        ...

    def under(self, batch: Any) -> Any:
        """Return the model under the conditions of a batch."""
        ...
