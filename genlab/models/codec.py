"""What an encoder and a decoder can do together."""

from abc import abstractmethod
from collections.abc import Callable
from typing import Any

from torch import Tensor

from genlab.errors import GenlabError
from genlab.latent.paths import lerp
from genlab.models.inputs import Images, of_images
from genlab.ranges import at_least


class Codec:
    """Mixin of models that encode images and decode codes."""

    @abstractmethod
    def encode(self, x: Any) -> Tensor:
        """The codes of images."""

    @abstractmethod
    def decode(self, z: Any) -> Tensor:
        """The images of codes."""

    @of_images
    def reconstruct(self, x: Tensor) -> Tensor:
        """Images through the code and back: (B, C, H, W) in [0, 1]; one without B for one image."""
        return self.decode(self.encode(x))

    def interpolate(
        self, a: Images, b: Images, steps: int = 9, path: Callable[[Tensor, Tensor, int], Tensor] = lerp
    ) -> Tensor:
        """The images on the way from `a` to `b`, both reconstructions included.

        Between codes instead of images, decode the path: `model.decode(path(start, end, steps).flatten(0, 1))`.

        Args:
            a: where to begin: one image, or several, as `encode` takes them.
            b: where to end: as many.
            steps: how many images.
            path: interpolates between codes (B, code_size), as (B, steps, code_size): `genlab.latent.lerp`, or
                `genlab.latent.slerp` around the origin, as a Gaussian prior's codes lie.

        Returns:
            (steps, C, H, W) between two images, (B, steps, C, H, W) between several; in [0, 1].

        Raises:
            GenlabError: for no steps, or for more images on one side than on the other.
        """
        at_least(1, steps=steps)
        start, end = self.encode(a), self.encode(b)
        if start.shape != end.shape:
            raise GenlabError(f"there are codes of shape {tuple(start.shape)} to go from, {tuple(end.shape)} to go to")
        single = start.ndim == 1
        codes = path(start[None], end[None], steps) if single else path(start, end, steps)
        by_step = codes.transpose(0, 1)  # so that each image's condition, if there are any, is its own at every step
        images: Tensor = self.decode(by_step.flatten(0, 1)).unflatten(0, by_step.shape[:2]).transpose(0, 1)
        return images[0] if single else images
