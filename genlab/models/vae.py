"""The variational autoencoder (Kingma & Welling 2013, arXiv:1312.6114)."""

import torch
from torch import Tensor
from torch.optim import Adam, Optimizer

from genlab.losses.divergence import kl_standard_normal
from genlab.losses.likelihood import Bernoulli
from genlab.losses.precision import at_least_float32
from genlab.models.base import ImageModel
from genlab.networks.mlp import MLPDecoder, MLPEncoder
from genlab.types import ImageBatch, NetworkFactory, OptimizerFactory, Shape


class VAE(ImageModel):
    """A Gaussian prior N(0, I) over codes, a Bernoulli likelihood and a diagonal Gaussian posterior.

    Trained on the evidence lower bound (equation 10, one sample per image), in nats per image:
    `elbo = -reconstruction - kl`, with `reconstruction = -E_q[log p(x | z)]` and `kl = KL(q(z | x) || p(z))`.

    Args:
        image_shape: (C, H, W) of the images.
        code_size: dimensions of the code.
        encoder: builds the network from images (B, C, H, W) to the posterior's mean and log-variance (B, 2 code_size).
        decoder: builds the network from codes (B, code_size) to the logits of images.
        optimizer: builds the optimizer of all parameters.
    """

    def __init__(
        self,
        image_shape: Shape,
        code_size: int = 20,
        encoder: NetworkFactory = MLPEncoder,
        decoder: NetworkFactory = MLPDecoder,
        optimizer: OptimizerFactory = Adam,
    ) -> None:
        super().__init__(image_shape)
        self.save_hyperparameters()
        self.code_size = code_size
        self.encoder = encoder(self.image_shape, 2 * code_size)
        self.decoder = decoder(self.image_shape, code_size)
        self.likelihood = Bernoulli()
        self.optimizer = optimizer

    def training_step(self, batch: ImageBatch, batch_idx: int) -> Tensor:
        figures = self.evidence(self.images(batch))
        self.log_batch(figures, progress_bar="elbo")
        return figures["loss"]

    def validation_step(self, batch: ImageBatch, batch_idx: int) -> None:
        self.log_epoch("val", self.evidence(self.images(batch)), batch, progress_bar="elbo")

    def test_step(self, batch: ImageBatch, batch_idx: int) -> None:
        self.log_epoch("test", self.evidence(self.images(batch)), batch, progress_bar="elbo")

    def predict_step(self, batch: ImageBatch, batch_idx: int) -> dict[str, Tensor]:
        codes = self.encode(self.images(batch))
        return {"code": codes, "reconstruction": self.decode(codes)}

    def configure_optimizers(self) -> Optimizer:
        return self.optimizer(self.parameters())

    def evidence(self, x: Tensor) -> dict[str, Tensor]:
        """The evidence lower bound of images (B, C, H, W), its two parts and the loss: scalars, in nats per image."""
        mean, log_variance = self.posterior(x)
        z = mean + (0.5 * log_variance).exp() * torch.randn_like(mean)
        reconstruction = -self.likelihood.log_prob(self.decoder(z), x).mean()
        kl = kl_standard_normal(mean, log_variance).mean()
        loss = reconstruction + kl
        return {"loss": loss, "elbo": -loss, "reconstruction": reconstruction, "kl": kl}

    def posterior(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log-variance of q(z | x), each (B, code_size), in float32; the log-variance within [-20, 20]."""
        mean, log_variance = at_least_float32(self.encoder(x)).chunk(2, dim=1)
        return mean, log_variance.clamp(-20, 20)

    def encode(self, x: Tensor) -> Tensor:
        """The posterior's mean: images (B, C, H, W) to codes (B, code_size)."""
        return self.posterior(x)[0]

    def decode(self, z: Tensor) -> Tensor:
        """The likelihood's mean: codes (B, code_size) to images (B, C, H, W) in [0, 1]."""
        return self.likelihood.mean(self.decoder(z))

    def reconstruct(self, x: Tensor) -> Tensor:
        """Images through the posterior's mean and back: (B, C, H, W) in [0, 1]."""
        return self.decode(self.encode(x))

    def sample(self, n: int, *, generator: torch.Generator | None = None) -> Tensor:
        """Images of `n` codes drawn from the prior: (n, C, H, W) in [0, 1]; `generator` is on the CPU."""
        return self.decode(torch.randn(n, self.code_size, generator=generator).to(self.device))

    forward = reconstruct
