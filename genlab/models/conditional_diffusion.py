"""The conditional diffusion model, with classifier-free guidance (Ho & Salimans 2022, arXiv:2207.12598)."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Generator, Tensor
from torch.optim import Adam

from genlab.conditions import Source, condition_of
from genlab.diffusion.denoisers import Denoise, Denoiser, guided
from genlab.diffusion.losses import DenoisingLoss, prediction_error
from genlab.diffusion.noise import CosineNoise, NoiseSchedule
from genlab.diffusion.predictions import Prediction, VelocityPrediction
from genlab.errors import GenlabError
from genlab.models.diffusion import DenoiserFactory, DiffusionModel
from genlab.models.shared.conditional import ConditionalModel
from genlab.models.shared.denoising import DenoisingModel
from genlab.networks.condition import repeated
from genlab.networks.conditional_denoiser import ConditionalDenoiser
from genlab.networks.denoising_unet import DenoisingUNet
from genlab.networks.mlp import MLPEncoder
from genlab.ranges import extent, share
from genlab.types import Interval, OptimizerFactory, ScheduleFactory, Shape


class Given(DenoisingModel):
    """A conditional diffusion model under given conditions, one for each image or one for all."""

    def __init__(self, model: "ConditionalDiffusion", condition: Tensor) -> None:
        self.model, self.condition = model, condition
        self.code_shape, self.device = model.code_shape, model.device

    def denoiser(self, rows: Tensor, count: int, guidance: float = 1.0) -> Denoise:
        """Return the EMA network as a denoiser of the images at `rows`, under their conditions."""
        model = self.model
        condition = repeated(self.condition, count)[rows.to(self.condition.device)]
        seen = torch.ones(len(rows), device=condition.device)
        under, without = (
            Denoiser(model.best_network, model.prediction, condition, part) for part in (seen, torch.zeros_like(seen))
        )
        return model.in_range(guided(under, without, guidance))


class ConditionalDiffusion(ConditionalModel, DiffusionModel):
    """A diffusion model of images given a condition c: its network sees the noisy image and c.

    The condition is what the data provide: another image (the source of a pair, whose target is the image), else a
    label, else attributes. In training, some conditions are dropped, so that the network also learns images without
    one; `sampling.guidance` sets how closely samples follow theirs. `given(condition)` can do all that `Diffusion` can.

    Args:
        image_shape: (C, H, W) of the images.
        num_classes: number of classes.
        attribute_names: names of the attributes.
        class_names: names of the classes, in the order of their labels; by default 0, 1, 2 and so on.
        source_shape: (C', H', W') of images used as conditions, which are resized if their size differs.
        network: builds the network from noisy images, times and the condition's embedding to outputs; images used as
            conditions are further channels of the noisy ones.
        condition_size: size of the embedding of a label or of attributes.
        condition_dropout: share of images whose condition is dropped in training.
        noise: builds the noise schedule; see `genlab.diffusion.noise`.
        prediction: builds the interpretation of the network's output; see `genlab.diffusion.predictions`.
        loss: error of the denoiser; see `genlab.diffusion.losses`.
        ema_decay: decay of the EMA of the network's weights, used by all but training; None for no EMA.
        optimizer: builds the optimizer of the network.
        schedule: builds its learning-rate schedule; see `genlab.schedules`.
        schedule_interval: what the schedule counts, each "step" of the optimizer or each "epoch".

    Raises:
        GenlabError: for data without conditions, and for more or fewer names than classes.
    """

    given_as = Given

    def __init__(
        self,
        image_shape: Shape,
        num_classes: int = 0,
        attribute_names: tuple[str, ...] = (),
        class_names: tuple[str, ...] = (),
        source_shape: Shape | None = None,
        network: DenoiserFactory = DenoisingUNet,
        condition_size: int = 64,
        condition_dropout: float = 0.1,
        noise: Callable[[], NoiseSchedule] = CosineNoise,
        prediction: Callable[[], Prediction] = VelocityPrediction,
        loss: DenoisingLoss = prediction_error,
        ema_decay: float | None = 0.999,
        optimizer: OptimizerFactory = Adam,
        schedule: ScheduleFactory | None = None,
        schedule_interval: Interval = "step",
    ) -> None:
        super().__init__(image_shape)
        extent(condition_size=condition_size)
        share(condition_dropout=condition_dropout)
        self.save_hyperparameters()
        condition = condition_of(num_classes, class_names, attribute_names)
        if source_shape is not None:
            condition = Source((source_shape[0], source_shape[1], source_shape[2]), MLPEncoder)
        if condition is None:
            raise GenlabError(
                "a ConditionalDiffusion needs data with labels, attributes or pairs of images; "
                "otherwise use a Diffusion"
            )
        self.condition, self.condition_dropout = condition, condition_dropout
        self.batch_names = (condition.key, "target") if condition.image_shape else ("image", condition.key)
        numbers = None if condition.image_shape else condition.embedding(condition_size)
        size = condition.image_shape[0] if condition.image_shape else condition_size
        self.inner_shape = self.image_shape
        self.build(
            ConditionalDenoiser(network, self.image_shape, numbers, size),
            noise=noise,
            prediction=prediction,
            loss=loss,
            ema_decay=ema_decay,
            optimizer=optimizer,
            schedule=schedule,
            schedule_interval=schedule_interval,
        )

    def in_training(self, network: torch.nn.Module, batch: Any, generator: Generator | None) -> Denoiser:
        """Return a network as the denoiser of a batch's images under their conditions, some of which are dropped."""
        condition = self.condition.find(batch, self)
        device = "cpu" if generator else condition.device
        drawn = torch.rand(len(condition), generator=generator, device=device).to(condition.device)
        return Denoiser(network, self.prediction, condition, (drawn >= self.condition_dropout).float())
