"""The VAE (Kingma & Welling 2013, arXiv:1312.6114), which may be importance-weighted (Burda et al. 2016)."""

import math
from collections.abc import Callable
from typing import Any

from torch import Tensor
from torch.optim import Adam

from genlab.errors import GenlabError
from genlab.losses.likelihood import Likelihood, usual_likelihood
from genlab.metrics.active_units import ActiveUnits
from genlab.models.shared.image_model import ImageModel
from genlab.models.shared.latent_variable import LatentVariableModel
from genlab.models.shared.output_check import expect
from genlab.models.shared.posterior_health import PosteriorHealth
from genlab.networks.mlp import MLPDecoder, MLPEncoder
from genlab.ranges import at_least, extent
from genlab.recorded import as_network
from genlab.types import Interval, NetworkFactory, OptimizerFactory, ScheduleFactory, Shape


class VariationalModel(ImageModel):
    """An ImageModel trained on the evidence of the `LatentVariableModel` that `under` returns for each batch.

    Args:
        image_shape: (C, H, W) of the images.
        beta: weight of the KL divergence in the loss.
        warmup_epochs: epochs of training over which beta grows from 0 to its value.
        num_samples: codes per image in training and validation.
        importance_weighted: train on the importance-weighted bound instead of the ELBO.
        optimizer: builds the optimizer of all parameters.
        schedule: builds its learning-rate schedule.
        schedule_interval: what the schedule counts.

    Raises:
        GenlabError: for numbers out of range.
    """

    def __init__(
        self,
        image_shape: Shape,
        *,
        beta: float,
        warmup_epochs: int,
        num_samples: int,
        importance_weighted: bool,
        optimizer: OptimizerFactory,
        schedule: ScheduleFactory | None,
        schedule_interval: Interval,
    ) -> None:
        super().__init__(image_shape)
        extent(num_samples=num_samples)
        at_least(0, beta=beta, warmup_epochs=warmup_epochs)
        self.beta, self.warmup_epochs = beta, warmup_epochs
        self.num_samples, self.importance_weighted = num_samples, importance_weighted
        self.optimizer, self.schedule, self.schedule_interval = optimizer, schedule, schedule_interval

    def build(
        self,
        code_size: int,
        encoder: NetworkFactory,
        decoder: NetworkFactory,
        likelihood: Likelihood,
        *,
        channels: int = 0,
        numbers: int = 0,
    ) -> None:
        """Build the networks; the encoder sees `channels` extra channels and the decoder `numbers` extra numbers."""
        extent(code_size=code_size)
        name, (depth, height, width) = type(self).__name__, self.image_shape
        self.likelihood = likelihood
        outputs = (likelihood.outputs * depth, height, width)
        self.encoder = as_network(encoder, (depth + channels, height, width), 2 * code_size)
        self.decoder = as_network(decoder, outputs, code_size + numbers)
        sides: tuple[int, ...] = getattr(self.encoder, "map_size", ())
        if sides and numbers:
            raise GenlabError(f"a {name} appends its condition to codes, which must be vectors: use another encoder")
        self.code_shape = (code_size, *sides)
        expect(self.encoder, (2 * code_size, *sides), f"{name} with code_size {code_size}")
        expect(self.decoder, outputs, f"{name} with a {type(likelihood).__name__} likelihood")
        self.active_units, self._health = ActiveUnits(math.prod(self.code_shape)), PosteriorHealth()

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        grown = min(1.0, self.current_epoch / self.warmup_epochs) if self.warmup_epochs else 1.0
        metrics = self.under(batch).evidence(self.images(batch), grown * self.beta)
        self.log_batch(metrics, progress_bar="elbo")
        loss: Tensor = metrics["loss"]
        return loss

    def evaluation_step(self, stage: str, batch: Any, batch_idx: int) -> None:
        x, model = self.images(batch), self.under(batch)
        metrics = model.evidence(x, self.beta)
        metrics["bits_per_dim"] = model.bits_per_dim(metrics, x)
        self.log_epoch(stage, metrics, batch, progress_bar="elbo")
        self.active_units.update(model.encode(x).flatten(1))
        self.log(f"{stage}/active_units", self.active_units)

    def configure_optimizers(self) -> Any:
        return self.scheduled(self.optimizer, self.parameters(), self.schedule)

    def on_validation_epoch_end(self) -> None:
        """Warn of a posterior that has collapsed."""
        super().on_validation_epoch_end()
        if self.active_units.update_called and not self.trainer.sanity_checking:
            self._health.end_epoch(self.active_units.compute(), self.global_step)


class VAE(LatentVariableModel, VariationalModel):  # type: ignore[misc]  # the mixin's callables are networks
    """A variational autoencoder: codes z ~ N(0, I), a likelihood of images, and a diagonal Gaussian posterior.

    Trained on the evidence lower bound (equation 10), in nats per image: `elbo = -reconstruction - kl`, with
    `reconstruction = -E_q[log p(x | z)]` and `kl = KL(q(z | x) || p(z))`; or on the importance-weighted bound.

    Args:
        image_shape: (C, H, W) of the images.
        code_size: dimensions of the code.
        encoder: builds the network from images (B, C, H, W) to the posterior's mean and log-variance (B, 2 code_size).
        decoder: builds the network from codes (B, code_size) to the likelihood's outputs; it is given the shape
            (outputs * C, H, W). With a `MapEncoder` and a `MapDecoder`, codes are maps of `code_size` channels.
        likelihood: builds the distribution of images given the decoder's outputs; see `genlab.losses.likelihood`. By
            default it is `Bernoulli` for grey images, and `Gaussian` with a learned variance for images in colour.
        beta: weight of the KL divergence in the loss (Higgins et al. 2017).
        warmup_epochs: epochs of training over which beta grows from 0 to its value. Validation always uses the full
            value, so that epochs compare.
        num_samples: codes per image in training and validation.
        importance_weighted: train on the bound of Burda et al. 2016 (equation 8), with `num_samples` weights, which
            does not use beta.
        optimizer: builds the optimizer of all parameters.
        schedule: builds its learning-rate schedule; see `genlab.schedules`.
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
        super().__init__(
            image_shape,
            beta=beta,
            warmup_epochs=warmup_epochs,
            num_samples=num_samples,
            importance_weighted=importance_weighted,
            optimizer=optimizer,
            schedule=schedule,
            schedule_interval=schedule_interval,
        )
        likelihood = likelihood or usual_likelihood(self.image_shape)
        self.save_hyperparameters()
        self.build(code_size, encoder, decoder, likelihood())
