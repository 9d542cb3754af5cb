"""VAE/GAN, a VAE with a likelihood of a discriminator's features (Larsen et al. 2016, arXiv:1512.09300)."""

import math
from collections.abc import Callable, Sequence
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from genlab.capabilities import Decodes, DrawsCodes, Encodes, Reconstructs, Samples
from genlab.errors import GenlabError
from genlab.losses.adversarial import AdversarialLoss, NonSaturating
from genlab.losses.evidence import kl_standard_normal
from genlab.metrics.active_units import ActiveUnits
from genlab.models.shared.adversarial import Players, Turns
from genlab.models.shared.calls import of_codes, of_images
from genlab.models.shared.codes import Codec, Prior
from genlab.models.shared.ema import moving_average
from genlab.models.shared.health import Health
from genlab.models.shared.image_model import ImageModel
from genlab.models.shared.latent_variable import diagonal_normal
from genlab.models.shared.output_check import expect
from genlab.models.shared.posterior_health import PosteriorHealth
from genlab.models.shared.signed import SignedGenerators, signed, unsigned
from genlab.networks.conv import ConvEncoder
from genlab.networks.dcgan import DCGANDiscriminator, DCGANGenerator
from genlab.optimizers import GANAdam
from genlab.precision import at_least_float32
from genlab.ranges import above, at_least, extent, if_given
from genlab.recorded import as_network
from genlab.types import ImageBatch, Interval, NetworkFactory, OptimizerFactory, ScheduleFactory, Shape

EVEN = math.log(2)
"""Cross-entropy of a discriminator that cannot tell real images from generated ones."""


