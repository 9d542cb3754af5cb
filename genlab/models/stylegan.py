"""StyleGAN with styles for each layer (Karras et al. 2019, arXiv:1812.04948; 2020, arXiv:1912.04958)."""

from collections.abc import Callable
from functools import partial
from typing import Any, cast

import torch
from torch import Tensor

from genlab.capabilities import Decodes, DrawsCodes, Samples, Styled
from genlab.errors import GenlabError
from genlab.losses.adversarial import AdversarialLoss, NonSaturating
from genlab.losses.path_length import PathLength
from genlab.losses.penalties import Penalty, ScaledR1
from genlab.models.gan import GAN, Player
from genlab.models.shared.adversarial import Turns
from genlab.models.shared.output_check import expect
from genlab.models.shared.signed import signed
from genlab.models.shared.styles import Styles
from genlab.networks.adaptive_augmentation import AdaptiveAugmentation
from genlab.networks.residual_discriminator import ResidualDiscriminator
from genlab.networks.style_generator import StyleGenerator
from genlab.optimizers import StyleAdam, lazily
from genlab.precision import at_least_float32
from genlab.ranges import at_least, between
from genlab.types import ImageBatch, Interval, NetworkFactory, OptimizerFactory, ScheduleFactory, Shape

MEAN_DECAY = 0.995
"""Share of `mean_style` that is kept on each batch."""
FEWER = 2
"""Divisor of the batch size for path lengths, which need fewer images (Karras et al. 2020, B)."""


