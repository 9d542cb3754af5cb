"""The diffusion model (Ho et al. 2020, arXiv:2006.11239; Karras et al. 2022, arXiv:2206.00364)."""

import warnings
from collections.abc import Callable, Sequence
from typing import Any, cast

import torch
from torch import Generator, Tensor, nn
from torch.optim import Adam
from torch.optim.swa_utils import AveragedModel

from genlab.diffusion.denoisers import Denoise, Denoiser, clipped
from genlab.diffusion.losses import DenoisingLoss, prediction_error
from genlab.diffusion.noise import CosineNoise, NoiseSchedule
from genlab.diffusion.predictions import Prediction, VelocityPrediction
from genlab.diffusion.samplers import noise_like
from genlab.diffusion.sampling import Sampling
from genlab.errors import GenlabError
from genlab.models.shared.denoising import DenoisingModel
from genlab.models.shared.ema import moving_average
from genlab.models.shared.image_model import ImageModel
from genlab.models.shared.output_check import expect
from genlab.models.shared.signed import signed, unsigned
from genlab.networks.denoising_unet import DenoisingUNet
from genlab.precision import at_least_float32
from genlab.recorded import as_network
from genlab.types import Interval, OptimizerFactory, ScheduleFactory, Shape

DenoiserFactory = Callable[[Shape, int, int], nn.Module]
"""Builds a network from the shape of its input, the channels of its output, and the size of a condition's embedding."""
LEAST_NOISE = 20.0
"""Noise level at which images no longer show through; schedules whose largest level is lower get a warning."""


class DiffusionModel(ImageModel):
    """An ImageModel with a network that denoises, and its EMA, which is used by all but training.

    Constructors end by calling `build`.
    """

    inner_shape: tuple[int, ...]
    """Shape of what is denoised: images, or codes of another model."""
    has_range = True
    """Whether what is denoised is in [-1, 1]."""
    network: nn.Module
    average: nn.Module | None

    def build(
        self,
        network: nn.Module,
        *,
        noise: Callable[[], NoiseSchedule],
        prediction: Callable[[], Prediction],
        loss: DenoisingLoss,
        ema_decay: float | None,
        optimizer: OptimizerFactory,
        schedule: ScheduleFactory | None,
        schedule_interval: Interval,
    ) -> None:
        """Take a network that denoises images of `inner_shape`, and build the rest.

        Args:
            network: maps noisy images and times to outputs.
            noise: builds the noise schedule.
            prediction: builds the interpretation of the network's output.
            loss: error of the denoiser.
            ema_decay: decay of the EMA of the network's weights; None for no EMA.
            optimizer: builds the optimizer of the network.
            schedule: builds its learning-rate schedule.
            schedule_interval: what the schedule counts.
        """
        self.noise, self.prediction, self.loss = noise(), prediction(), loss
        self.optimizer, self.schedule, self.schedule_interval = optimizer, schedule, schedule_interval
        self.sampling = Sampling(steps=min(Sampling.steps, self.noise.timesteps or Sampling.steps))
        if (largest := self.noise.levels(1)[0].item()) < LEAST_NOISE:
            warnings.warn(
                f"the largest noise is {largest:.1f} times an image, which still shows through: samples, which begin "
                f"with noise alone, will be worse than they could be; use noise of {LEAST_NOISE:.0f} or more",
                stacklevel=3,
            )
        self.code_shape = tuple(self.inner_shape)
        self.network = network
        expect(self.network, self.inner_shape, f"{type(self).__name__} for images of shape {self.image_shape}")
        self.average = moving_average(self.network, ema_decay) if ema_decay else None

    def inner(self, images: Tensor) -> Tensor:
        """Convert images in [0, 1] to what is denoised."""
        return signed(at_least_float32(images))

    def outer(self, x: Tensor) -> Tensor:
        """Convert what was denoised to images in [0, 1]."""
        return unsigned(x).clamp(0, 1)

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        loss = self.errors(batch, self.network).mean()
        self.log_batch({"loss": loss}, progress_bar="loss")
        return loss

    def evaluation_step(self, stage: str, batch: Any, batch_idx: int) -> None:
        same_each_time = torch.Generator().manual_seed(batch_idx)
        loss = self.errors(batch, self.best_network, same_each_time).mean()
        self.log_epoch(stage, {"loss": loss}, batch, progress_bar="loss")

    def errors(self, batch: Any, network: nn.Module, generator: Generator | None = None) -> Tensor:
        """Compute the loss of each image of a batch, (B,), at random levels and with random noise."""
        x = self.inner_of(batch)
        sigma = self.noise.draw(len(x), generator)
        return self.loss(self.in_training(network, batch, generator), x, noise_like(x, generator), sigma)

    def inner_of(self, batch: Any) -> Tensor:
        """Return the batch's images as they are denoised."""
        return self.inner(self.images(batch))

    def in_training(self, network: nn.Module, batch: Any, generator: Generator | None) -> Denoiser:
        """Return a network as the denoiser of a batch's images."""
        return Denoiser(network, self.prediction)

    def averages(self) -> Sequence[tuple[int, AveragedModel, nn.Module]]:
        return [(0, cast(AveragedModel, self.average), self.network)] if self.average is not None else []

    def configure_optimizers(self) -> Any:
        return self.scheduled(self.optimizer, self.network.parameters(), self.schedule)

    @property
    def best_network(self) -> nn.Module:
        """The EMA of the network if there is one, else the network."""
        return self.average or self.network

    def in_range(self, denoise: Denoise) -> Denoise:
        """Clip estimates to the range of images, if there is one."""
        return clipped(denoise) if self.has_range else denoise


