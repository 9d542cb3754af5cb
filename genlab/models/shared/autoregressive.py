"""Models that generate images value by value: their exact likelihood, samples and completions."""

import math
import warnings
from abc import abstractmethod
from typing import Any

import torch
from torch import Generator, Tensor, nn

from genlab.capabilities import Completes, ExactLikelihood, Samples
from genlab.errors import GenlabError
from genlab.inputs import generator_of
from genlab.losses.categorical import grid_log_prob
from genlab.models.shared.calls import model_of, of_images
from genlab.models.shared.image_model import ImageModel
from genlab.models.shared.output_check import expect
from genlab.networks.grid_sampling import sample_grids
from genlab.precision import at_least_float32
from genlab.ranges import between, count
from genlab.recorded import as_network
from genlab.types import GridNetworkFactory, Interval, OptimizerFactory, ScheduleFactory, Shape

GREY_LEVELS = 256
OFF_LEVEL = 0.1
"""Distance from the nearest level, in levels, beyond which an image must have other levels."""


class AutoregressiveModel:
    """Methods of models that generate images value by value: a mixin of a `PixelModel`, or of one under a condition."""

    capabilities: tuple[type, ...] = (Samples, Completes, ExactLikelihood)

    @abstractmethod
    def numbers(self, count: int) -> Tensor | None:
        """Return the condition's embedding for `count` images, (count, condition_size); None without a condition."""

    def sample(self, n: int, *, seed: int | None = None, generator: Generator | None = None) -> Tensor:
        """Sample images, pixel by pixel: (n, C, H, W) in [0, 1].

        Args:
            n: number of images; memory is bounded, whatever their number.
            seed: seed of the draws; without a seed or a generator, they depend on torch's global CPU generator.
            generator: CPU generator, instead of a seed.
        """
        count(n=n)
        return self._sampled(n, generator_of(seed, generator))

    @of_images
    def complete(
        self, x: Tensor, mask: Tensor, *, seed: int | None = None, generator: Generator | None = None
    ) -> Tensor:
        """Complete images given their first pixels, in row order from the top.

        Args:
            x: images (B, C, H, W) in [0, 1]; their values in the unknown part are ignored.
            mask: 1 at unknown pixels, which must be all those from the first unknown one on, 0 at known ones: (H, W),
                or with further dimensions of 1.
            seed: seed of the draws.
            generator: CPU generator, instead of a seed.

        Raises:
            GenlabError: for a mask of another size, or with a known pixel after an unknown one.
        """
        model = model_of(self)
        unknown = torch.as_tensor(mask) > 0.5
        if unknown.numel() != x[0, 0].numel() or unknown.shape[-2:] != x.shape[-2:]:
            sides = " x ".join(map(str, reversed(x.shape[-2:])))
            raise GenlabError(
                f"the mask has shape {tuple(unknown.shape)}; give a single one of {sides} pixels for all images"
            )
        start = unknown.numel() - int(unknown.sum())
        if not unknown.flatten()[start:].all():
            raise GenlabError(
                f"a {type(model).__name__} generates pixels row by row, each from those before it: the mask must be "
                "white from its first white pixel to the end, as for the lower part of an image"
            )
        return self._sampled(len(x), generator_of(seed, generator), model.grid(model.seen(x)), start)

    @of_images
    @torch.no_grad()
    def log_prob(self, x: Tensor) -> Tensor:
        """Compute the exact log p(x) of images in nats, (B,): the log-probability of their levels."""
        model: Any = model_of(self)
        log_prob: Tensor = model.log_probs(model.seen(x), self.numbers(len(x)))
        return log_prob

    def _sampled(self, count: int, random: Generator | None, known: Tensor | None = None, start: int = 0) -> Tensor:
        model: Any = model_of(self)
        with model.inference():
            grids = sample_grids(
                model.network,
                model.image_shape,
                count,
                condition=self.numbers(count),
                known=known,
                start=start,
                generator=random,
                progress=model.progress,
            )
        samples: Tensor = grids.to(model.dtype) / (model.levels - 1)
        return samples


class PixelModel(ImageModel):
    """An ImageModel of images with discrete values, trained on their exact log-likelihood.

    Args:
        image_shape: (C, H, W) of the images.
        levels: number of levels of each value, from 0 to 1.
        optimizer: builds the optimizer of all parameters.
        schedule: builds its learning-rate schedule.
        schedule_interval: what the schedule counts.

    Raises:
        GenlabError: for numbers out of range.
    """

    network: nn.Module

    def __init__(
        self,
        image_shape: Shape,
        *,
        levels: int,
        optimizer: OptimizerFactory,
        schedule: ScheduleFactory | None,
        schedule_interval: Interval,
    ) -> None:
        super().__init__(image_shape)
        between(2, GREY_LEVELS, levels=levels)
        self.levels = levels
        self.optimizer, self.schedule, self.schedule_interval = optimizer, schedule, schedule_interval

    def build(self, network: GridNetworkFactory, condition_size: int) -> None:
        """Build the network, which sees a condition's embedding."""
        self.network = as_network(network, self.image_shape, self.levels, condition_size, 0)
        expect(self.network, (self.levels, *self.image_shape), f"{type(self).__name__} of {self.levels} levels")

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        loss = -self.log_probs_of(batch).mean()
        self.log_batch({"loss": loss}, progress_bar="loss")
        return loss

    def evaluation_step(self, stage: str, batch: Any, batch_idx: int) -> None:
        loss = -self.log_probs_of(batch).mean()
        bits = loss / (math.prod(self.image_shape) * math.log(2))
        self.log_epoch(stage, {"loss": loss, "bits_per_dim": bits}, batch, progress_bar="loss")

    def log_probs_of(self, batch: Any) -> Tensor:
        """Compute log p(x) of a batch's images, (B,), under their conditions, if any."""
        x = self.images(batch)
        return self.log_probs(x, self.under(batch).numbers(len(x)))

    def log_probs(self, x: Tensor, numbers: Tensor | None) -> Tensor:
        """Compute log p(x), (B,), the sum of each value's log-probability given the values before it (equation 1)."""
        grid = self.grid(x)
        return grid_log_prob(self.network(grid, numbers, None), grid)

    def grid(self, x: Tensor) -> Tensor:
        """Convert images in [0, 1] to the nearest levels: (B, C, H, W), int64."""
        scaled = at_least_float32(x) * (self.levels - 1)
        grid = scaled.round()
        if self.levels < GREY_LEVELS and self.looks_at(x, "levels") and (scaled - grid).abs().max() > OFF_LEVEL:
            warnings.warn(
                f"images have values between the {self.levels} levels of this {type(self).__name__} and are "
                f"rounded; give it more levels, up to {GREY_LEVELS}, or binarise the images (MNIST: binarize fixed)",
                stacklevel=2,
            )
        return grid.long().clamp(0, self.levels - 1)  # values slightly outside of [0, 1] are tolerated

    def configure_optimizers(self) -> Any:
        return self.scheduled(self.optimizer, self.parameters(), self.schedule)