class StyleGAN(Styles, GAN):
    """A GAN whose generator maps codes z to styles w, which enter at each of its layers, with noise beside them.

    On every batch the discriminator takes a step, and then the generator. On every `penalty_every`-th batch the
    discriminator takes an extra step, down the penalty, and on every `path_every`-th the generator, down the
    path-length penalty (2020, section 3.1). In training, layers of an image from a random one on may have the styles
    of another code (2019, section 3.1). Sampled and decoded images have fixed noise; see `synthesize`.

    Args:
        image_shape: (C, H, W) of the images.
        code_size: dimensions of the code.
        generator: builds the network from codes (B, code_size) to (B, C, H, W), unbounded: a `mapping`, a `synthesis`
            and the other parts of `StyleGenerator`.
        discriminator: builds the network from images (B, C, H, W) to logits (B, 1).
        loss: builds the losses of both networks; see `genlab.losses.adversarial`.
        penalty: builds the discriminator's penalty; see `genlab.losses.penalties`. By default R1 with a weight of
            0.0002 * pixels / images in a step, which is logged.
        penalty_every: batches between penalties, which are multiplied by it.
        path_length: builds the generator's path-length penalty, `genlab.losses.PathLength`; None for none.
        path_every: batches between path-length penalties, which are multiplied by it.
        mixing: probability that a training image is generated from the styles of two codes.
        augment: builds the augmentation of the images that the discriminator sees,
            `genlab.networks.AdaptiveAugmentation`, against overfitting to few images; None for none.
        ema_decay: decay of the EMA of the generator's weights, which `sample` and `decode` use; at first it is
            lower. None for no EMA.
        generator_optimizer: builds the generator's optimizer, whose learning rates are corrected for the extra steps;
            see `genlab.optimizers.lazily`.
        discriminator_optimizer: builds the discriminator's optimizer.
        schedule: builds the learning-rate schedule of each network that has none of its own; see
            `genlab.schedules`.
        generator_schedule: builds the generator's schedule.
        discriminator_schedule: builds the discriminator's schedule.
        schedule_interval: what schedules count, each "step" (a batch) or each "epoch".
        generator_clip: maximum norm of the generator's gradient.
        discriminator_clip: maximum norm of the discriminator's gradient.

    Raises:
        GenlabError: for numbers out of range, and a generator without styles.

    Example:
        >>> model = genlab.StyleGAN(image_shape=(1, 16, 16), code_size=8).eval()
        >>> styles = model.styles(torch.randn(2, 8), truncation=0.7)
        >>> styles[0, 2:] = styles[1, 2:]  # mixed: coarse styles of one code, fine ones of another
        >>> model.synthesize(styles).shape
        torch.Size([2, 1, 16, 16])
    """

    capabilities: tuple[type, ...] = (Decodes, DrawsCodes, Samples, Styled)

    def __init__(
        self,
        image_shape: Shape,
        code_size: int = 128,
        generator: NetworkFactory = StyleGenerator,
        discriminator: NetworkFactory = ResidualDiscriminator,
        loss: Callable[[], AdversarialLoss] = NonSaturating,
        penalty: Callable[[], Penalty] | None = ScaledR1,
        penalty_every: int = 16,
        path_length: Callable[[], PathLength] | None = None,
        path_every: int = 4,
        mixing: float = 0.9,
        augment: Callable[[], AdaptiveAugmentation] | None = None,
        ema_decay: float | None = 0.998,
        generator_optimizer: OptimizerFactory = StyleAdam,
        discriminator_optimizer: OptimizerFactory = StyleAdam,
        schedule: ScheduleFactory | None = None,
        generator_schedule: ScheduleFactory | None = None,
        discriminator_schedule: ScheduleFactory | None = None,
        schedule_interval: Interval = "step",
        generator_clip: float | None = None,
        discriminator_clip: float | None = None,
    ) -> None:
        at_least(1, penalty_every=penalty_every, path_every=path_every)
        between(0, 1, mixing=mixing)
        super().__init__(
            image_shape,
            code_size,
            generator,
            discriminator,
            loss,
            penalty,
            1,
            ema_decay,
            lazily(generator_optimizer, path_every) if path_length else generator_optimizer,
            lazily(discriminator_optimizer, penalty_every) if penalty else discriminator_optimizer,
            schedule,
            generator_schedule,
            discriminator_schedule,
            schedule_interval,
            generator_clip,
            discriminator_clip,
        )
        if not hasattr(self.generator, "synthesis"):
            other = type(getattr(self.generator, "network", self.generator)).__name__
            name = type(self).__name__
            raise GenlabError(f"a {name} takes a generator with styles, such as StyleGenerator, not a {other}")
        expect(self.net.synthesis, self.image_shape, f"{type(self).__name__} for images of shape {self.image_shape}")
        self.penalty_every, self.path_every, self.mixing = penalty_every, path_every, mixing
        self.path_length = path_length() if path_length else None
        self.augment = augment() if augment else None
        self.num_layers, self.style_size = self.net.synthesis.num_layers, self.net.style_size
        self.register_buffer("mean_style", torch.zeros(self.style_size))

    @property
    def net(self) -> StyleGenerator:
        """The generator."""
        return cast(StyleGenerator, self.generator)

    def turns(self, batch: ImageBatch) -> Turns:
        real = signed(self.images(batch))
        mapping, discriminator = self.mapping(batch), self.judge(batch)
        discriminator_optimizer, generator_optimizer = self.player_optimizers()
        step = self.global_step

        draws = self.draw(len(real))
        with torch.set_grad_enabled(not self.accumulates):
            fake, w = self.made(mapping, *draws)
        self.follow_styles(w)
        on_real, on_fake = discriminator(real), discriminator(fake.detach())
        loss = self.loss.discriminator(on_real, on_fake).mean()
        metrics = self.health(loss, real, fake.detach(), on_real, on_fake)
        yield discriminator_optimizer, loss

        if self.penalty and step % self.penalty_every == 0:
            metrics["penalty"] = self.penalized(self.penalty, discriminator, real, fake.detach())
            metrics["penalty_weight"] = torch.tensor(float(self.penalty.weight), device=real.device)
            yield discriminator_optimizer, self.penalty_every * metrics["penalty"]
        if self.augment:
            metrics |= self.adapt(self.augment, on_real, images=len(real) * self.trainer.world_size)

        if self.accumulates:  # so that the activations of several batches are never in memory together
            fake, _ = self.made(mapping, *draws)
        with self.toggled_optimizer(generator_optimizer):
            on_real_again = discriminator(real) if self.loss.relativistic else None
            metrics["generator"] = self.loss.generator(discriminator(fake), on_real_again).mean()
        yield generator_optimizer, metrics["generator"]

        if self.path_length and step % self.path_every == 0:
            lengths = self.path_lengths(mapping, len(real))
            metrics["path_length"] = self.shared(lengths)
            self.path_length.follow(metrics["path_length"])
            yield generator_optimizer, self.path_every * self.path_length(lengths).mean()
        self.log_batch(metrics, progress_bar="discriminator")

    def draw(self, n: int) -> tuple[list[Tensor], Tensor, list[Tensor]]:
        """Draw the inputs of training images: two codes, the first layer of the second one, (n,), and noise."""
        codes = [self.draw_codes(n).to(self.dtype) for _ in range(2 if self.mixing else 1)]
        share = torch.rand(n, device=self.device)
        cut = 1 + (share / max(self.mixing, 1e-9) * (self.num_layers - 1)).floor()
        return codes, cut.where(share < self.mixing, self.num_layers), self.draw_noise(n)

    def made(self, mapping: Player, codes: list[Tensor], cut: Tensor, noise: list[Tensor]) -> tuple[Tensor, Tensor]:
        """Return generated images in [-1, 1] with mixed styles, and the styles of the first codes, (B, style_size)."""
        styles, w = self.mixed(mapping, codes, cut)
        return self.generated(partial(self.net.synthesis, noise=noise), styles), w

    def mixed(self, mapping: Player, codes: list[Tensor], cut: Tensor) -> tuple[Tensor, Tensor]:
        """Return styles (B, num_layers, style_size), the second codes' from layer `cut` on, and the first codes'."""
        first, *second = [self.net.to_each_layer(mapping(z)) for z in codes]
        before = (torch.arange(self.num_layers, device=cut.device) < cut[:, None])[:, :, None]
        return (torch.where(before, first, second[0]) if second else first), first[:, 0]

    def path_lengths(self, mapping: Player, n: int) -> Tensor:
        """Compute path lengths of the first half of n images, (ceil(n / 2),), outside of autocast."""
        codes, cut, noise = self.draw(n)
        y = torch.randn(n, *self.image_shape, device=self.device).to(self.dtype)
        part = slice(-(-n // FEWER))
        with torch.autocast(self.device.type, enabled=False):
            styles = self.mixed(mapping, codes, cut)[0][part]
            images = self.generated(partial(self.net.synthesis, noise=[maps[part] for maps in noise]), styles)
            return PathLength.lengths(images, styles, y[part])

    @torch.no_grad()
    def follow_styles(self, w: Tensor) -> None:
        """Move `mean_style` towards the mean of a batch's styles."""
        self.mean_style.lerp_(self.shared(w).to(self.mean_style), 1 - MEAN_DECAY)

    def adapt(self, augment: AdaptiveAugmentation, on_real: Tensor, images: int) -> dict[str, Tensor]:
        """Adapt the probability of augmentation; return it with the mean sign that it follows, and its target."""
        sign = self.shared(on_real.sign()).mean()
        augment.follow(sign, images)
        target = torch.tensor(augment.target, device=sign.device)
        return {"augmentation": augment.probability.clone(), "real_sign": sign, "real_sign_target": target}

    @torch.no_grad()
    def shared(self, values: Tensor) -> Tensor:
        """Average values (B, ...) over the images of all processes."""
        mean = at_least_float32(values).mean(0)
        gathered: Tensor = self.all_gather(mean)  # type: ignore[assignment]
        return gathered.view(-1, *mean.shape).mean(0)

    def mapping(self, batch: Any) -> Player:
        """Return the generator's mapping network for the images of a batch."""
        return self.net.mapping

    def judge(self, batch: Any) -> Player:
        """Return the discriminator for a batch's images, in [-1, 1]; in training, it sees them augmented."""
        return self.seeing(self.discriminator)

    def seeing(self, discriminator: Player) -> Player:
        """Let a discriminator see augmented images in training."""
        augment = self.augment if self.training else None
        return (lambda x: discriminator(augment(x))) if augment else discriminator

    def players(self, batch: Any) -> tuple[Player, Player]:
        """Return the generator, with fixed noise, and the discriminator; both work on images in [-1, 1]."""
        mapping = self.mapping(batch)
        return lambda z: self.generated(self.net.synthesis, self.net.to_each_layer(mapping(z))), self.judge(batch)

    @property
    def uncompilable(self) -> str:
        if self.path_length:
            return "a path length penalty differentiates twice, which compiled networks cannot do; use one or the other"
        return super().uncompilable

    @property
    def best(self) -> StyleGenerator:
        """The EMA of the generator if there is one, else the generator."""
        return cast(StyleGenerator, self.average.module if self.average else self.generator)

    def best_mapping(self, z: Tensor) -> Tensor:
        w: Tensor = self.best.mapping(z)
        return w
