"""What can be done with an encoder to a Gaussian posterior, a decoder and a likelihood."""

from collections.abc import Callable, Mapping

import torch
from torch import Generator, Tensor

from genlab.losses.evidence import evidence, importance_sampled
from genlab.losses.likelihood import Likelihood
from genlab.losses.precision import at_least_float32
from genlab.models.codec import Codec
from genlab.models.inputs import generator_of, of_codes, of_images

AT_ONCE = {"cpu": 2**18, "cuda": 2**24}
"""Values of decoded images that `log_likelihood` holds at a time; a CPU is fastest with what fits into its cache."""


class LatentVariableModel(Codec):
    """Codes z ~ N(0, I), images x ~ p(x | z), and an approximate posterior q(z | x): mixin of a model with these parts.

    Images are (B, C, H, W) in [0, 1], codes (B, code_size).
    """

    code_size: int
    encoder: Callable[[Tensor], Tensor]
    """Images to the posterior's mean and log-variance (B, 2 code_size)."""
    decoder: Callable[[Tensor], Tensor]
    """Codes to the likelihood's outputs."""
    likelihood: Likelihood
    num_samples: int
    """Codes per image in `evidence`."""
    importance_weighted: bool
    """Whether the loss is the importance-weighted bound."""
    device: torch.device
    dtype: torch.dtype | str
    """The precision of the weights."""
    seen: Callable[..., Tensor]
    """Images, once they are found to be what the model takes; see `ImageModel.seen`."""

    def evidence(self, x: Tensor, beta: float = 1.0) -> dict[str, Tensor]:
        """The evidence lower bound of images, its two parts and the loss: scalars, in nats per image.

        `beta` is the weight of the KL divergence in the loss; see `genlab.losses.evidence`.
        """
        mean, log_variance = self.posterior(x)
        return evidence(
            mean, log_variance, lambda z: self._log_probs(x, z), self.num_samples, beta, self.importance_weighted
        )

    def bits_per_dim(self, figures: Mapping[str, Tensor], x: Tensor) -> Tensor:
        """Bits per dimension of images from their `evidence`: of the bound that is the loss, the ELBO or the weighted.

        A scalar; see `Likelihood.bits_per_dim`.
        """
        return self.likelihood.bits_per_dim(figures.get("bound", figures["elbo"]), x[0].numel())

    @of_images
    @torch.no_grad()
    def log_likelihood(self, x: Tensor, num_samples: int, generator: Generator | None = None) -> Tensor:
        """An estimate of log p(x) in nats, (B,), by importance sampling (Burda et al. 2016, equation 8).

        In expectation a lower bound, the tighter the more samples. Memory is bounded, whatever their number.

        Args:
            x: images.
            num_samples: codes per image.
            generator: of the codes' noise, on the CPU.
        """
        mean, log_variance = self.posterior(self.seen(x))
        at_once = max(1, AT_ONCE.get(x.device.type, 2**22) // x.numel())
        return importance_sampled(mean, log_variance, lambda z: self._log_probs(x, z), num_samples, at_once, generator)

    def posterior(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log-variance of q(z | x), each (B, code_size), in float32; the log-variance within [-20, 20]."""
        mean, log_variance = at_least_float32(self.encoder(x)).chunk(2, dim=1)
        return mean, log_variance.clamp(-20, 20)

    @of_images
    def encode(self, x: Tensor) -> Tensor:
        """The posterior's mean: images to codes."""
        return self.posterior(self.seen(x))[0]

    @of_codes
    def decode(self, z: Tensor) -> Tensor:
        """The likelihood's mean: codes to images."""
        return self.likelihood.mean(self._decoded(z))

    def sample(self, n: int, *, seed: int | None = None, generator: Generator | None = None) -> Tensor:
        """Images of `n` codes drawn from the prior: (n, C, H, W).

        They are the same for the same seed, or state of a generator on the CPU.
        """
        return self.decode(torch.randn(n, self.code_size, generator=generator_of(seed, generator)))

    def _log_probs(self, x: Tensor, z: Tensor) -> Tensor:
        """log p(x | z) of images (B, C, H, W), each under K codes (K, B, code_size): (K, B)."""
        samples = z.shape[0]
        repeated = x.expand(samples, *x.shape).flatten(0, 1)
        return self.likelihood.log_prob(self._decoded(z.flatten(0, 1)), repeated).view(samples, -1)

    def _decoded(self, z: Tensor) -> Tensor:
        """The likelihood's outputs; codes may be more precise than weights (bf16-true), or less (64-true)."""
        return self.decoder(z.to(self.dtype))
