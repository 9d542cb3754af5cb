"""Styles: what can be done with models that have a style for each layer."""

from abc import abstractmethod
from collections.abc import Sequence
from functools import partial
from typing import Any

import torch
from torch import Generator, Tensor

from genlab.errors import GenlabError
from genlab.models.shared.calls import model_of, of_codes
from genlab.models.shared.codes import Prior
from genlab.models.shared.signed import unsigned
from genlab.ranges import between


class Styles(Prior):
    """Mixin for models that turn codes into styles, one for each layer, and styles into images."""

    num_layers: int
    """Number of places where a style enters, from the coarsest to the finest; the last one has no noise."""
    style_size: int
    """Dimensions of a style."""
    mean_style: Tensor
    """EMA of the styles of codes, (style_size,)."""
    truncation: float = 1.0
    """Truncation in sampling and decoding; see `styles`."""

    @abstractmethod
    def best_mapping(self, z: Tensor) -> Tensor:
        """Map codes (B, code_size) to styles (B, style_size) with the EMA generator."""

    @of_codes
    def decode(self, z: Tensor) -> Tensor:
        """Decode codes to images, (B, C, H, W) in [0, 1], with the EMA generator and fixed noise."""
        return self.synthesize(self.styles(z, truncation=self.truncation))

    @of_codes
    def styles(self, z: Tensor, *, truncation: float = 1.0) -> Tensor:
        """Map codes to styles, (B, num_layers, style_size), with the EMA generator.

        Args:
            z: codes (B, code_size).
            truncation: ψ, the share of their distance from `mean_style` that styles keep (Karras et al. 2019, section
                B): at 1, all of it; with less, images are more alike and fewer fail; below 0, they become the opposite.

        Raises:
            GenlabError: for a truncation below -1 or above 1.
        """
        between(-1, 1, truncation=truncation)
        w = self.best_mapping(z)
        if truncation != 1:
            w = torch.lerp(self.center(w.shape[0]).to(w), w, truncation)
        return w[:, None].repeat(1, self.num_layers, 1)

    def center(self, n: int) -> Tensor:
        """Return the style towards which truncation moves, for n images: (n, style_size) or (style_size,)."""
        return self.mean_style

    def synthesize(self, styles: Tensor, *, noise: Generator | Sequence[Tensor | None] | None = None) -> Tensor:
        """Generate images (B, C, H, W) in [0, 1] from styles, with the EMA generator.

        Args:
            styles: (B, num_layers, style_size).
            noise: generator to draw noise with; or a map (B, 1, H, W) or (1, 1, H, W) for each layer but the last, as
                from `draw_noise`, where None stands for a layer's fixed noise. By default all noise is fixed: it was
                drawn when the model was built, is saved in the checkpoint, and is the same for all images.

        Raises:
            GenlabError: for styles of another shape, and too few or too many maps.
        """
        model: Any = model_of(self)
        needed = (model.num_layers, model.style_size)
        if styles.ndim != 3 or styles.shape[1:] != needed:
            raise GenlabError(
                f"{type(model).__name__} takes styles of shape (B, {needed[0]}, {needed[1]}), not {tuple(styles.shape)}"
            )
        weights = next(model.parameters())
        maps = self.draw_noise(styles.shape[0], generator=noise) if isinstance(noise, Generator) else noise
        if maps is not None:
            if len(maps) != model.num_layers - 1:
                raise GenlabError(
                    f"there are {len(maps)} noise maps; the model needs {model.num_layers - 1}, one per noise layer"
                )
            maps = [one if one is None else one.to(weights) for one in maps]
        with model.inference(styles):
            images: Tensor = model.generated(partial(model.best.synthesis, noise=maps), styles.to(weights))
        return unsigned(images)

    def draw_noise(self, n: int, *, generator: Generator | None = None) -> list[Tensor]:
        """Draw the noise of each layer but the last: maps (n, 1, H, W) of N(0, 1).

        Without a generator, they are drawn on the model's device from torch's global generator.
        """
        maps: list[Tensor] = model_of(self).net.synthesis.draw_noise(n, generator=generator)
        return maps