class Diffusion(DenoisingModel, DiffusionModel):
    """A network that learns to denoise images at any level of noise, and so to generate images from noise in steps.

    In training, each image gets noise of a random level (algorithm 1 of Ho et al. 2020). `sample` goes from noise to
    images (algorithm 2) as the attribute `sampling` says, which may be set; `encode` and `decode` follow the
    deterministic flow between images and noise; `bound` estimates the variational bound.

    Args:
        image_shape: (C, H, W) of the images.
        network: builds the network from noisy images (B, C, H, W) and times (B,) to outputs of their shape.
        noise: builds the noise schedule; see `genlab.diffusion.noise`.
        prediction: builds the interpretation of the network's output: noise, image, velocity, or that of Karras et al.;
            see `genlab.diffusion.predictions`.
        loss: error of the denoiser; see `genlab.diffusion.losses`.
        ema_decay: decay of the EMA of the network's weights, used by all but training; None for no EMA.
        optimizer: builds the optimizer of the network.
        schedule: builds its learning-rate schedule; see `genlab.schedules`.
        schedule_interval: what the schedule counts, each "step" of the optimizer or each "epoch".

    Example:
        >>> model = genlab.Diffusion(image_shape=(1, 8, 8))
        >>> model.sampling = genlab.diffusion.Sampling(genlab.diffusion.heun, steps=5)
        >>> model.sample(2, seed=0).shape
        torch.Size([2, 1, 8, 8])
    """

    def __init__(
        self,
        image_shape: Shape,
        network: DenoiserFactory = DenoisingUNet,
        noise: Callable[[], NoiseSchedule] = CosineNoise,
        prediction: Callable[[], Prediction] = VelocityPrediction,
        loss: DenoisingLoss = prediction_error,
        ema_decay: float | None = 0.999,
        optimizer: OptimizerFactory = Adam,
        schedule: ScheduleFactory | None = None,
        schedule_interval: Interval = "step",
    ) -> None:
        super().__init__(image_shape)
        self.save_hyperparameters()
        self.inner_shape = self.image_shape
        self.build(
            as_network(network, self.image_shape, self.image_shape[0], 0),
            noise=noise,
            prediction=prediction,
            loss=loss,
            ema_decay=ema_decay,
            optimizer=optimizer,
            schedule=schedule,
            schedule_interval=schedule_interval,
        )

    def denoiser(self, rows: Tensor, count: int, guidance: float = 1.0) -> Denoise:
        """Return the EMA network as a denoiser.

        Raises:
            GenlabError: for guidance, as there is no condition.
        """
        without_condition(self, guidance)
        return self.in_range(Denoiser(self.best_network, self.prediction))


def without_condition(model: object, guidance: float) -> None:
    """Raise GenlabError for guidance of a model without conditions."""
    if guidance != 1:
        raise GenlabError(f"guidance is {guidance:g}, but a {type(model).__name__} has no condition to follow")
