"""The variational autoencoder (Kingma & Welling 2013, arXiv:1312.6114), and importance-weighted (Burda et al. 2016)."""

from collections.abc import Callable
from typing import Any

from torch import Tensor
from torch.optim import Adam

from genlab.losses.likelihood import Likelihood, usual_likelihood
from genlab.metrics.active_units import ActiveUnits
from genlab.models.base import ImageModel
from genlab.models.checks import expect
from genlab.models.latent_variable import LatentVariableModel
from genlab.networks.mlp import MLPDecoder, MLPEncoder
from genlab.ranges import at_least, extent
from genlab.recorded import as_network
from genlab.types import ImageBatch, Interval, NetworkFactory, OptimizerFactory, ScheduleFactory, Shape


class VAE(LatentVariableModel, ImageModel):
    """A Gaussian prior N(0, I) over codes, a likelihood of images and a diagonal Gaussian posterior.

    Trained on the evidence lower bound (equation 10), in nats per image: `elbo = -reconstruction - kl`, with
    `reconstruction = -E_q[log p(x | z)]` and `kl = KL(q(z | x) || p(z))`; or on the importance-weighted bound.

    Args:
        image_shape: (C, H, W) of the images.
        code_size: dimensions of the code.
        encoder: builds the network from images (B, C, H, W) to the posterior's mean and log-variance (B, 2 code_size).
        decoder: builds the network from codes (B, code_size) to the likelihood's outputs; it is given the shape
            (outputs * C, H, W).
        likelihood: builds the distribution of images given the decoder's outputs; see `genlab.losses.likelihood`. By
            default it is `Bernoulli` for grey images, and `Gaussian` with a learned variance for images in colour.
        beta: weight of the KL divergence in the loss (Higgins et al. 2017).
        warmup_epochs: in training, beta grows from 0 in the first epoch to its value after so many. Validation always
            uses that value, so that epochs compare.
        num_samples: codes per image in training and validation.
        importance_weighted: train on the bound of Burda et al. 2016 (equation 8), with `num_samples` weights, in which
            beta has no place.
        optimizer: builds the optimizer of all parameters.
        schedule: builds the schedule of its learning rate; see `genlab.schedules`.
        schedule_interval: what the schedule counts, each "step" of the optimizer or each "epoch".
    """

    def __init__(
        self,
        image_shape: Shape,
        code_size: int = 20,
        encoder: NetworkFactory = MLPEncoder,
        decoder: NetworkFactory = MLPDecoder,
        likelihood: Callable[[], Likelihood] | None = None,
        beta: float = 1.0,
        warmup_epochs: int = 0,
        num_samples: int = 1,
        importance_weighted: bool = False,
        optimizer: OptimizerFactory = Adam,
        schedule: ScheduleFactory | None = None,
        schedule_interval: Interval = "step",
    ) -> None:
        super().__init__(image_shape)
        extent(code_size=code_size, num_samples=num_samples)
        at_least(0, beta=beta, warmup_epochs=warmup_epochs)
        likelihood = likelihood or usual_likelihood(self.image_shape)
        self.save_hyperparameters()
        self.code_size = code_size
        self.likelihood = likelihood()
        channels, height, width = self.image_shape
        self.encoder = as_network(encoder, self.image_shape, 2 * code_size)
        outputs = (self.likelihood.outputs * channels, height, width)
        self.decoder = as_network(decoder, outputs, code_size)
        expect(self.encoder, (2 * code_size,), f"VAE with code_size {code_size}")
        expect(self.decoder, outputs, f"VAE with a {type(self.likelihood).__name__} likelihood")
        self.beta, self.warmup_epochs = beta, warmup_epochs
        self.num_samples, self.importance_weighted = num_samples, importance_weighted
        self.optimizer, self.schedule, self.schedule_interval = optimizer, schedule, schedule_interval
        self.active_units = ActiveUnits(code_size)

    def training_step(self, batch: ImageBatch, batch_idx: int) -> Tensor:
        grown = min(1.0, self.current_epoch / self.warmup_epochs) if self.warmup_epochs else 1.0
        figures = self.evidence(self.images(batch), grown * self.beta)
        self.log_batch(figures, progress_bar="elbo")
        return figures["loss"]

    def validation_step(self, batch: ImageBatch, batch_idx: int) -> None:
        self._evaluate("val", batch)

    def test_step(self, batch: ImageBatch, batch_idx: int) -> None:
        self._evaluate("test", batch)

    def predict_step(self, batch: ImageBatch, batch_idx: int) -> dict[str, Tensor]:
        codes = self.encode(self.images(batch))
        return {"code": codes, "reconstruction": self.decode(codes)}

    def configure_optimizers(self) -> Any:
        return self.scheduled(self.optimizer, self.parameters(), self.schedule)

    def forward(self, x: Tensor) -> Tensor:
        """Reconstruct images."""
        return self.reconstruct(x)

    def on_validation_epoch_end(self) -> None:
        """Warn of a posterior that has collapsed."""
        super().on_validation_epoch_end()
        if not self.trainer.sanity_checking:
            self.active_units.warn_of_collapse(self.global_step)

    def _evaluate(self, stage: str, batch: ImageBatch) -> None:
        x = self.images(batch)
        figures = self.evidence(x, self.beta)
        figures["bits_per_dim"] = self.bits_per_dim(figures, x)
        self.log_epoch(stage, figures, batch, progress_bar="elbo")
        self.active_units.update(self.encode(x))
        self.log(f"{stage}/active_units", self.active_units)
