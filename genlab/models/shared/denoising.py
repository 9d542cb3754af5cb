"""Methods of diffusion models: samples, codes, variations and completions of images, and the likelihood bound."""

from abc import abstractmethod
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch
from torch import Generator, Tensor
from tqdm import tqdm

from genlab.capabilities import (
    Bounds,
    Completes,
    Decodes,
    DrawsCodes,
    Encodes,
    Reconstructs,
    Samples,
    SamplesInSteps,
)
from genlab.diffusion.bound import last_part, prior_part, step_parts
from genlab.diffusion.denoisers import Denoise, completing, watched
from genlab.diffusion.samplers import ancestral, ddim, euler, noise_like, resampled, with_generator
from genlab.errors import GenlabError
from genlab.inputs import mask_of, random_of
from genlab.latent.paths import slerp
from genlab.models.shared.calls import model_of, of_codes, of_images
from genlab.models.shared.codes import Codec, Prior
from genlab.ranges import above, at_least, between, extent

AT_ONCE = 2**17
"""Positions of images, or codes, that are computed together; the same on all devices, as noise depends on it."""
REPEATS = 5
"""How many times each step is made when images are completed."""
FINE = 1000
"""Steps of the bound for noise schedules with continuous levels."""


class DenoisingModel(Prior, Codec):
    """Images generated from noise in steps, by a denoiser: a mixin of a `DiffusionModel`, or of one under a condition.

    Codes are noise of the images' shape. `encode` and `decode` run DDIM in either direction (Song et al. 2021, section
    4.3), in the model's `sampling.steps`; `sample` follows all of `sampling`.
    """

    capabilities: tuple[type, ...] = (
        *(Encodes, Decodes, Reconstructs, DrawsCodes, Samples),
        *(SamplesInSteps, Completes, Bounds),
    )
    code_path = staticmethod(slerp)  # along which noise keeps its norm

    @abstractmethod
    def denoiser(self, rows: Tensor, count: int, guidance: float = 1.0) -> Denoise:
        """Return the denoiser of the images at `rows` (B,) of `count` made together, in the model's space."""

    def sample(self, n: int, *, seed: int | None = None, generator: Generator | None = None) -> Tensor:
        """Sample images: (n, C, H, W) in [0, 1].

        Args:
            n: number of images; memory is bounded, whatever their number.
            seed: seed of the noise; without a seed or a generator, it depends on torch's global CPU generator.
            generator: CPU generator, instead of a seed.
        """
        random = random_of(seed, generator)
        levels = self._levels()
        sampler = with_generator(self._model.sampling.sampler, random)
        with self._model.inference():
            noise = self._scaled(self.draw_codes(n, generator=random), levels)
            return self._in_parts(noise, lambda x, denoise: sampler(denoise, x, levels), levels, guided=True)

    @of_codes
    def decode(self, z: Tensor) -> Tensor:
        """Turn noise (B, *code_shape) into images (B, C, H, W) in [0, 1], deterministically."""
        levels = self._levels()
        return self._in_parts(self._scaled(z, levels), lambda x, denoise: ddim(denoise, x, levels), levels)

    @of_images
    def encode(self, x: Tensor) -> Tensor:
        """Turn images into the noise from which `decode` makes them: (B, *code_shape)."""
        levels = self._levels()[:-1]
        model, up = self._model, levels.flip(0)

        def noise(x: Tensor, denoise: Denoise) -> Tensor:
            image = model.inner(x)
            first = 2 * image - denoise(image, up[0])  # the step up to the lowest level, by the noise that it finds
            return euler(denoise, first, up)

        return self._in_parts(model.seen(x), noise, levels, images=False) / standard_deviation(levels[0])

    @of_images
    def vary(
        self, x: Tensor, strength: float = 0.6, *, seed: int | None = None, generator: Generator | None = None
    ) -> Tensor:
        """Make variations of images: add noise, then take the last `strength` of the steps (SDEdit; Meng et al. 2022).

        Args:
            x: images (B, C, H, W) in [0, 1].
            strength: share of the steps to take, above 0; with 1, little of the image is left.
            seed: seed of the noise.
            generator: CPU generator, instead of a seed.
        """
        above(0, strength=strength)
        between(0, 1, strength=strength)
        random, levels = random_of(seed, generator), self._levels()
        made = max(1, round(strength * (len(levels) - 1)))
        levels = levels[-made - 1 :]
        sampler = with_generator(self._model.sampling.sampler, random)

        def varied(x: Tensor, denoise: Denoise) -> Tensor:
            inner = self._model.inner(x)
            return sampler(denoise, inner + levels[0].item() * noise_like(inner, random), levels)

        return self._in_parts(self._model.seen(x), varied, levels, guided=True)

    @of_images
    def complete(
        self, x: Tensor, mask: Tensor, *, seed: int | None = None, generator: Generator | None = None
    ) -> Tensor:
        """Fill in the unknown part of images to match the known part (RePaint; Lugmayr et al. 2022).

        It uses ancestral sampling, in the model's `sampling.steps`, each of which is made five times.

        Args:
            x: images (B, C, H, W) in [0, 1]; their values in the unknown part are ignored.
            mask: 1 at unknown pixels, 0 at known ones: (B or 1, 1, H, W), or without the first dimensions.
            seed: seed of the noise.
            generator: CPU generator, instead of a seed.

        Raises:
            GenlabError: for masks of another size or number, and for a model whose noise is not in pixels.
        """
        model, unknown = self._model, mask_of(mask, x)
        if tuple(model.inner_shape) != tuple(model.image_shape):
            raise GenlabError(f"a {type(model).__name__} adds noise to codes, not pixels, so it cannot complete images")
        random, levels = random_of(seed, generator), self._levels()
        walk = resampled(levels, REPEATS)
        known = model.inner(model.seen(x))
        both = torch.cat([known, unknown.to(known).expand_as(known)], 1)

        def completed(both: Tensor, denoise: Denoise) -> Tensor:
            known, mask = both.chunk(2, 1)
            noise = self._scaled(noise_like(known, random), walk)
            return ancestral(completing(denoise, known, mask), noise, walk, random)

        return self._in_parts(both, completed, levels, guided=True)

    def on_the_way(self, n: int, moments: int, *, generator: Generator | None = None) -> Tensor:
        """Sample images and their stages on the way from noise: (n, moments, C, H, W) in [0, 1].

        Noisy images are scaled to the variance of images, as x_t in Ho et al. 2020. The last moment is the image.
        """
        extent(moments=moments)
        model, random, levels = self._model, random_of(None, generator), self._levels()
        kept = torch.linspace(len(levels) - 1, 0, moments).round().flip(0).tolist()  # a single moment is the last one
        seen: list[Tensor] = []

        def sampled(x: Tensor, denoise: Denoise) -> Tensor:
            steps = {}

            def look(x: Tensor, now: float, step: int) -> None:
                if step in kept:  # of two estimates at a level, the second is the one that the next step starts from
                    steps[step] = x / (1 + now**2) ** 0.5

            end = with_generator(model.sampling.sampler, random)(watched(denoise, look), x, levels)
            steps[len(levels) - 1] = end
            seen.append(torch.stack([self._outer(steps[int(step)]) for step in kept], 1))
            return end

        with model.inference():
            noise = self._scaled(self.draw_codes(n, generator=random), levels)
            self._in_parts(noise, sampled, levels, images=False, guided=True)
        return torch.cat(seen)

    @of_images
    @torch.no_grad()
    def bound(self, x: Tensor, bands: int = 20, generator: Generator | None = None) -> Tensor:
        """Estimate the parts of an upper bound of -log p(x), in nats: (B, bands + 2), which sum to the bound.

        The first part is the prior's, the last the likelihood of 8-bit values; those between are of `bands` bands of
        timesteps, from much noise to little, each estimated at one timestep; see `genlab.diffusion.bound`.
        """
        model = self._model
        levels = model.noise.levels(model.noise.timesteps or FINE)
        at_least(1, bands=bands)
        bands = min(bands, len(levels) - 2)

        def parts(x: Tensor, denoise: Denoise) -> Tensor:
            ends = prior_part(x, levels[0].item()), last_part(denoise, x, levels[-2].item(), generator)
            return torch.cat([ends[0][:, None], step_parts(denoise, x, levels, bands, generator), ends[1][:, None]], 1)

        return self._in_parts(model.inner(model.seen(x)), parts, images=False)

    @property
    def _model(self) -> Any:
        """The `DiffusionModel`, which may be this one."""
        return model_of(self)

    def _levels(self) -> Tensor:
        model = self._model
        levels: Tensor = model.noise.levels(model.sampling.steps)
        return levels

    def _scaled(self, noise: Tensor, levels: Tensor) -> Tensor:
        """Scale N(0, I) to noisy images at the first level."""
        return noise * standard_deviation(levels[0])

    def _in_parts(
        self,
        given: Tensor,
        compute: Callable[[Tensor, Denoise], Tensor],
        levels: Tensor | None = None,
        *,
        images: bool = True,
        guided: bool = False,
    ) -> Tensor:
        """Compute something for a few images at a time, on the model's device, with a progress bar over the steps.

        Args:
            given: noise or an image for each image.
            compute: computes the result from a part of `given` and its denoiser.
            levels: noise levels of the steps; None for no progress bar.
            images: whether to convert the result to images.
            guided: whether the denoiser follows the condition as strongly as the model's `sampling` says.
        """
        model = self._model
        count, found = len(given), []
        guidance = model.sampling.guidance if guided else 1.0
        parts = torch.arange(count).split(at_once(given.shape))
        steps = 0 if levels is None else (len(levels) - 1) * len(parts)
        shown = steps > 0 and model.progress
        with tqdm(total=steps, desc="Sampling", unit=" steps", disable=not shown, leave=False) as bar:
            for rows in parts:
                denoise = self.denoiser(rows, count, guidance)
                if steps:
                    denoise = watched(denoise, partial(_advance, bar, bar.n))
                made = compute(given[rows].to(model.device), denoise)
                found.append(self._outer(made) if images else made)
        return torch.cat(found)

    def _outer(self, x: Tensor) -> Tensor:
        """Convert denoised values to images, in smaller parts if images are larger than codes."""
        model = self._model
        return torch.cat([model.outer(some) for some in x.split(at_once(model.image_shape))])


def _advance(bar: Any, done: int, x: Tensor, sigma: float, step: int) -> None:
    """Let a bar of steps, of which some were done by others before, show those up to `step`."""
    bar.update(done + step + 1 - bar.n)


def at_once(shape: Sequence[int]) -> int:
    """Return how many images or codes of a shape (..., H, W) are computed together."""
    return max(1, AT_ONCE // (shape[-2] * shape[-1]))


def standard_deviation(sigma: Tensor) -> float:
    """Return the standard deviation of noisy images at a level, where images have 1, as the prior (Ho et al. 2020)."""
    return float((1 + sigma.square()).sqrt())
