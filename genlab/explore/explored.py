"""A model to explore: the primitives that the page is built on, on CPU tensors."""

import threading
from typing import Any

import torch
from torch import Tensor

from genlab.capabilities import (
    Conditional,
    Decodes,
    DrawsCodes,
    Encodes,
    Reconstructs,
    Samples,
    SamplesInSteps,
    Styled,
    Translates,
    can,
    can_given,
    flat_code_size,
)
from genlab.commands.sample import kept_density
from genlab.commands.shared.trained import Trained, encoded
from genlab.errors import GenlabError, in_one_line
from genlab.explore.gallery import Gallery, gallery_of
from genlab.images import eight_bits
from genlab.latent import CodeDensity
from genlab.models.shared.style_space import StyleSpace
from genlab.types import Shape

AT_ONCE = 100
"""Number of images or codes that are passed to a model at a time."""
COMPONENTS = 10
"""Number of components of the mixture of codes, the default of `genlab sample`."""
FITTED_ON = 2000
"""Maximum number of training images to whose codes a density is fitted, few because a user waits."""
FITTED = {"gaussian": 1, "gmm": COMPONENTS}
"""Densities that can be fitted to codes, with their numbers of components."""
GLOBAL_GENERATOR = threading.Lock()
"""Lock on torch's global generator, for translation, which seeds it for its noise, and for opening models."""


