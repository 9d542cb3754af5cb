"""Base class of models that translate images: use on images of any size, and learning rates that decay."""

import contextlib
from abc import abstractmethod
from collections.abc import Callable, Iterator, Sequence
from functools import partial

import torch
import torch.nn.functional as F
from torch import Generator, Tensor, nn

from genlab.capabilities import Translates
from genlab.errors import GenlabError, listed
from genlab.inputs import Images, generator_of, images_of
from genlab.losses.reconstruction import absolute_difference
from genlab.models.shared.image_model import ImageModel
from genlab.models.shared.signed import signed, unsigned
from genlab.schedules import Linear
from genlab.types import ScheduleFactory, Shape

SMALLEST = 4
"""Minimum number of pixels of a side."""


class Translator(ImageModel):
    """An ImageModel whose generators turn images of one domain, such as a, into images of another, such as b.

    They see and generate images in [-1, 1].

    Args:
        image_shape: (C, H, W) of the images in b.

    Raises:
        GenlabError: for images smaller than 4 x 4 pixels.
    """

    capabilities: tuple[type, ...] = (Translates,)
    directions: dict[str, Shape]
    """Directions, such as "a_to_b", with the shape of the images that each was learned from."""
    generated: Callable[..., Tensor]
    """Applies a generator; see `SignedGenerators`."""
    disclosure: str | None = None
    """Sentence for the metadata of translated files that people could take for photographs."""

    def __init__(self, image_shape: Shape) -> None:
        if min(image_shape[1:]) < SMALLEST:
            raise GenlabError(
                f"images of shape {image_shape} are too small to translate; use at least {SMALLEST} x {SMALLEST}"
            )
        super().__init__(image_shape)

    @abstractmethod
    def best_generator(self, direction: str) -> nn.Module:
        """Return the generator of a direction, or its EMA if there is one."""

    def distance(self, image: Tensor, other: Tensor) -> Tensor:
        """Measure how far images in [-1, 1] are from others, a scalar: the mean absolute difference.

        A subclass may measure it in another way, and so change the losses of Pix2Pix and CycleGAN.
        """
        return absolute_difference(image, other).mean()

    def translate(
        self,
        x: Images,
        *,
        direction: str = "a_to_b",
        seed: int | None = None,
        generator: Generator | None = None,
    ) -> Tensor:
        """Translate images of any size, (B, C, H, W) to (B, C', H, W), in [0, 1].

        A single image without a batch dimension gives a single one. Images smaller than those in training are padded
        for the generator, and their translations cropped. Noise, such as dropout, depends on a seed, on the state of
        `generator` (on the CPU), or else on torch's global generator.

        Args:
            x: images; see `genlab.inputs.Images`.
            direction: one of `directions`.
            seed: seed of the noise.
            generator: CPU generator, instead of a seed.

        Raises:
            GenlabError: for a direction that the model does not know, or images of other channels or range.
        """
        if direction not in self.directions:
            raise GenlabError(f"this {type(self).__name__} translates {listed(self.directions)}, not {direction}")
        channels, *least = self.directions[direction]
        x, single = images_of(x, self.directions[direction], self, any_size=True)
        is_batch = x.ndim == 4
        if is_batch and x.shape[1] != channels:
            raise GenlabError(f"{direction} takes images of {channels} channels, not {x.shape[1]}")
        height, width = x.shape[-2:] if is_batch else least
        self.seen(x, (channels, height, width))
        with self.inference(x), noise_from(generator_of(seed, generator), x.device):
            translated = self.generated(self.best_generator(direction), self.fitted(signed(x), least))
        images = self.restored(unsigned(translated), (height, width))
        return images[0] if single else images

    def fitted(self, x: Tensor, least: Sequence[int]) -> Tensor:
        """Return images of a size that generators take: those smaller than in training, `least`, are padded."""
        below, right = (max(0, side - have) for side, have in zip(least, x.shape[-2:], strict=True))
        return F.pad(x, (0, right, 0, below), mode="replicate") if right or below else x

    def restored(self, images: Tensor, size: tuple[int, int]) -> Tensor:
        """Crop translations to the size that images had before they were `fitted`."""
        return images[:, :, : size[0], : size[1]]


def linear_decay(decay_from: float | None) -> ScheduleFactory | None:
    """Return the default schedule of players: learning rates fall linearly to 0 after a share of training.

    Args:
        decay_from: the share; None for no schedule.

    Raises:
        GenlabError: for a number that is not a share.
    """
    if decay_from is None:
        return None
    if not 0 <= decay_from < 1:
        raise GenlabError(f"decay_from is {decay_from}; it must be a fraction of training, from 0 to below 1, or null")
    return partial(Linear, decay_from=decay_from)


@contextlib.contextmanager
def noise_from(generator: Generator | None, device: torch.device) -> Iterator[None]:
    """Make draws from torch's global generators depend on `generator`, if there is one."""
    if generator is None:
        yield
        return
    with torch.random.fork_rng([device] if device.type == "cuda" else []):
        torch.manual_seed(int(torch.randint(2**62, (), generator=generator)))
        yield
