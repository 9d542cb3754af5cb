"""Samples, variations and completions of images by Gibbs chains in a Boltzmann machine."""

from abc import abstractmethod
from collections.abc import Callable

import torch
from torch import Generator, Tensor
from tqdm import tqdm

from genlab.boltzmann.annealing import CHAINS, TEMPERATURES, LogPartition, log_partition
from genlab.boltzmann.chains import GibbsSampling
from genlab.boltzmann.machine import BoltzmannMachine
from genlab.inputs import generator_of, mask_of
from genlab.models.calls import model_of, of_images
from genlab.models.image_model import ImageModel
from genlab.ranges import above, between, count, extent
from genlab.types import Shape


class GibbsChains:
    """Images that are made by Gibbs chains in a Boltzmann machine: mixin of a `GibbsModel`, or of one under a label.

    Chains are as long as the model's `sampling` says. All are drawn on the CPU, so that devices agree; images are means
    of pixels given the hidden units.
    """

    @property
    @abstractmethod
    def top(self) -> BoltzmannMachine:
        """The machine that chains are of."""

    @abstractmethod
    def states(self, pixels: Tensor, generator: Generator | None = None) -> Tensor:
        """Return visible units of the machine for flattened images (B, pixels), drawn where they are random."""

    @abstractmethod
    def pictures(self, v: Tensor, generator: Generator) -> Tensor:
        """Return images (B, C, H, W) in [0, 1], means of pixels, by hidden units that are drawn given visible ones."""

    @abstractmethod
    def held(self, v: Tensor, pixels: Tensor, mask: Tensor, generator: Generator) -> Tensor:
        """Return visible units with the pixels of images (B, pixels) where a mask (B or 1, pixels) is 0."""

    def start(self, n: int, generator: Generator) -> Tensor:
        """Draw where chains begin: visible units that are independent, as in the base-rate model."""
        return self.top.draw_base(n, generator)

    def step(self, v: Tensor, generator: Generator) -> Tensor:
        """Take chains at visible units (n, size) a step further."""
        return self.top.gibbs(v, 1, generator)

    def sample(self, n: int, *, seed: int | None = None, generator: Generator | None = None) -> Tensor:
        """Sample images: (n, C, H, W) in [0, 1].

        Args:
            n: how many.
            seed: of the chains; without one, and without a generator, they depend on torch's global one of the CPU.
            generator: in place of a seed, on the CPU.
        """
        count(n=n)
        random, thinning = self._random(seed, generator), self._sampling.thinning
        with model_of(self).inference():
            v = self._chain(self.start(1 if thinning else n, random), self._sampling.steps, random)
            if thinning is None:
                return self.pictures(v, random)
            visited = [v]
            for _ in range(n - 1):
                visited.append(self._chain(visited[-1], thinning, random))
            return self.pictures(torch.cat(visited)[:n], random)

    @of_images
    def vary(
        self, x: Tensor, strength: float = 0.6, *, seed: int | None = None, generator: Generator | None = None
    ) -> Tensor:
        """Make other images from images: where a chain leads from them in a share of the steps.

        Args:
            x: images (B, C, H, W) in [0, 1].
            strength: share of the steps that are made, above 0.
            seed: of the chains.
            generator: in place of a seed, on the CPU.
        """
        above(0, strength=strength)
        between(0, 1, strength=strength)
        random = self._random(seed, generator)
        steps = max(1, round(strength * self._sampling.steps))
        v = self._chain(self.states(model_of(self).seen(x).flatten(1), random), steps, random)
        return self.pictures(v, random)

    @of_images
    def complete(
        self, x: Tensor, mask: Tensor, *, seed: int | None = None, generator: Generator | None = None
    ) -> Tensor:
        """Make the part of images that is not known, by chains in which the known pixels are clamped.

        Args:
            x: images (B, C, H, W) in [0, 1]; what they have in the unknown part does not matter.
            mask: 1 at unknown pixels, 0 at known ones: (B or 1, 1, H, W), or without the first dimensions.
            seed: of the chains.
            generator: in place of a seed, on the CPU.

        Raises:
            GenlabError: for masks of another size or number.
        """
        random, unknown = self._random(seed, generator), mask_of(mask, x).expand(-1, *x.shape[1:]).flatten(1) > 0
        pixels = model_of(self).seen(x).flatten(1)

        def clamped(v: Tensor) -> Tensor:
            return self.held(v, pixels, unknown, random)

        v = self._chain(clamped(self.start(len(x), random)), self._sampling.steps, random, clamped)
        made = self.pictures(v, random)
        return torch.where(unknown.view(-1, *x.shape[1:]), made, x)

    @torch.no_grad()
    def on_the_way(self, n: int, moments: int, *, generator: Generator | None = None) -> Tensor:
        """Sample images and where their chains were on the way from random pixels: (n, moments, C, H, W) in [0, 1]."""
        extent(moments=moments)
        random, done = self._random(None, generator), 0
        kept = torch.linspace(self._sampling.steps, 0, moments).round().int().flip(0).tolist()  # one moment is the last
        v = self.start(n, random)
        seen = {0: self.pictures(v, random)}

        def watched(v: Tensor) -> Tensor:
            nonlocal done
            done += 1
            if done in kept:
                seen[done] = self.pictures(v, random)
            return v

        self._chain(v, kept[-1], random, watched)
        return torch.stack([seen[steps] for steps in kept], 1)

    @torch.no_grad()
    def _chain(
        self, v: Tensor, steps: int, random: Generator, clamped: Callable[[Tensor], Tensor] | None = None
    ) -> Tensor:
        for _ in tqdm(range(steps), "Sampling", unit=" steps", disable=not self._sampling.progress, leave=False):
            v = self.step(v, random)
            v = v if clamped is None else clamped(v)
        return v

    @property
    def _sampling(self) -> GibbsSampling:
        settings: GibbsSampling = model_of(self).sampling
        return settings

    def _random(self, seed: int | None, generator: Generator | None) -> Generator:
        return generator_of(seed, generator) or torch.default_generator


class GibbsModel(GibbsChains, ImageModel):
    """An ImageModel whose images are made by Gibbs chains, as its attribute `sampling` says, which may be set."""

    def __init__(self, image_shape: Shape) -> None:
        super().__init__(image_shape)
        self.sampling = GibbsSampling()

    def log_partition(
        self,
        chains: int = CHAINS,
        temperatures: int = TEMPERATURES,
        generator: Generator | None = None,
        progress: bool = False,
    ) -> LogPartition:
        """Estimate log Z of the top machine by annealed importance sampling; see `genlab.boltzmann.log_partition`."""
        return log_partition(self.top, chains, temperatures, generator, progress)