class Explored:
    """A trained model, with images of its data.

    All images are uint8, (N, C, H, W); codes are float32, (N, *code_shape), even if they are whole numbers.
    Conditions are (1, ...), as the model's `given` takes them, and None for an unconditional model.

    Args:
        trained: the model and its data.
        styles: whether to use styles in W, which the page can truncate, as the codes of a model with styles; not for a
            conditional model, which has a mean style for each condition.
    """

    def __init__(self, trained: Trained, *, styles: bool = True) -> None:
        trained.require_images("`genlab sample`, `reconstruct` and `interpolate` print these")
        self.trained = trained
        self.model: Any = trained.model
        self.has_styles = styles and can(self.model, Styled)
        self.gallery: Gallery | None = None
        self.no_gallery: str | None = None
        """Why there is no gallery, in one line."""
        self._densities: dict[str, CodeDensity] = {}
        self._training_codes: dict[int, Tensor] = {}
        try:
            self.gallery = gallery_of(trained)
        except Exception as error:  # a user's own data may raise anything; the model can be explored without them
            self.no_gallery = in_one_line(error)

    @property
    def image_shape(self) -> Shape | None:
        """(C, H, W) of the images that the model encodes and decodes; None for a model of something else."""
        return getattr(self.model, "image_shape", None)

    @property
    def code_shape(self) -> tuple[int, ...] | None:
        """The shape of a code; None for a model without codes."""
        if self.has_styles:
            return (self.model.style_size,)
        return getattr(self.model, "code_shape", None) if self.able_to(Decodes) or self.able_to(Encodes) else None

    @property
    def code_size(self) -> int | None:
        """Dimension of codes that are real vectors; None for other codes."""
        if self.has_styles:
            return int(self.model.style_size)
        try:
            return None if self.code_shape is None else flat_code_size(self.model)
        except GenlabError:
            return None

    @property
    def is_flat(self) -> bool:
        """Whether codes are real vectors that can be decoded."""
        return bool(self.code_size) and self.able_to(Decodes)

    @property
    def is_real(self) -> bool:
        """Whether codes are real numbers, of any shape, that can be decoded, so that two can be interpolated."""
        return self.able_to(Decodes) and not getattr(self.model, "discrete_codes", False)

    @property
    def gallery_codes(self) -> Tensor | None:
        """Codes of the gallery's images, (N, D); None unless they are real, finite vectors."""
        if self.gallery is None or self.gallery.codes is None or self.code_size is None:
            return None
        codes = self.gallery.codes.float()
        return codes if codes.isfinite().all() else None  # training may have diverged

    @property
    def priors(self) -> list[str]:
        """Names of densities for `draw`: the model's own prior, and those that can be fitted to its codes."""
        own = ["own"] if self.able_to(DrawsCodes) else []
        fits = can(self.model, Encodes) and can(self.model, Decodes) and self.code_size and self.gallery
        return [*own, *(FITTED if fits else ())]

    def able_to(self, capability: type[Any]) -> bool:
        """Return whether the model (if conditional, under a condition) has a capability."""
        return can_given(self.model, capability)

    @torch.no_grad()
    def decode(self, codes: Tensor, condition: Tensor | None = None) -> Tensor:
        """Decode codes to images."""
        able = self._under(condition, Decodes)
        if getattr(self.model, "discrete_codes", False):
            codes = codes.round().long()
        return torch.cat([eight_bits(able.decode(some)) for some in codes.split(AT_ONCE)])

    @torch.no_grad()
    def encode(self, images: Tensor, condition: Tensor | None = None) -> Tensor:
        """Encode images to codes."""
        able = self._under(condition, Encodes)
        return torch.cat([able.encode(floats(some)).float() for some in images.split(AT_ONCE)])

    @torch.no_grad()
    def reconstruct(self, images: Tensor, condition: Tensor | None = None) -> Tensor:
        """Reconstruct images."""
        able = self._under(condition, Reconstructs)
        return torch.cat([eight_bits(able.reconstruct(floats(some))) for some in images.split(AT_ONCE)])

    @torch.no_grad()
    def draw(self, count: int, seed: int, prior: str = "own", condition: Tensor | None = None) -> Tensor:
        """Draw codes from one of `priors`."""
        if prior not in self.priors:
            raise GenlabError(f"there is no prior {prior}; there are {', '.join(self.priors) or 'none'}")
        random = torch.Generator().manual_seed(seed)
        if prior in FITTED:
            return self.density(prior).sample(count, random)
        codes: Tensor = self._under(condition, DrawsCodes).draw_codes(count, generator=random)
        return codes.float().cpu()

    def density(self, prior: str) -> CodeDensity:
        """Return a density of the codes of training images: the one saved beside the checkpoint, or one fitted now."""
        if prior not in self._densities:
            components, seed = FITTED[prior], self.trained.args.seed
            found = kept_density(self.trained, components, seed)
            if found is None:
                order = torch.randperm(len(self._training_images), generator=torch.Generator().manual_seed(seed))
                codes = self.training_codes(order[:FITTED_ON])
                found = CodeDensity.fitted(codes, min(components, len(codes)), seed)
            self._densities[prior] = found
        return self._densities[prior]

    def training_codes(self, rows: Tensor) -> Tensor:
        """Encode training images under their own conditions, each only once while the model is open.

        Args:
            rows: their positions, (N,), without duplicates.

        Returns:
            Codes, (N, code_size).
        """
        wanted = rows.tolist()
        new = [row for row in wanted if row not in self._training_codes]
        if new:
            codes = encoded(self.trained, self._training_images, torch.tensor(new))
            self._training_codes.update(zip(new, codes, strict=True))
        return torch.stack([self._training_codes[row] for row in wanted])

    @property
    def _training_images(self) -> Any:
        return self.trained.splits.training_images()

    @torch.no_grad()
    def sample(self, count: int, seed: int, condition: Tensor | None = None) -> Tensor | list[str]:
        """Sample images, or texts; a conditional model without a condition samples under each class in turn."""
        able = self.model if condition is None and can(self.model, Samples) else self._under(condition, Samples)
        found = able.sample(count, generator=torch.Generator().manual_seed(seed))
        return eight_bits(found) if isinstance(found, Tensor) else list(found)

    @torch.no_grad()
    def way(self, count: int, seed: int, chosen: int, moments: int, condition: Tensor | None = None) -> Tensor:
        """Return the way from noise of sample `chosen` of `count` samples: (moments, C, H, W)."""
        able = self._under(condition, SamplesInSteps)
        found: Tensor = able.on_the_way(count, moments, generator=torch.Generator().manual_seed(seed))
        return eight_bits(found[chosen])

    @torch.no_grad()
    def translate(self, images: Tensor, direction: str, seed: int) -> Tensor:
        """Translate images of any size."""
        self._require(Translates)
        with GLOBAL_GENERATOR:
            return eight_bits(
                self.model.translate(floats(images), direction=direction, generator=torch.Generator().manual_seed(seed))
            )

    def _under(self, condition: Tensor | None, capability: type[Any]) -> Any:
        """Return the model under a condition, checked to have a capability."""
        self._require(capability)
        if not can(self.model, Conditional):
            if condition is not None:
                raise GenlabError(f"the {type(self.model).__name__} takes no conditions")
            return StyleSpace(self.model) if self.has_styles and capability in StyleSpace.capabilities else self.model
        if condition is None:
            raise GenlabError(f"the {type(self.model).__name__} needs a condition")
        return self.model.given(condition)

    def _require(self, capability: type[Any]) -> None:
        self.trained.require(capability)


def floats(images: Tensor) -> Tensor:
    """Convert images from uint8 to floats in [0, 1], as data sets do."""
    return images.float().div_(255)
