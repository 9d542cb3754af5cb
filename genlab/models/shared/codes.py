"""Sampling, reconstruction and interpolation for models with codes."""

from abc import abstractmethod
from collections.abc import Callable
from typing import Any

import torch
from torch import Generator, Tensor

from genlab.capabilities import real_code_shape
from genlab.errors import GenlabError
from genlab.inputs import Images, random_of
from genlab.latent.paths import between, lerp
from genlab.models.shared.calls import of_images
from genlab.ranges import at_least, count


class Prior:
    """Mixin for models that draw codes and decode them."""

    code_shape: tuple[int, ...]
    device: torch.device

    @abstractmethod
    def decode(self, z: Any) -> Tensor:
        """Decode codes (B, *code_shape) to images (B, C, H, W) in [0, 1]."""

    def draw_codes(self, n: int, *, generator: Generator | None = None) -> Tensor:
        """Draw codes from the prior N(0, I): (n, *code_shape).

        Without a generator, they are drawn on the model's device from torch's global generator.
        """
        count(n=n)
        device = self.device if generator is None else generator.device
        return torch.randn(n, *self.code_shape, generator=generator, device=device)

    def sample(self, n: int, *, seed: int | None = None, generator: Generator | None = None) -> Tensor:
        """Sample images from the prior: (n, C, H, W) in [0, 1].

        Args:
            n: number of images.
            seed: seed of the codes; without a seed or a generator, they depend on torch's global CPU generator.
            generator: CPU generator, instead of a seed; the same state gives the same samples.
        """
        on_the_cpu = random_of(seed, generator)  # so that all devices agree
        return self.decode(self.draw_codes(n, generator=on_the_cpu))


class Codec:
    """Mixin for models that encode images and decode codes."""

    code_path: Callable[[Tensor, Tensor, int], Tensor] = staticmethod(lerp)
    """Path between two codes along which `interpolate` goes by default."""

    @abstractmethod
    def encode(self, x: Any) -> Tensor:
        """Encode images (B, C, H, W) in [0, 1] to codes (B, *code_shape)."""

    @abstractmethod
    def decode(self, z: Any) -> Tensor:
        """Decode codes (B, *code_shape) to images (B, C, H, W) in [0, 1]."""

    @of_images
    def reconstruct(self, x: Tensor) -> Tensor:
        """Reconstruct images from their codes: (B, C, H, W) in [0, 1]; without B for a single image."""
        return self.decode(self.encode(x))

    def forward(self, x: Any) -> Tensor:
        """Reconstruct images."""
        return self.reconstruct(x)

    def interpolate(
        self, a: Images, b: Images, steps: int = 9, path: Callable[[Tensor, Tensor, int], Tensor] | None = None
    ) -> Tensor:
        """Decode the path from the code of `a` to that of `b`, both reconstructions included.

        To interpolate between codes instead, decode a path: `model.decode(path(start, end, steps).flatten(0, 1))`.

        Args:
            a: where to start: one image, or several, as `encode` takes them.
            b: where to end: as many images as in `a`.
            steps: number of images.
            path: interpolates between codes (B, code_size), as (B, steps, code_size): `genlab.latent.lerp`, or
                `genlab.latent.slerp` around the origin, which suits a Gaussian prior; by default `code_path`.

        Returns:
            (steps, C, H, W) between two images, (B, steps, C, H, W) between several; in [0, 1].

        Raises:
            GenlabError: for no steps, different numbers of images in `a` and `b`, and discrete codes.
        """
        at_least(1, steps=steps)
        shape = real_code_shape(self)
        path = path or self.code_path
        start, end = self.encode(a), self.encode(b)
        if start.shape != end.shape:
            raise GenlabError(
                f"codes of a have shape {tuple(start.shape)}, those of b {tuple(end.shape)}; they must match"
            )
        single = start.ndim == len(shape)
        codes = between(start[None], end[None], steps, path) if single else between(start, end, steps, path)
        by_step = codes.transpose(0, 1)  # so that each image keeps its own condition, if any, at every step
        images: Tensor = self.decode(by_step.flatten(0, 1)).unflatten(0, by_step.shape[:2]).transpose(0, 1)
        return images[0] if single else images
