"""Methods of models with an encoder to a Gaussian posterior, a decoder, and a likelihood of images or sentences."""

from abc import abstractmethod
from collections.abc import Callable, Mapping

import torch
from torch import Generator, Tensor

from genlab.capabilities import Decodes, DrawsCodes, Encodes, HasLikelihood, Reconstructs, Samples
from genlab.losses.evidence import evidence, importance_sampled, tempered
from genlab.losses.likelihood import Likelihood
from genlab.models.shared.calls import of_codes, of_images
from genlab.models.shared.codes import Codec, Prior
from genlab.precision import at_least_float32

AT_ONCE = {"cpu": 2**18, "cuda": 2**24}
"""Values of decoded images that `log_likelihood` holds at a time; a CPU is fastest with what fits into its cache."""


class GaussianCodes(Prior, Codec):
    """Mixin for codes z ~ N(0, I), an approximate posterior q(z | x), and a p(x | z) of any kind of observation.

    Observations, images (B, C, H, W) in [0, 1] or sentences (B, T), are those of the model that it is mixed into.
    """

    capabilities: tuple[type, ...] = (Encodes, Decodes, Reconstructs, DrawsCodes, Samples, HasLikelihood)

    encoder: Callable[[Tensor], Tensor]
    """Maps observations to the posterior's mean and log-variance (B, 2 code_size)."""
    decoder: Callable[..., Tensor]
    """Maps codes to the parameters of p(x | z)."""
    num_samples: int = 1
    """Codes per observation in `evidence`."""
    importance_weighted: bool = False
    """Whether the loss is the importance-weighted bound, which does not use `beta`."""
    beta: float = 1.0
    """Weight of the KL divergence that the posterior was trained with."""
    free_bits: float = 0.0
    """Nats of each unit of the code that cost nothing; see `genlab.losses.evidence`."""
    dtype: torch.dtype | str
    """The precision of the weights."""
    seen: Callable[..., Tensor]
    """Checks observations; see `ImageModel.seen`."""

    @abstractmethod
    def log_probs(self, x: Tensor, z: Tensor) -> Tensor:
        """Compute log p(x | z) of observations (B, ...), each under K codes (K, B, D): (K, B)."""

    def decoded_values(self, x: Tensor) -> int:
        """Return the number of values it takes to decode one code per observation, used to bound memory."""
        return x.numel()

    def evidence(self, x: Tensor, beta: float = 1.0) -> dict[str, Tensor]:
        """Estimate the evidence lower bound, its two parts and the loss: scalars, in nats per observation.

        `beta` is the weight of the KL divergence in the loss; see `genlab.losses.evidence`.
        """
        mean, log_variance = self.posterior(x)
        return evidence(
            mean,
            log_variance,
            lambda z: self.log_probs(x, z),
            self.num_samples,
            beta,
            self.importance_weighted,
            self.free_bits,
        )

    @of_images
    @torch.no_grad()
    def elbo(self, x: Tensor, generator: Generator | None = None) -> Tensor:
        """Estimate the evidence lower bound of each observation with one code: (B,), in nats.

        Args:
            x: observations.
            generator: CPU generator of the codes' noise.
        """
        return self._importance_sampled(self.seen(x), 1, 1.0, generator)

    @of_images
    @torch.no_grad()
    def log_likelihood(self, x: Tensor, num_samples: int, generator: Generator | None = None) -> Tensor:
        """Estimate log p(x) in nats, (B,), by importance sampling (Burda et al. 2016, equation 8).

        In expectation a lower bound, tighter with more samples. Memory is bounded, whatever their number. A `beta`
        below 1 leaves q(z | x) narrower than the true posterior, so codes are drawn from a distribution that undoes
        this; see `genlab.losses.evidence.tempered`.

        Args:
            x: observations.
            num_samples: codes for each observation.
            generator: CPU generator of the codes' noise.
        """
        power = 1.0 if self.importance_weighted else min(1.0, self.beta)
        return self._importance_sampled(self.seen(x), num_samples, power, generator)

    def _importance_sampled(self, x: Tensor, num_samples: int, power: float, generator: Generator | None) -> Tensor:
        """Estimate log p(x) with codes drawn from the posterior to a power; see `tempered`."""
        mean, log_variance = tempered(*self.posterior(x), power)
        at_once = max(1, AT_ONCE.get(x.device.type, 2**22) // self.decoded_values(x))
        return importance_sampled(mean, log_variance, lambda z: self.log_probs(x, z), num_samples, at_once, generator)

    def posterior(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return the mean and log-variance of q(z | x), each (B, D); see `diagonal_normal`."""
        return diagonal_normal(self.encoder(x))

    @of_images
    def encode(self, x: Tensor) -> Tensor:
        """Encode observations to the posterior's mean, (B, *code_shape)."""
        codes: Tensor = self.posterior(self.seen(x))[0].unflatten(1, self.code_shape)
        return codes


class LatentVariableModel(GaussianCodes):
    """Mixin for models of images x ~ p(x | z) from codes z ~ N(0, I), with a likelihood.

    Images are (B, C, H, W) in [0, 1], codes (B, *code_shape).
    """

    likelihood: Likelihood

    def bits_per_dim(self, metrics: Mapping[str, Tensor], x: Tensor) -> Tensor:
        """Convert the bound used as the loss, the ELBO or the importance-weighted one, to bits per dimension.

        Args:
            metrics: the images' `evidence`.
            x: the images.

        Returns:
            A scalar; see `Likelihood.bits_per_dim`.
        """
        return self.likelihood.bits_per_dim(metrics.get("bound", metrics["elbo"]), x[0].numel())

    @of_codes
    def decode(self, z: Tensor) -> Tensor:
        """Decode codes to the likelihood's mean, (B, C, H, W) in [0, 1]."""
        return self.likelihood.mean(self._decoded(z))

    def log_probs(self, x: Tensor, z: Tensor) -> Tensor:
        """Compute log p(x | z) of images (B, C, H, W), each under K codes (K, B, code_size): (K, B)."""
        samples = z.shape[0]
        repeated = x.expand(samples, *x.shape).flatten(0, 1)
        return self.likelihood.log_prob(self._decoded(z.flatten(0, 1)), repeated).view(samples, -1)

    def _decoded(self, z: Tensor) -> Tensor:
        """Return the likelihood's outputs; codes may be more precise than weights (bf16-true), or less (64-true)."""
        return self.decoder(z.to(self.dtype).view(-1, *self.code_shape))


def diagonal_normal(outputs: Tensor) -> tuple[Tensor, Tensor]:
    """Split an encoder's outputs (B, 2 code_size, ...) into mean and log-variance, each (B, D), in float32.

    D is the number of values of a code. The log-variance is clamped to [-20, 20].
    """
    mean, log_variance = at_least_float32(outputs).chunk(2, dim=1)
    return mean.flatten(1), log_variance.flatten(1).clamp(-20, 20)