class VAEGAN(Prior, Codec, SignedGenerators, Players, ImageModel):
    """A VAE whose decoder is also a GAN's generator, and whose reconstructions are compared by discriminator features.

    The feature error of a reconstruction is half the squared distance of its features, a hidden layer of the
    discriminator, from those of the image, in nats. On every batch (algorithm 1) the encoder learns from the KL
    divergence and the feature error; the decoder from the weighted feature error and the adversarial loss, of
    reconstructions and of samples; the discriminator from its own loss only. Networks work on images in [-1, 1];
    generated images are the decoder's outputs through `output_activation`.

    Args:
        image_shape: (C, H, W) of the images.
        code_size: dimensions of the code.
        encoder: builds the network from images (B, C, H, W) to the posterior's mean and log-variance (B, 2 code_size).
        decoder: builds the network from codes (B, code_size) to (B, C, H, W), unbounded.
        discriminator: builds the network from images (B, C, H, W) to logits (B, 1): layers in a `torch.nn.Sequential`.
        layers_above: number of the discriminator's last layers, above its features.
        loss: builds the losses of discriminator and decoder, which must judge images one by one; see
            `genlab.losses.adversarial`.
        beta: weight of the KL divergence in the encoder's loss; the paper's is 1.
        feature_weight: weight of the feature error beside the decoder's adversarial loss, the paper's gamma.
        margin: the discriminator waits while its cross-entropy of real or of generated images was more than this below
            log 2, that of a guess; the decoder waits while one of them was more than this above. If both hold, neither
            waits. None for never; the paper's authors used 0.35.
        ema_decay: decay of the EMA of the decoder's weights, used by all but training; None for no EMA.
        encoder_optimizer: builds the encoder's optimizer.
        decoder_optimizer: builds the decoder's optimizer.
        discriminator_optimizer: builds the discriminator's optimizer.
        schedule: builds each player's learning-rate schedule; see `genlab.schedules`.
        schedule_interval: what schedules count, each "step" (a batch) or each "epoch".
        encoder_clip: maximum norm of the encoder's gradient.
        decoder_clip: maximum norm of the decoder's gradient.
        discriminator_clip: maximum norm of the discriminator's gradient.

    Raises:
        GenlabError: for numbers out of range, a discriminator without layers, a loss that compares images, and a margin
            with a loss that is not a cross-entropy.

    Example:
        >>> model = genlab.VAEGAN(image_shape=(1, 16, 16), code_size=8)
        >>> model.encode(torch.rand(2, 1, 16, 16)).shape
        torch.Size([2, 8])
    """

    capabilities: tuple[type, ...] = (Encodes, Decodes, Reconstructs, DrawsCodes, Samples)
    last: Tensor
    """The discriminator's losses of real and of generated images in the last batch."""

    def __init__(
        self,
        image_shape: Shape,
        code_size: int = 128,
        encoder: NetworkFactory = ConvEncoder,
        decoder: NetworkFactory = DCGANGenerator,
        discriminator: NetworkFactory = DCGANDiscriminator,
        layers_above: int = 2,
        loss: Callable[[], AdversarialLoss] = NonSaturating,
        beta: float = 1.0,
        feature_weight: float = 0.01,
        margin: float | None = None,
        ema_decay: float | None = 0.999,
        encoder_optimizer: OptimizerFactory = GANAdam,
        decoder_optimizer: OptimizerFactory = GANAdam,
        discriminator_optimizer: OptimizerFactory = GANAdam,
        schedule: ScheduleFactory | None = None,
        schedule_interval: Interval = "step",
        encoder_clip: float | None = None,
        decoder_clip: float | None = None,
        discriminator_clip: float | None = None,
    ) -> None:
        extent(code_size=code_size, layers_above=layers_above)
        at_least(0, beta=beta, feature_weight=feature_weight, **if_given(margin=margin))
        self.clips = {"encoder": encoder_clip, "decoder": decoder_clip, "discriminator": discriminator_clip}
        above(0, **if_given(**{f"{player}_clip": clip for player, clip in self.clips.items()}))
        super().__init__(image_shape)
        self.save_hyperparameters()
        self.code_shape = (code_size,)
        self.encoder = as_network(encoder, self.image_shape, 2 * code_size)
        self.decoder = as_network(decoder, self.image_shape, code_size)
        self.discriminator = as_network(discriminator, self.image_shape, 1)
        name = f"VAEGAN with code_size {code_size}"
        expect(self.encoder, (2 * code_size,), name)
        expect(self.decoder, self.image_shape, name)
        expect(self.discriminator, (1,), f"{name} for its logits", patches=True)
        is_sequence = getattr(type(self.discriminator), "forward", None) is nn.Sequential.forward
        layers = len(self._layers) if is_sequence else 0
        if layers <= layers_above:
            raise GenlabError(
                f"features come from below the last {layers_above} layers of the discriminator, but this "
                f"{type(self.discriminator).__name__} has {layers}: use a torch.nn.Sequential of more"
            )
        self.loss, self.layers_above = loss(), layers_above
        if self.loss.relativistic:
            raise GenlabError(f"a VAEGAN judges images one by one; use a loss other than {type(self.loss).__name__}")
        if margin is not None and not self.loss.is_cross_entropy:
            raise GenlabError(f"margin needs a cross-entropy loss; leave it out with {type(self.loss).__name__}")
        self.beta, self.feature_weight, self.margin = beta, feature_weight, margin
        self.average = moving_average(self.decoder, ema_decay) if ema_decay else None
        self.optimizer_factories = (encoder_optimizer, decoder_optimizer, discriminator_optimizer)
        self.schedule, self.schedule_interval = schedule, schedule_interval
        self.active_units = ActiveUnits(code_size)
        self.health, self.posterior_health = Health(self.loss), PosteriorHealth()
        self.register_buffer("last", torch.full((2,), EVEN))

    def turns(self, batch: ImageBatch) -> Turns:
        x = signed(self.images(batch))
        encoder_optimizer, decoder_optimizer, discriminator_optimizer = self.player_optimizers()
        decoder_waits, discriminator_waits = self.waiting()
        seen, on_real = self.judged(x)
        features = seen.detach()

        with self.toggled_optimizer(encoder_optimizer):
            mean, log_variance = self.posterior(x)
            z = mean + (0.5 * log_variance).exp() * torch.randn(*mean.shape, device=mean.device, dtype=mean.dtype)
            kl = kl_standard_normal(mean, log_variance).mean()
            error = feature_error(self.features(self.made(z)), features).mean()
        metrics = {"kl": kl, "feature_error": error}
        yield encoder_optimizer, self.beta * kl + error

        z, drawn = z.detach(), self.draw_codes(len(x)).to(x)
        with self.toggled_optimizer(decoder_optimizer), torch.set_grad_enabled(not decoder_waits):
            reconstructed, sampled = self.made(z), self.made(drawn)
            if not decoder_waits:
                remade, on_reconstructed = self.judged(reconstructed)
                error, fooled = feature_error(remade, features).mean(), self.loss.generator(on_reconstructed).mean()
                metrics["decoder"] = fooled + self.loss.generator(self.discriminator(sampled)).mean()
        if not decoder_waits:
            yield decoder_optimizer, self.feature_weight * error + metrics["decoder"]

        reconstructed, sampled = reconstructed.detach(), sampled.detach()
        judged = on_real, self.discriminator(reconstructed), self.discriminator(sampled)
        on_real, *on_fake = map(at_least_float32, judged)
        loss = self.loss.of_real(on_real).mean() + sum(self.loss.of_fake(logits).mean() for logits in on_fake)
        metrics |= self.health(loss, x, sampled, on_real, on_fake[1])
        if not discriminator_waits:
            yield discriminator_optimizer, loss
        if self.margin is not None:
            metrics["lead"] = self.remember(on_real, *on_fake)
        self.log_batch(metrics, progress_bar="feature_error")

    def waiting(self) -> tuple[bool, bool]:
        """Return whether the decoder waits, and whether the discriminator does."""
        if self.margin is None:
            return False, False
        ahead = bool((self.last < EVEN - self.margin).any())
        behind = bool((self.last > EVEN + self.margin).any())
        return behind and not ahead, ahead and not behind

    @torch.no_grad()
    def remember(self, on_real: Tensor, *on_fake: Tensor) -> Tensor:
        """Save the discriminator's losses of a batch, averaged over all processes; return how far it is ahead."""
        real, fake = self.loss.of_real(on_real).mean(), self.loss.of_fake(torch.cat(on_fake)).mean()
        self.last.copy_(self.all_gather(torch.stack([real, fake])).view(-1, 2).mean(0))  # type: ignore[union-attr]
        return EVEN - self.last.min()

    def evaluation_step(self, stage: str, batch: ImageBatch, batch_idx: int) -> None:
        x = signed(self.images(batch))
        mean, log_variance = self.posterior(x)
        reconstructed, sampled = self.made(mean, best=True), self.made(self.draw_codes(len(x)).to(x), best=True)
        metrics = {
            "kl": kl_standard_normal(mean, log_variance).mean(),
            "feature_error": feature_error(self.features(reconstructed), self.features(x)).mean(),
            "l1": (unsigned(reconstructed) - unsigned(x)).abs().mean(),
        }
        metrics |= self.health.vital_signs(x, sampled, self.discriminator(x), self.discriminator(sampled))
        self.log_epoch(stage, metrics, batch, progress_bar="l1")
        self.active_units.update(mean)
        self.log(f"{stage}/active_units", self.active_units)

    def averages(self) -> Sequence[tuple[int, AveragedModel, nn.Module]]:
        return [(1, self.average, self.decoder)] if self.average else []

    def configure_optimizers(self) -> Any:
        networks = (self.encoder, self.decoder, self.discriminator)
        return [
            self.player(network, optimizer, self.schedule)
            for network, optimizer in zip(networks, self.optimizer_factories, strict=True)
        ]

    def on_train_epoch_end(self) -> None:
        """Warn of training that has gone wrong."""
        super().on_train_epoch_end()
        self.health.end_epoch(self.global_step)

    def on_validation_epoch_end(self) -> None:
        """Warn of a posterior that has collapsed."""
        super().on_validation_epoch_end()
        if self.active_units.update_called and not self.trainer.sanity_checking:
            self.posterior_health.end_epoch(self.active_units.compute(), self.global_step)

    def posterior(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return the mean and log-variance of q(z | x) for images in [-1, 1], each (B, code_size)."""
        return diagonal_normal(self.encoder(x))

    def made(self, z: Tensor, best: bool = False) -> Tensor:
        """Return images in [-1, 1] from codes, with the decoder or, if `best`, its EMA."""
        return self.generated((self.average or self.decoder) if best else self.decoder, z.to(self.dtype))

    def features(self, x: Tensor) -> Tensor:
        """Return the discriminator's features of images in [-1, 1]: (B, ...)."""
        features: Tensor = nn.Sequential(*self._layers[: -self.layers_above])(x)
        return features

    def judged(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return the discriminator's features and logits of images in [-1, 1]."""
        features = self.features(x)
        return features, nn.Sequential(*self._layers[-self.layers_above :])(features)

    @property
    def _layers(self) -> list[nn.Module]:
        return [*cast(nn.Sequential, self.discriminator)]  # unlike its children, with each use of a repeated layer

    @of_images
    def encode(self, x: Tensor) -> Tensor:
        """Encode images to the posterior's mean, (B, code_size)."""
        return self.posterior(signed(self.seen(x)))[0]

    @of_codes
    def decode(self, z: Tensor) -> Tensor:
        """Decode codes to images, (B, C, H, W) in [0, 1], with the EMA decoder."""
        return unsigned(self.made(z, best=True))


def feature_error(features: Tensor, wanted: Tensor) -> Tensor:
    """Compute half the squared distance of features, -log N(wanted | features, I) minus a constant: (B,)."""
    return 0.5 * (at_least_float32(features) - at_least_float32(wanted)).square().flatten(1).sum(1)
