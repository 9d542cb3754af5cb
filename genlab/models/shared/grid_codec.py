"""Codes that are grids of integers: encoding, decoding, sampling, and the description length of images."""

from abc import abstractmethod
from collections.abc import Callable
from typing import Any

import torch
from torch import Generator, Tensor

from genlab.capabilities import Conditional, Decodes, DrawsCodes, Encodes, Quantizes, Reconstructs, Samples
from genlab.conditions import ConditionValue
from genlab.errors import GenlabError
from genlab.inputs import Images
from genlab.models.shared.calls import of_codes, of_images
from genlab.models.shared.codes import Codec, Prior
from genlab.models.shared.conditional import ConditionalModel
from genlab.models.shared.grid_coder import GridCoder
from genlab.models.shared.grid_priors import GridPriors, most_nats
from genlab.ranges import count

Path = Callable[[Tensor, Tensor, int], Tensor]
ABLE = (Encodes, Decodes, Reconstructs, Quantizes)
SAMPLES = (DrawsCodes, Samples)


class GridCodec(Codec, Prior, ConditionalModel):
    """A model whose codes are grids of positions in codebooks, with priors over them, which may be conditional.

    Codes are (B, *code_shape), int64: the grid, or the grids of several levels, joined, the top one first.
    """

    discrete_codes = True
    coder: GridCoder
    priors: GridPriors | None
    condition: Any = None
    """Condition of the priors; None if they have none."""

    @abstractmethod
    def has_prior(self, level: int) -> bool:
        """Whether a level's prior is trained or in training; for conditional priors, whether all levels' are."""

    def description(self, x: Tensor, condition: Tensor | None = None) -> dict[str, Tensor]:
        """Measure the description length of images, as codes and pixels given these: nats, each (B,).

        "reconstruction" is -log p(x | z), "prior" -log p(z), one for each level; under the uniform prior where none is
        trained yet. Together they bound -log p(x) from above.

        Args:
            x: images, (B, C, H, W).
            condition: conditions of the images, for conditional priors.

        Raises:
            GenlabError: for conditional priors without a condition.
        """
        if condition is None and Conditional in self.capabilities:
            raise GenlabError(
                f"priors of this {type(self).__name__} are conditional on the '{self.condition.key}' of images, "
                "which these lack; use data that has it"
            )
        with self.inference(x):
            found = self.coder.quantize(self.seen(x))
            outputs = self.coder.outputs([each.vectors for each in found])
            nats = {"reconstruction": -self.coder.likelihood.log_prob(outputs, x)}
            grids = [each.indices for each in found]
            for level in range(len(grids)):
                if self.has_prior(level):
                    codes = self._priors.prior(level).nats(self.coder, grids, condition)
                else:
                    codes = x.new_full((len(x),), most_nats(self.coder, level), dtype=torch.float32)
                nats[self.coder.named("prior", level)] = codes
        return nats

    def use_vectors(self) -> None:
        """Make codes the vectors that the grids stand for, flattened: real vectors (B, code_size).

        These can be interpolated. Vectors between those of the codebook are decoded as they are.
        """
        self.discrete_codes, self.code_shape = False, self.coder.vector_shape

    def codes(self, x: Tensor) -> Tensor:
        """Encode images, without checking them, to grids of codes, joined: (B, *code_shape), int64."""
        return self.coder.joined([each.indices for each in self.coder.quantize(x)])

    @of_images
    def encode(self, x: Tensor) -> Tensor:
        """Encode images (B, C, H, W) to codes (B, *code_shape), int64: positions in the codebook."""
        return self._as_codes(self.codes(self.seen(x)))

    @of_codes
    def decode(self, z: Tensor) -> Tensor:
        """Decode codes (B, *code_shape), int64, to images (B, C, H, W) in [0, 1].

        Raises:
            GenlabError: for codes that are not in the codebook.
        """
        coder = self.coder
        vectors = coder.vectors(coder.split(coder.known(z))) if self.discrete_codes else coder.split_vectors(z)
        return coder.likelihood.mean(coder.outputs(vectors))

    def interpolate(self, a: Images, b: Images, steps: int = 9, path: Path | None = None) -> Tensor:
        """Decode the path from the vectors of `a`'s codes to those of `b`'s; see `Codec.interpolate`."""
        before = self.discrete_codes, self.code_shape
        self.use_vectors()
        try:
            return super().interpolate(a, b, steps, path)
        finally:
            self.discrete_codes, self.code_shape = before

    def draw_codes(self, n: int, *, generator: Generator | None = None) -> Tensor:
        """Draw codes from the priors, the top level first: (n, *code_shape), int64."""
        return self.drawn(n, None, generator)

    def drawn(self, n: int, condition: Tensor | None, generator: Generator | None) -> Tensor:
        """Draw codes under a condition (1, ...) or (n, ...), or without one: (n, *code_shape), int64.

        Raises:
            GenlabError: while no prior is trained.
        """
        if Samples not in self.capabilities:
            instead = "train its remaining stages" if self.priors else "train a genlab.CodePrior of it"
            raise GenlabError(
                f"this {type(self).__name__} has no prior of its codes yet, so it cannot sample; {instead}"
            )
        count(n=n)
        with self.inference():
            grids = self._priors.sample(self.coder, n, condition, generator, self.progress)
            return self._as_codes(self.coder.joined(grids))

    def under(self, batch: Any) -> Any:
        """Return the model under the condition of a batch, if its priors have one; images alone need none."""
        is_under = Conditional in self.capabilities and self.condition.key in self.named(batch)
        return super().under(batch) if is_under else self

    def sample(
        self,
        n: int,
        *,
        condition: ConditionValue | None = None,
        seed: int | None = None,
        generator: Generator | None = None,
    ) -> Tensor:
        """Sample `n` images: codes from the priors, decoded; see `ConditionalModel.sample` for conditions.

        Raises:
            GenlabError: while no prior is trained, and for a condition where priors have none.
        """
        if Conditional in self.capabilities:
            return ConditionalModel.sample(self, n, condition=condition, seed=seed, generator=generator)
        if condition is not None:
            raise GenlabError(f"this {type(self).__name__} is not conditional; leave out the condition")
        return Prior.sample(self, n, seed=seed, generator=generator)

    def _as_codes(self, joined: Tensor) -> Tensor:
        """Return joined grids, or the vectors that they stand for if `use_vectors` was called."""
        return joined if self.discrete_codes else self.coder.joined_vectors(joined)

    @property
    def _priors(self) -> GridPriors:
        assert self.priors is not None
        return self.priors


class Given(Prior, Codec):
    """A VQ-VAE with priors under given conditions, one for each image or one for all."""

    capabilities: tuple[type, ...] = (*ABLE, *SAMPLES)

    def __init__(self, model: GridCodec, condition: Tensor) -> None:
        self.model, self.condition = model, condition
        self.code_shape, self.device = model.code_shape, model.device
        self.coder, self.discrete_codes = model.coder, model.discrete_codes

    def encode(self, x: Any) -> Tensor:
        return self.model.encode(x)

    def decode(self, z: Any) -> Tensor:
        return self.model.decode(z)

    def interpolate(self, a: Images, b: Images, steps: int = 9, path: Path | None = None) -> Tensor:
        return self.model.interpolate(a, b, steps, path)

    def description(self, x: Tensor) -> dict[str, Tensor]:
        return self.model.description(x, self.condition)

    def use_vectors(self) -> None:
        self.model.use_vectors()
        self.code_shape, self.discrete_codes = self.model.code_shape, False

    def draw_codes(self, n: int, *, generator: Generator | None = None) -> Tensor:
        return self.model.drawn(n, self.condition, generator)
