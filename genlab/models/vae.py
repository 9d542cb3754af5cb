"""The variational autoencoder (Kingma & Welling 2013, arXiv:1312.6114), and importance-weighted (Burda et al. 2016)."""

from collections.abc import Callable

import torch
from lightning.pytorch.utilities import rank_zero_warn
from torch import Generator, Tensor
from torch.optim import Adam, Optimizer

from genlab.losses.divergence import kl_standard_normal, log_mean_exp, log_normal, log_standard_normal
from genlab.losses.likelihood import Bernoulli, Likelihood
from genlab.losses.precision import at_least_float32
from genlab.metrics.active_units import ActiveUnits
from genlab.models.base import ImageModel
from genlab.networks.mlp import MLPDecoder, MLPEncoder
from genlab.types import ImageBatch, NetworkFactory, OptimizerFactory, Shape

AT_ONCE = {"cpu": 2**18, "cuda": 2**24}
"""Values of decoded images that `log_likelihood` holds at a time; a CPU is fastest with what fits into its cache."""


class VAE(ImageModel):
    """A Gaussian prior N(0, I) over codes, a likelihood of images and a diagonal Gaussian posterior.

    Trained on the evidence lower bound (equation 10), in nats per image: `elbo = -reconstruction - kl`, with
    `reconstruction = -E_q[log p(x | z)]` and `kl = KL(q(z | x) || p(z))`; or on the importance-weighted bound.

    Args:
        image_shape: (C, H, W) of the images.
        code_size: dimensions of the code.
        encoder: builds the network from images (B, C, H, W) to the posterior's mean and log-variance (B, 2 code_size).
        decoder: builds the network from codes (B, code_size) to the likelihood's outputs; it is given the shape
            (outputs * C, H, W).
        likelihood: builds the distribution of images given the decoder's outputs; see `genlab.losses.likelihood`.
        beta: weight of the KL divergence in the loss (Higgins et al. 2017).
        warmup_epochs: in training, beta grows from 0 in the first epoch to its value after so many. Validation always
            uses that value, so that epochs compare.
        num_samples: codes per image in training and validation.
        importance_weighted: train on the bound of Burda et al. 2016 (equation 8), with `num_samples` weights, in which
            beta has no place.
        optimizer: builds the optimizer of all parameters.
    """

    def __init__(
        self,
        image_shape: Shape,
        code_size: int = 20,
        encoder: NetworkFactory = MLPEncoder,
        decoder: NetworkFactory = MLPDecoder,
        likelihood: Callable[[], Likelihood] = Bernoulli,
        beta: float = 1.0,
        warmup_epochs: int = 0,
        num_samples: int = 1,
        importance_weighted: bool = False,
        optimizer: OptimizerFactory = Adam,
    ) -> None:
        super().__init__(image_shape)
        self.save_hyperparameters()
        self.code_size = code_size
        self.likelihood = likelihood()
        channels, height, width = self.image_shape
        self.encoder = encoder(self.image_shape, 2 * code_size)
        self.decoder = decoder((self.likelihood.outputs * channels, height, width), code_size)
        self.beta, self.warmup_epochs = beta, warmup_epochs
        self.num_samples, self.importance_weighted = num_samples, importance_weighted
        self.optimizer = optimizer
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

    def configure_optimizers(self) -> Optimizer:
        return self.optimizer(self.parameters())

    def evidence(self, x: Tensor, beta: float | None = None) -> dict[str, Tensor]:
        """The evidence lower bound of images, its two parts and the loss: scalars, in nats per image.

        Args:
            x: (B, C, H, W).
            beta: weight of the KL divergence in the loss; by default the model's.
        """
        mean, log_variance = self.posterior(x)
        noise = torch.randn(self.num_samples, *mean.shape, device=mean.device, dtype=mean.dtype)
        z = mean + (0.5 * log_variance).exp() * noise
        log_likelihood = self._log_likelihood(x, z)
        reconstruction, kl = -log_likelihood.mean(), kl_standard_normal(mean, log_variance).mean()
        figures = {"elbo": -reconstruction - kl, "reconstruction": reconstruction, "kl": kl}
        if not self.importance_weighted:
            return {"loss": reconstruction + (self.beta if beta is None else beta) * kl, **figures}
        bound = log_mean_exp(log_likelihood + log_standard_normal(z) - log_normal(z, mean, log_variance)).mean()
        return {"loss": -bound, "bound": bound, **figures}

    @torch.no_grad()
    def log_likelihood(self, x: Tensor, num_samples: int, generator: Generator | None = None) -> Tensor:
        """An estimate of log p(x) in nats, (B,), by importance sampling (Burda et al. 2016, equation 8).

        In expectation a lower bound, the tighter the more samples. Memory is bounded, whatever their number.

        Args:
            x: images (B, C, H, W).
            num_samples: codes per image.
            generator: of the codes' noise, on the CPU.
        """
        mean, log_variance = self.posterior(x)
        at_once = max(1, AT_ONCE.get(x.device.type, 2**22) // x.numel())
        parts = []
        for start in range(0, num_samples, at_once):
            noise = torch.randn(min(at_once, num_samples - start), *mean.shape, generator=generator).to(mean)
            z = mean + (0.5 * log_variance).exp() * noise
            # the posterior's density at z is that of the noise, stretched
            log_posterior = log_standard_normal(noise) - 0.5 * log_variance.sum(1)
            parts.append(self._log_likelihood(x, z) + log_standard_normal(z) - log_posterior)
        return log_mean_exp(torch.cat(parts))

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

    def sample(self, n: int, *, generator: Generator | None = None) -> Tensor:
        """Images of `n` codes drawn from the prior: (n, C, H, W) in [0, 1]; `generator` is on the CPU."""
        return self.decode(torch.randn(n, self.code_size, generator=generator).to(self.device))

    forward = reconstruct

    def on_validation_epoch_end(self) -> None:
        """Warn of a posterior that has collapsed: codes say nothing about images any more (Bowman et al. 2016)."""
        if not self.trainer.sanity_checking and self.active_units.compute() == 0:
            rank_zero_warn(
                "the posterior has collapsed: no unit of the code varies from image to image; "
                "give a smaller beta, or let it grow over the first epochs with warmup_epochs"
            )

    def _evaluate(self, stage: str, batch: ImageBatch) -> None:
        x = self.images(batch)
        figures = self.evidence(x)
        figures["bits_per_dim"] = self.likelihood.bits_per_dim(figures["elbo"], x[0].numel())
        self.log_epoch(stage, figures, batch, progress_bar="elbo")
        self.active_units.update(self.encode(x))
        self.log(f"{stage}/active_units", self.active_units)

    def _log_likelihood(self, x: Tensor, z: Tensor) -> Tensor:
        """log p(x | z) of images (B, C, H, W), each under K codes (K, B, code_size): (K, B)."""
        samples = z.shape[0]
        repeated = x.expand(samples, *x.shape).flatten(0, 1)
        return self.likelihood.log_prob(self.decoder(z.flatten(0, 1)), repeated).view(samples, -1)
