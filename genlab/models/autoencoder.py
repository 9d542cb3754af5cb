"""The deterministic autoencoder (Rumelhart et al. 1986; Hinton & Salakhutdinov 2006)."""

from collections.abc import Callable

from torch import Tensor
from torch.optim import Adam, Optimizer

from genlab.losses.reconstruction import squared_error
from genlab.models.base import ImageModel
from genlab.networks.mlp import MLPDecoder, MLPEncoder
from genlab.types import ImageBatch, NetworkFactory, OptimizerFactory, Shape


class Autoencoder(ImageModel):
    """An encoder and a decoder that give an image back through a small code.

    Args:
        image_shape: (C, H, W) of the images.
        code_size: size of the code.
        encoder: builds the network from images (B, C, H, W) to codes (B, code_size).
        decoder: builds the network from codes to the logits of images.
        loss: error of a reconstruction, from the decoder's logits and the image to (B,); see
            `genlab.losses.reconstruction`.
        optimizer: builds the optimizer of all parameters.
    """

    def __init__(
        self,
        image_shape: Shape,
        code_size: int = 32,
        encoder: NetworkFactory = MLPEncoder,
        decoder: NetworkFactory = MLPDecoder,
        loss: Callable[[Tensor, Tensor], Tensor] = squared_error,
        optimizer: OptimizerFactory = Adam,
    ) -> None:
        super().__init__(image_shape)
        self.save_hyperparameters()
        self.code_size = code_size
        self.encoder = encoder(self.image_shape, code_size)
        self.decoder = decoder(self.image_shape, code_size)
        self.loss = loss
        self.optimizer = optimizer

    def training_step(self, batch: ImageBatch, batch_idx: int) -> Tensor:
        loss = self._loss(batch)
        self.log_batch({"loss": loss}, progress_bar="loss")
        return loss

    def validation_step(self, batch: ImageBatch, batch_idx: int) -> None:
        self.log_epoch("val", {"loss": self._loss(batch)}, batch, progress_bar="loss")

    def test_step(self, batch: ImageBatch, batch_idx: int) -> None:
        self.log_epoch("test", {"loss": self._loss(batch)}, batch, progress_bar="loss")

    def predict_step(self, batch: ImageBatch, batch_idx: int) -> dict[str, Tensor]:
        codes = self.encode(self.images(batch))
        return {"code": codes, "reconstruction": self.decode(codes)}

    def configure_optimizers(self) -> Optimizer:
        return self.optimizer(self.parameters())

    def _loss(self, batch: ImageBatch) -> Tensor:
        x = self.images(batch)
        return self.loss(self.decoder(self.encoder(x)), x).mean()

    def encode(self, x: Tensor) -> Tensor:
        """The codes of images: (B, C, H, W) to (B, code_size)."""
        codes: Tensor = self.encoder(x)
        return codes

    def decode(self, z: Tensor) -> Tensor:
        """The images of codes: (B, code_size) to (B, C, H, W) in [0, 1]."""
        logits: Tensor = self.decoder(z)
        return logits.sigmoid()

    def reconstruct(self, x: Tensor) -> Tensor:
        """Images through the code and back: (B, C, H, W) in [0, 1]."""
        return self.decode(self.encode(x))

    forward = reconstruct
