"""Regression of images with a normal distribution for each value: networks that estimate their own uncertainty."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Generator, Tensor, nn
from torch.distributions import Normal
from torch.optim import Adam

from genlab.capabilities import KnowsDeviation, Translates
from genlab.errors import GenlabError
from genlab.losses.evidence import log_mean_exp
from genlab.losses.likelihood import bounded
from genlab.losses.regression import NormalNLL, RegressionLoss
from genlab.metrics.translation import translation_scores
from genlab.models.shared.output_check import expect
from genlab.models.shared.signed import signed, unsigned
from genlab.models.shared.translation import Translator, noise_from
from genlab.networks.resnet import ResNetGenerator
from genlab.precision import at_least_float32
from genlab.ranges import at_least, extent
from genlab.recorded import as_network
from genlab.types import Interval, NetworkFactory, OptimizerFactory, PairBatch, ScheduleFactory, Shape


class GaussianRegressor(Translator):
    """A network from sources to a normal distribution of the target: a mean and a standard deviation of each value.

    With noise as a further input, it gives another distribution for each draw, and all together a mixture: log p(y | x)
    is the logarithm of their mean likelihood. Without noise, ambiguous targets become a blurred mean with a large
    deviation; with noise, each draw may decide for one of them.

    Args:
        source_shape: (C, H, W) of the sources.
        image_shape: (C', H, W) of the targets.
        network: builds the network from sources and noise channels to 2 C' channels: logits of means, and raw
            standard deviations.
        loss: builds the loss of distributions; see `genlab.losses.regression`.
        noise_channels: number of channels of N(0, 1) noise, of the sources' size, that the network sees beside them; 0
            for none.
        num_samples: draws of noise for each image, in training and where distributions are mixed.
        optimizer: builds the optimizer.
        schedule: builds its learning-rate schedule; see `genlab.schedules`.
        schedule_interval: what the schedule counts, each "step" of the optimizer or each "epoch".

    Raises:
        GenlabError: for data other than pairs, pairs whose images differ in size, and noise with a loss that is not a
            likelihood.

    Example:
        >>> model = genlab.GaussianRegressor((1, 16, 16), (3, 16, 16))  # colours of a grey photograph
        >>> model.distribution(torch.rand(2, 1, 16, 16)).stddev.shape
        torch.Size([2, 3, 16, 16])
    """

    capabilities: tuple[type, ...] = (Translates, KnowsDeviation)
    batch_names = ("source", "target")

    def __init__(
        self,
        source_shape: Shape,
        image_shape: Shape,
        network: NetworkFactory = ResNetGenerator,
        loss: Callable[[], RegressionLoss] = NormalNLL,
        noise_channels: int = 0,
        num_samples: int = 8,
        optimizer: OptimizerFactory = Adam,
        schedule: ScheduleFactory | None = None,
        schedule_interval: Interval = "step",
    ) -> None:
        if source_shape is None:  # linked from the command line's data
            raise GenlabError("a GaussianRegressor learns from aligned pairs; DegradedPairs makes them of any images")
        channels, height, width = source_shape
        if (height, width) != tuple(image_shape[1:]):
            raise GenlabError(f"sources of {height} x {width} pixels do not match targets of shape {image_shape}")
        extent(num_samples=num_samples)
        at_least(0, noise_channels=noise_channels)
        super().__init__(image_shape)
        self.save_hyperparameters()
        self.source_shape: Shape = (channels, height, width)
        self.directions = {"a_to_b": self.source_shape}
        outputs = 2 * self.image_shape[0]
        self.network = as_network(network, (channels + noise_channels, height, width), outputs)
        expect(self.network, (outputs, None, None), f"GaussianRegressor for images of shape {self.image_shape}")
        self.loss, self.noise_channels = loss(), noise_channels
        if noise_channels and not self.loss.is_likelihood:
            raise GenlabError(
                f"noise_channels needs a likelihood as its loss, not {type(self.loss).__name__}; set it to 0"
            )
        self.num_samples = num_samples if noise_channels else 1
        self.optimizer, self.schedule, self.schedule_interval = optimizer, schedule, schedule_interval

    def training_step(self, batch: PairBatch, batch_idx: int) -> Tensor:
        source, target = self.pair(batch)
        losses = [self.loss(*self.parameters_of(source), target) for _ in range(self.num_samples)]
        loss = -log_mean_exp(-torch.stack(losses)).mean()
        self.log_batch({"loss": loss}, progress_bar="loss")
        return loss

    def evaluation_step(self, stage: str, batch: PairBatch, batch_idx: int) -> None:
        source, target = self.pair(batch)
        nll = NormalNLL()
        losses = [nll(*self.parameters_of(source), target) for _ in range(self.num_samples)]
        metrics = {"loss": -log_mean_exp(-torch.stack(losses)).mean()}  # the same for every training loss
        scores = translation_scores(self.moments(source)["mean"], target)
        metrics |= {name: values.mean() for name, values in scores.items()}
        self.log_epoch(stage, metrics, batch, progress_bar="loss")

    def configure_optimizers(self) -> Any:
        return self.scheduled(self.optimizer, self.network.parameters(), self.schedule)

    def pair(self, batch: PairBatch) -> tuple[Tensor, Tensor]:
        """Return the sources and targets of a batch."""
        return self.part(batch, "source", self.source_shape), self.part(batch, "target", self.image_shape)

    def parameters_of(self, source: Tensor) -> tuple[Tensor, Tensor]:
        """Return the mean and log standard deviation of each value for a draw of noise: (B, C', H, W), in float32."""
        size = (len(source), self.noise_channels, *source.shape[-2:])
        noise = torch.randn(*size, device=source.device, dtype=source.dtype)
        mean, spread = at_least_float32(self.network(torch.cat([source, noise], 1))).chunk(2, 1)
        return mean.sigmoid(), bounded(spread)

    def moments(self, x: Tensor, generator: Generator | None = None) -> dict[str, Tensor]:
        """Return the "mean" and the standard "deviation" of each value of targets, over the whole mixture of noises.

        Args:
            x: sources (B, C, H, W) in [0, 1].
            generator: CPU generator of the noise.

        Returns:
            Two tensors (B, C', H, W).
        """
        x = self.seen(x, self.source_shape, "source")
        with self.inference(x), noise_from(generator, x.device):
            drawn = [self.parameters_of(x) for _ in range(self.num_samples)]
        means, deviations = torch.stack([mean for mean, _ in drawn]), torch.stack([log.exp() for _, log in drawn])
        variance = deviations.square().mean(0) + means.var(0, correction=0)
        return {"mean": means.mean(0), "deviation": variance.sqrt()}

    def distribution(self, x: Tensor, generator: Generator | None = None) -> Normal:
        """Return a normal distribution of each value of targets, with the mixture's `moments`."""
        moments = self.moments(x, generator)
        return Normal(moments["mean"], moments["deviation"])

    def best_generator(self, direction: str) -> nn.Module:
        return self.network

    def generated(self, generator: nn.Module, x: Tensor) -> Tensor:
        """Return the means of targets, in [-1, 1], for sources in [-1, 1]."""
        return signed(self.parameters_of(unsigned(x))[0])
