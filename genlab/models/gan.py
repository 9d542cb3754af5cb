"""The generative adversarial network (Goodfellow et al. 2014, arXiv:1406.2661)."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from genlab.capabilities import Decodes, DrawsCodes, Samples
from genlab.losses.adversarial import AdversarialLoss, NonSaturating
from genlab.losses.penalties import Penalty
from genlab.models.shared.adversarial import Players, Turns
from genlab.models.shared.calls import of_codes
from genlab.models.shared.codes import Prior
from genlab.models.shared.ema import moving_average
from genlab.models.shared.health import Health
from genlab.models.shared.image_model import ImageModel
from genlab.models.shared.output_check import expect
from genlab.models.shared.signed import SignedGenerators, signed, unsigned
from genlab.networks.dcgan import DCGANDiscriminator, DCGANGenerator
from genlab.networks.init import warn_of_batch_norm
from genlab.optimizers import GANAdam
from genlab.ranges import above, at_least, extent, if_given
from genlab.recorded import as_network
from genlab.types import ImageBatch, Interval, NetworkFactory, OptimizerFactory, ScheduleFactory, Shape

Player = Callable[[Tensor], Tensor]


class GAN(Prior, SignedGenerators, Players, ImageModel):
    """A generator of images from codes z ~ N(0, I), and a discriminator that tells them from real ones.

    The discriminator takes a step on every batch, the generator on every `critic_steps`-th (algorithm 1). Both work on
    images in [-1, 1]; generated images are the network's outputs through `output_activation`.

    Args:
        image_shape: (C, H, W) of the images.
        code_size: dimensions of the code.
        generator: builds the network from codes (B, code_size) to (B, C, H, W), unbounded.
        discriminator: builds the network from images (B, C, H, W) to logits (B, 1).
        loss: builds the losses of both networks; see `genlab.losses.adversarial`.
        penalty: builds an extra term of the discriminator's loss; see `genlab.losses.penalties`. It warns of batch
            normalisation in the discriminator, which `DCGANDiscriminator` has by default.
        critic_steps: discriminator steps per generator step.
        ema_decay: decay of the EMA of the generator's weights, which `sample` and `decode` use (Karras et al. 2018);
            None for no EMA.
        generator_optimizer: builds the generator's optimizer.
        discriminator_optimizer: builds the discriminator's optimizer.
        schedule: builds the learning-rate schedule of each network that has none of its own; see
            `genlab.schedules`.
        generator_schedule: builds the generator's schedule.
        discriminator_schedule: builds the discriminator's schedule.
        schedule_interval: what schedules count, each "step" (a batch) or each "epoch".
        generator_clip: maximum norm of the generator's gradient.
        discriminator_clip: maximum norm of the discriminator's gradient.

    Raises:
        GenlabError: for less than one critic step, and other numbers out of range.
    """

    capabilities: tuple[type, ...] = (Decodes, DrawsCodes, Samples)

    def __init__(
        self,
        image_shape: Shape,
        code_size: int = 100,
        generator: NetworkFactory = DCGANGenerator,
        discriminator: NetworkFactory = DCGANDiscriminator,
        loss: Callable[[], AdversarialLoss] = NonSaturating,
        penalty: Callable[[], Penalty] | None = None,
        critic_steps: int = 1,
        ema_decay: float | None = 0.999,
        generator_optimizer: OptimizerFactory = GANAdam,
        discriminator_optimizer: OptimizerFactory = GANAdam,
        schedule: ScheduleFactory | None = None,
        generator_schedule: ScheduleFactory | None = None,
        discriminator_schedule: ScheduleFactory | None = None,
        schedule_interval: Interval = "step",
        generator_clip: float | None = None,
        discriminator_clip: float | None = None,
    ) -> None:
        extent(code_size=code_size)
        at_least(1, critic_steps=critic_steps)
        above(0, **if_given(generator_clip=generator_clip, discriminator_clip=discriminator_clip))
        super().__init__(image_shape)
        self.save_hyperparameters()
        self.clips = {"discriminator": discriminator_clip, "generator": generator_clip}
        self.code_shape = (code_size,)
        self.generator = as_network(generator, self.image_shape, code_size)
        self.discriminator = as_network(discriminator, self.image_shape, 1)
        name = type(self).__name__
        expect(self.generator, self.image_shape, f"{name} for images of shape {self.image_shape}")
        expect(self.discriminator, (1,), f"{name} for its logits", patches=True)
        self.average = moving_average(self.generator, ema_decay) if ema_decay else None
        self.loss, self.penalty = loss(), penalty() if penalty else None
        if self.penalty:
            warn_of_batch_norm(self.discriminator, type(self.penalty).__name__)
        self.critic_steps = critic_steps
        self.generator_optimizer, self.discriminator_optimizer = generator_optimizer, discriminator_optimizer
        self.generator_schedule = generator_schedule or schedule
        self.discriminator_schedule = discriminator_schedule or schedule
        self.schedule_interval = schedule_interval
        self.health = Health(self.loss)

    def turns(self, batch: ImageBatch) -> Turns:
        real = signed(self.images(batch))
        generator, discriminator = self.players(batch)
        discriminator_optimizer, generator_optimizer = self.player_optimizers()
        generator_turn = (self.global_step + 1) % self.critic_steps == 0

        z = self.draw_codes(len(real)).to(real)
        with torch.set_grad_enabled(generator_turn and not self.accumulates):
            fake = generator(z)
        on_real, on_fake = discriminator(real), discriminator(fake.detach())
        loss = self.loss.discriminator(on_real, on_fake).mean()
        metrics = self.health(loss, real, fake.detach(), on_real, on_fake)
        if self.penalty:
            metrics["penalty"] = self.penalized(self.penalty, discriminator, real, fake.detach())
            loss = loss + metrics["penalty"]
        yield discriminator_optimizer, loss

        if generator_turn:
            if self.accumulates:  # so that the activations of several batches are never in memory together
                fake = generator(z)
            with self.toggled_optimizer(generator_optimizer):
                on_real_again = discriminator(real) if self.loss.relativistic else None
                metrics["generator"] = self.loss.generator(discriminator(fake), on_real_again).mean()
            yield generator_optimizer, metrics["generator"]
        self.log_batch(metrics, progress_bar="discriminator")

    def evaluation_step(self, stage: str, batch: ImageBatch, batch_idx: int) -> None:
        real = signed(self.images(batch))
        generator, discriminator = self.players(batch)
        fake = generator(self.draw_codes(len(real)).to(real))
        values = self.health.vital_signs(real, fake, discriminator(real), discriminator(fake))
        self.log_epoch(stage, values, batch, progress_bar="diversity")

    def averages(self) -> Sequence[tuple[int, AveragedModel, nn.Module]]:
        return [(1, self.average, self.generator)] if self.average else []

    def configure_optimizers(self) -> Any:
        return [
            self.player(self.discriminator, self.discriminator_optimizer, self.discriminator_schedule),
            self.player(self.generator, self.generator_optimizer, self.generator_schedule),
        ]

    def on_train_epoch_end(self) -> None:
        """Warn of training that has gone wrong."""
        super().on_train_epoch_end()
        self.health.end_epoch(self.global_step)

    def penalized(self, penalty: Penalty, discriminator: Player, real: Tensor, fake: Tensor) -> Tensor:
        """Compute the discriminator's penalty, a scalar, where several batches may make up a step."""
        penalty.batches = self.trainer.world_size * self.trainer.accumulate_grad_batches
        return penalty(discriminator, real, fake).mean()

    def players(self, batch: Any) -> tuple[Player, Player]:
        """Return the generator and the discriminator for a batch; both work on images in [-1, 1]."""
        return partial(self.generated, self.generator), self.discriminator

    @property
    def best_generator(self) -> nn.Module:
        """The EMA of the generator if there is one, else the generator."""
        return self.average or self.generator

    @property
    def uncompilable(self) -> str:
        if self.penalty is None:
            return ""
        return "a gradient penalty differentiates twice, which compiled networks cannot do; use one or the other"

    @of_codes
    def decode(self, z: Tensor) -> Tensor:
        """Decode codes to images, (B, C, H, W) in [0, 1], with the EMA generator."""
        return unsigned(self.generated(self.best_generator, z))
