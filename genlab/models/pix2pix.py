"""Pix2pix, translation learned from aligned pairs (Isola et al. 2017, arXiv:1611.07004)."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from genlab.errors import GenlabError
from genlab.losses.adversarial import AdversarialLoss, NonSaturating
from genlab.metrics.translation import translation_scores
from genlab.models.shared.adversarial import Players, Turns
from genlab.models.shared.ema import moving_average
from genlab.models.shared.output_check import expect
from genlab.models.shared.signed import SignedGenerators, signed, unsigned
from genlab.models.shared.translation import Translator, linear_decay
from genlab.networks.patch import PatchDiscriminator
from genlab.networks.unet import UNet
from genlab.optimizers import GANAdam
from genlab.ranges import above, at_least, if_given
from genlab.recorded import as_network
from genlab.types import Interval, NetworkFactory, OptimizerFactory, PairBatch, ScheduleFactory, Shape


class Pix2Pix(SignedGenerators, Translator, Players):
    """A generator from sources to targets, and a discriminator of pairs that tells true targets from generated ones.

    The generator's loss is the adversarial loss plus `l1_weight` times the distance from the target (equation 4).
    Both work on images in [-1, 1]; generated images are the network's outputs through `output_activation`.

    Args:
        source_shape: (C, H, W) of the sources.
        image_shape: (C', H, W) of the targets.
        generator: builds the network from sources to (B, C', H, W), unbounded, given source_shape and C'.
        discriminator: builds the network from pairs, (B, C + C', H, W), to logits, a single one or one per patch.
        loss: builds the losses of both networks; see `genlab.losses.adversarial`.
        l1_weight: weight of the mean absolute difference of generated images and targets.
        ema_decay: decay of the EMA of the generator's weights, which `translate` uses; None for no EMA.
        generator_optimizer: builds the generator's optimizer.
        discriminator_optimizer: builds the discriminator's optimizer.
        decay_from: the share of training after which the learning rates of players without a schedule fall linearly to
            0; None for never.
        schedule: builds the learning-rate schedule of each player that has none of its own; see `genlab.schedules`.
        generator_schedule: builds the generator's schedule.
        discriminator_schedule: builds the discriminator's schedule.
        schedule_interval: what schedules count, each "step" (a batch) or each "epoch".
        generator_clip: maximum norm of the generator's gradient.
        discriminator_clip: maximum norm of the discriminator's gradient.

    Raises:
        GenlabError: for data other than pairs, or whose two images differ in height or width.
    """

    batch_names = ("source", "target")

    def __init__(
        self,
        source_shape: Shape,
        image_shape: Shape,
        generator: NetworkFactory = UNet,
        discriminator: NetworkFactory = PatchDiscriminator,
        loss: Callable[[], AdversarialLoss] = NonSaturating,
        l1_weight: float = 100.0,
        ema_decay: float | None = None,
        generator_optimizer: OptimizerFactory = GANAdam,
        discriminator_optimizer: OptimizerFactory = GANAdam,
        decay_from: float | None = 0.5,
        schedule: ScheduleFactory | None = None,
        generator_schedule: ScheduleFactory | None = None,
        discriminator_schedule: ScheduleFactory | None = None,
        schedule_interval: Interval = "step",
        generator_clip: float | None = None,
        discriminator_clip: float | None = None,
    ) -> None:
        if source_shape is None:  # linked from the command line's data
            raise GenlabError("Pix2Pix learns from aligned pairs; DegradedPairs makes them of any images")
        at_least(0, l1_weight=l1_weight)
        above(0, **if_given(generator_clip=generator_clip, discriminator_clip=discriminator_clip))
        channels, height, width = source_shape
        if (height, width) != tuple(image_shape[1:]):
            raise GenlabError(f"sources of {height} x {width} pixels do not match targets of shape {image_shape}")
        super().__init__(image_shape)
        self.save_hyperparameters()
        self.clips = {"discriminator": discriminator_clip, "generator": generator_clip}
        self.source_shape: Shape = (channels, height, width)
        self.directions = {"a_to_b": self.source_shape}
        self.generator = as_network(generator, self.source_shape, self.image_shape[0])
        self.discriminator = as_network(discriminator, (channels + self.image_shape[0], height, width), 1)
        expect(self.generator, (self.image_shape[0], None, None), f"Pix2Pix for images of shape {self.image_shape}")
        expect(self.discriminator, (1,), "Pix2Pix for its logits", patches=True)
        self.average = moving_average(self.generator, ema_decay) if ema_decay else None
        self.loss = loss()
        self.l1_weight = l1_weight
        self.generator_optimizer, self.discriminator_optimizer = generator_optimizer, discriminator_optimizer
        schedule = schedule or linear_decay(decay_from)
        self.generator_schedule = generator_schedule or schedule
        self.discriminator_schedule = discriminator_schedule or schedule
        self.schedule_interval = schedule_interval

    def turns(self, batch: PairBatch) -> Turns:
        source, target = self.pair(batch)
        discriminator_optimizer, generator_optimizer = self.player_optimizers()
        with torch.set_grad_enabled(not self.accumulates):
            fake = self.generated(self.generator, source)

        on_real, on_fake = self.judge(source, target), self.judge(source, fake.detach())
        loss = self.loss.discriminator(on_real, on_fake).mean() / 2  # so that it learns more slowly (section 3.3)
        yield discriminator_optimizer, loss

        if self.accumulates:  # so that the activations of several batches are never in memory together
            fake = self.generated(self.generator, source)
        with self.toggled_optimizer(generator_optimizer):
            on_real_again = self.judge(source, target) if self.loss.relativistic else None
            adversarial = self.loss.generator(self.judge(source, fake), on_real_again).mean()
            l1 = self.distance(fake, target)
        yield generator_optimizer, adversarial + self.l1_weight * l1
        scores = {"score_real": on_real.mean(), "score_fake": on_fake.mean(), "l1": l1 / 2}  # as for images in [0, 1]
        self.log_batch({"discriminator": loss, "generator": adversarial, **scores}, progress_bar="l1")

    def evaluation_step(self, stage: str, batch: PairBatch, batch_idx: int) -> None:
        source, target = self.pair(batch)
        fake = self.generated(self.best_generator("a_to_b"), source)
        scores = translation_scores(unsigned(fake), unsigned(target))
        self.log_epoch(stage, {name: values.mean() for name, values in scores.items()}, batch, progress_bar="l1")

    def averages(self) -> Sequence[tuple[int, AveragedModel, nn.Module]]:
        return [(1, self.average, self.generator)] if self.average else []

    def configure_optimizers(self) -> Any:
        return [
            self.player(self.discriminator, self.discriminator_optimizer, self.discriminator_schedule),
            self.player(self.generator, self.generator_optimizer, self.generator_schedule),
        ]

    def pair(self, batch: PairBatch) -> tuple[Tensor, Tensor]:
        """Return sources and targets in [-1, 1].

        Raises:
            GenlabError: for a batch without them, or with images of other shapes.
        """
        source, target = self.part(batch, "source", self.source_shape), self.part(batch, "target", self.image_shape)
        return signed(source), signed(target)

    def judge(self, source: Tensor, target: Tensor) -> Tensor:
        """Return the discriminator's logits for pairs, (B, C, H, W) and (B, C', H, W) in [-1, 1]: (B, ...)."""
        logits: Tensor = self.discriminator(torch.cat([source, target], 1))
        return logits

    def best_generator(self, direction: str) -> nn.Module:
        """Return the EMA of the generator if there is one, else the generator."""
        return self.average or self.generator
