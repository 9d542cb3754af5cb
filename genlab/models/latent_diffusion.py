"""Latent diffusion (Rombach et al. 2022, arXiv:2112.10752): a diffusion model of another model's codes."""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from lightning.pytorch import LightningModule
from torch import Tensor
from torch.optim import Adam

from genlab.capabilities import Decodes, DrawsCodes, Encodes, Reconstructs, Samples, SamplesInSteps, can
from genlab.diffusion.denoisers import Denoise, Denoiser
from genlab.diffusion.losses import DenoisingLoss, prediction_error
from genlab.diffusion.noise import CosineNoise, NoiseSchedule
from genlab.diffusion.predictions import Prediction, VelocityPrediction
from genlab.errors import GenlabError
from genlab.models.diffusion import DenoiserFactory, DiffusionModel, without_condition
from genlab.models.shared.base import frozen
from genlab.models.shared.code_cache import CodeCache, cachable
from genlab.models.shared.denoising import DenoisingModel
from genlab.networks.denoising_unet import DenoisingUNet
from genlab.precision import at_least_float32
from genlab.recorded import as_network
from genlab.types import Interval, OptimizerFactory, ScheduleFactory, Shape

CODE_MEMORY = 2 * 2**30
"""Bytes of codes of training images to cache at most."""


class LatentDiffusion(DenoisingModel, DiffusionModel):
    """A diffusion model of the codes of a first stage, a trained model that encodes and decodes, such as a VAE.

    The first stage is frozen and saved in the checkpoint. Its codes, which must be maps (C, H, W), are divided by their
    standard deviation in the first training batch, which is saved too. If training images are the same each time, their
    codes are computed once. There is no bound on the likelihood of images.

    Args:
        image_shape: (C, H, W) of the images.
        first_stage: the trained model: `{class_path: genlab.load, init_args: {path: runs/vae}}`, in Python
            `genlab.load(...)`.
        network: builds the network from noisy codes and times (B,) to outputs of their shape.
        noise: builds the noise schedule; see `genlab.diffusion.noise`.
        prediction: builds the interpretation of the network's output; see `genlab.diffusion.predictions`.
        loss: error of the denoiser; see `genlab.diffusion.losses`.
        ema_decay: decay of the EMA of the network's weights, used by all but training; None for no EMA.
        optimizer: builds the optimizer of the network.
        schedule: builds its learning-rate schedule; see `genlab.schedules`.
        schedule_interval: what the schedule counts, each "step" of the optimizer or each "epoch".

    Raises:
        GenlabError: for a first stage that does not encode and decode, whose codes are not maps, or of other images.
    """

    capabilities: tuple[type, ...] = (Encodes, Decodes, Reconstructs, DrawsCodes, Samples, SamplesInSteps)
    has_range = False
    scale: Tensor
    """Standard deviation of codes; 1 until measured."""
    is_scaled: Tensor

    def __init__(
        self,
        image_shape: Shape,
        first_stage: LightningModule,
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
        depth, height, width = require_maps(first_stage, self.image_shape)
        self.first_stage: Any = frozen(first_stage)  # type: ignore[type-var]
        self.inner_shape = (depth, height, width)
        self.register_buffer("scale", torch.ones(()))
        self.register_buffer("is_scaled", torch.zeros((), dtype=torch.bool))
        self.build(
            as_network(network, self.inner_shape, depth, 0),
            noise=noise,
            prediction=prediction,
            loss=loss,
            ema_decay=ema_decay,
            optimizer=optimizer,
            schedule=schedule,
            schedule_interval=schedule_interval,
        )
        self._cache: CodeCache | None = None

    def setup(self, stage: str) -> None:
        """Forget the codes of other data."""
        super().setup(stage)
        self._cache = None

    @torch.no_grad()
    def inner(self, images: Tensor) -> Tensor:
        """Convert images in [0, 1] to scaled codes."""
        return at_least_float32(self.first_stage.encode(images)) / self.scale

    def outer(self, x: Tensor) -> Tensor:
        """Convert scaled codes to images in [0, 1]."""
        images: Tensor = self.first_stage.decode(x * self.scale)
        return images

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        """Measure the scale of codes in the very first batch, then train."""
        if not self.is_scaled:
            codes = self.inner(self.images(batch))
            centred = codes - self.trainer.strategy.reduce(codes.mean(), reduce_op="mean")  # over all processes
            self.scale *= self.trainer.strategy.reduce(centred.square().mean(), reduce_op="mean").sqrt()
            self.is_scaled.fill_(True)
        return super().training_step(batch, batch_idx)

    def inner_of(self, batch: Any) -> Tensor:
        """Return the scaled codes of a batch's images, computed once for training images that are `cachable`."""
        images = self.images(batch)
        in_training = self._trainer is not None and self._trainer.training
        if not in_training or not isinstance(batch, Mapping) or not (count := cachable(self, "train", batch)):
            return self.inner(images)
        if self._cache is None:
            if count * 4 * torch.Size(self.inner_shape).numel() > CODE_MEMORY:
                return self.inner(images)
            self._cache = CodeCache(count)
        return self._cache.codes(images, batch["index"], self.inner)

    def denoiser(self, rows: Tensor, count: int, guidance: float = 1.0) -> Denoise:
        """Return the EMA network as a denoiser; see `Diffusion.denoiser`."""
        without_condition(self, guidance)
        return Denoiser(self.best_network, self.prediction)


def require_maps(model: Any, image_shape: Shape) -> tuple[int, ...]:
    """Return the shape (C, H, W) of a first stage's codes.

    Raises:
        GenlabError: for a model without such codes, or of images of another shape.
    """
    name = type(model).__name__
    if not (can(model, Encodes) and can(model, Decodes)):
        raise GenlabError(f"the first stage is a {name}, which does not encode and decode; use a VAE or an Autoencoder")
    shape: tuple[int, ...] = tuple(model.code_shape)
    if len(shape) != 3 or getattr(model, "discrete_codes", False):
        raise GenlabError(
            f"codes of the first stage, a {name}, are of shape {shape}, but must be maps of real numbers (C, H, W); "
            "train one with a MapEncoder and a MapDecoder, as in map_vae_celeba.yaml"
        )
    own: Shape = model.image_shape  # type: ignore[attr-defined]
    if tuple(own) != tuple(image_shape):
        raise GenlabError(f"the first stage, a {name}, is for images of shape {own}, the data has {image_shape}")
    return shape
