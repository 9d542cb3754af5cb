"""The autoencoder (Rumelhart et al. 1986; Hinton & Salakhutdinov 2006), optionally denoising or sparse."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Generator, Tensor, nn
from torch.optim import Adam

from genlab.capabilities import Corrupts, Decodes, Encodes, Reconstructs
from genlab.losses.reconstruction import ReconstructionError, squared_error
from genlab.models.shared.calls import of_codes, of_images
from genlab.models.shared.codes import Codec
from genlab.models.shared.image_model import ImageModel
from genlab.models.shared.output_check import expect
from genlab.networks.corruption import Corruption
from genlab.networks.mlp import MLPDecoder, MLPEncoder
from genlab.ranges import extent
from genlab.recorded import as_network
from genlab.types import ImageBatch, Interval, NetworkFactory, OptimizerFactory, ScheduleFactory, Shape


class Autoencoder(Codec, ImageModel):
    """An encoder and a decoder that reconstruct an image from a code.

    Args:
        image_shape: (C, H, W) of the images.
        code_size: size of the code.
        encoder: builds the network from images (B, C, H, W) to codes (B, code_size).
        decoder: builds the network from codes to the logits of images.
        loss: error of a reconstruction, from the decoder's logits and the image to (B,); see
            `genlab.losses.reconstruction`.
        corruption: builds a corruption of the encoder's input, which the decoder learns to undo: a denoising
            autoencoder (Vincent et al. 2010); see `genlab.networks.corruption`.
        code_activation: builds the activation of the code.
        sparsity: builds a penalty on codes that is added to the loss; see `genlab.losses.sparsity`.
        optimizer: builds the optimizer of all parameters.
        schedule: builds its learning-rate schedule; see `genlab.schedules`.
        schedule_interval: what the schedule counts, each "step" of the optimizer or each "epoch".
    """

    capabilities: tuple[type, ...] = (Encodes, Decodes, Reconstructs, Corrupts)

    def __init__(
        self,
        image_shape: Shape,
        code_size: int = 32,
        encoder: NetworkFactory = MLPEncoder,
        decoder: NetworkFactory = MLPDecoder,
        loss: ReconstructionError = squared_error,
        corruption: Callable[[], Corruption] | None = None,
        code_activation: Callable[[], nn.Module] = nn.Identity,
        sparsity: Callable[[], nn.Module] | None = None,
        optimizer: OptimizerFactory = Adam,
        schedule: ScheduleFactory | None = None,
        schedule_interval: Interval = "step",
    ) -> None:
        super().__init__(image_shape)
        extent(code_size=code_size)
        self.save_hyperparameters()
        self.code_shape = (code_size,)
        self.encoder = as_network(encoder, self.image_shape, code_size)
        self.decoder = as_network(decoder, self.image_shape, code_size)
        expect(self.encoder, (code_size,), f"Autoencoder with code_size {code_size}")
        expect(self.decoder, self.image_shape, f"Autoencoder for images of shape {self.image_shape}")
        self.loss = loss
        self.corruption = corruption() if corruption else None
        self.code_activation = code_activation()
        self.sparsity = sparsity() if sparsity else None
        self.optimizer, self.schedule, self.schedule_interval = optimizer, schedule, schedule_interval

    def training_step(self, batch: ImageBatch, batch_idx: int) -> Tensor:
        metrics = self.errors(self.images(batch))
        self.log_batch(metrics, progress_bar="loss")
        return metrics["loss"]

    def evaluation_step(self, stage: str, batch: ImageBatch, batch_idx: int) -> None:
        same_each_time = torch.Generator().manual_seed(batch_idx)
        self.log_epoch(stage, self.errors(self.images(batch), same_each_time), batch, progress_bar="loss")

    def configure_optimizers(self) -> Any:
        return self.scheduled(self.optimizer, self.parameters(), self.schedule)

    def errors(self, x: Tensor, generator: Generator | None = None) -> dict[str, Tensor]:
        """Return the mean loss of images (B, C, H, W) and its parts, as scalars; `generator` is for the corruption."""
        codes = self.encode(self.corrupt(x, generator))
        reconstruction = self.loss(self.decoder(codes), x).mean()
        if self.sparsity is None:
            return {"loss": reconstruction}
        sparsity = self.sparsity(codes)
        return {"loss": reconstruction + sparsity, "reconstruction": reconstruction, "sparsity": sparsity}

    def corrupt(self, x: Tensor, generator: Generator | None = None) -> Tensor:
        """Corrupt images as in training: (B, C, H, W) in [0, 1]."""
        return x if self.corruption is None else self.corruption(x, generator)

    @of_images
    def encode(self, x: Tensor) -> Tensor:
        """Encode images (B, C, H, W) to codes (B, code_size)."""
        codes: Tensor = self.code_activation(self.encoder(self.seen(x)))
        return codes

    @of_codes
    def decode(self, z: Tensor) -> Tensor:
        """Decode codes (B, code_size) to images (B, C, H, W) in [0, 1]."""
        logits: Tensor = self.decoder(z)
        return logits.sigmoid()
