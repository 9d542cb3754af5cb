"""Conditional StyleGAN (Karras et al. 2020b, arXiv:2006.06676, appendix D), with a conditional discriminator."""

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor

from genlab.capabilities import Conditional, Decodes, DrawsCodes, Samples, Styled
from genlab.conditions import condition_of
from genlab.errors import GenlabError
from genlab.losses.adversarial import AdversarialLoss, NonSaturating
from genlab.losses.path_length import PathLength
from genlab.losses.penalties import Penalty, ScaledR1
from genlab.models.cgan import ConditionalDiscriminator
from genlab.models.gan import Player
from genlab.models.shared.calls import of_codes
from genlab.models.shared.conditional import ConditionalModel
from genlab.models.shared.output_check import expect
from genlab.models.shared.styles import Styles
from genlab.models.stylegan import StyleGAN
from genlab.networks.adaptive_augmentation import AdaptiveAugmentation
from genlab.networks.condition import Projection, repeated
from genlab.networks.residual_discriminator import ResidualDiscriminator
from genlab.networks.style_generator import ConditionalStyleGenerator, StyleGenerator
from genlab.optimizers import StyleAdam
from genlab.ranges import extent
from genlab.types import Interval, NetworkFactory, OptimizerFactory, ScheduleFactory, Shape

CODES = 1000
"""Number of codes over which `Given` averages styles."""


class Given(Styles):
    """A CStyleGAN under given conditions, one for each image or one for all."""

    capabilities: tuple[type, ...] = (Decodes, DrawsCodes, Samples, Styled)

    def __init__(self, model: "CStyleGAN", condition: Tensor) -> None:
        self.model, self.condition = model, condition
        self.code_shape, self.device = model.code_shape, model.device
        self.num_layers, self.style_size, self.truncation = model.num_layers, model.style_size, model.truncation

    @property
    def mean_style(self) -> Tensor:  # type: ignore[override]
        """Moving average of the styles under all conditions, (style_size,)."""
        return self.model.mean_style

    def best_mapping(self, z: Tensor) -> Tensor:
        w: Tensor = self.model.best.mapping(z, repeated(self.condition, z.shape[0]))
        return w

    def center(self, n: int) -> Tensor:
        """Return the mean style under each condition, (n, style_size), so that truncated images keep their condition.

        The mean is over the same codes each time.
        """
        codes = torch.randn(CODES, *self.code_shape, generator=torch.Generator().manual_seed(0)).to(
            self.model.mean_style
        )
        each, places = torch.unique(self.condition, dim=0, return_inverse=True)
        means = [self.model.best.mapping(codes, repeated(one[None], CODES)).mean(0) for one in each]
        return repeated(torch.stack(means)[places], n)


class CStyleGAN(ConditionalModel, StyleGAN):
    """A StyleGAN whose generator and discriminator both see a condition: an image's label or, without one, attributes.

    The mapping network gets its embedding beside the code. `given(condition)` decodes, samples and has styles.

    Args:
        image_shape: (C, H, W) of the images.
        num_classes: number of classes.
        attribute_names: names of the attributes.
        class_names: names of the classes, in the order of their labels; by default 0, 1, 2 and so on.
        code_size: dimensions of the code.
        condition_size: size of a condition's embedding.
        generator: builds the network from codes and embeddings to images; see `StyleGAN`.
        discriminator: builds the network from images to features, or to logits.
        conditioning: how the discriminator sees the condition: `Projection` or `ConditionChannel`.
        loss: builds the losses of both networks; see `genlab.losses.adversarial`.
        penalty: builds the discriminator's penalty; see `StyleGAN`.
        penalty_every: batches between penalties, which are multiplied by it.
        path_length: builds the generator's path-length penalty, `genlab.losses.PathLength`; None for none.
        path_every: batches between path-length penalties, which are multiplied by it.
        mixing: probability that a training image is generated from the styles of two codes.
        augment: builds the augmentation of the images that the discriminator sees; None for none.
        ema_decay: decay of the EMA of the generator's weights; None for no EMA.
        generator_optimizer: builds the generator's optimizer; see `StyleGAN`.
        discriminator_optimizer: builds the discriminator's optimizer.
        schedule: builds the learning-rate schedule of each network that has none of its own; see
            `genlab.schedules`.
        generator_schedule: builds the generator's schedule.
        discriminator_schedule: builds the discriminator's schedule.
        schedule_interval: what schedules count, each "step" (a batch) or each "epoch".
        generator_clip: maximum norm of the generator's gradient.
        discriminator_clip: maximum norm of the discriminator's gradient.

    Raises:
        GenlabError: for data without labels or attributes, and for more or fewer names than classes.
    """

    capabilities: tuple[type, ...] = (Conditional, Samples)
    given_as = Given

    def __init__(
        self,
        image_shape: Shape,
        num_classes: int = 0,
        attribute_names: tuple[str, ...] = (),
        class_names: tuple[str, ...] = (),
        code_size: int = 128,
        condition_size: int = 64,
        generator: NetworkFactory = StyleGenerator,
        discriminator: NetworkFactory = ResidualDiscriminator,
        conditioning: ConditionalDiscriminator = Projection,
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
        condition = condition_of(num_classes, class_names, attribute_names)
        if condition is None:
            raise GenlabError("a CStyleGAN needs data with labels or attributes; otherwise use a StyleGAN")

        extent(condition_size=condition_size)
        numbers = partial(condition.embedding, condition_size)

        super().__init__(
            image_shape,
            code_size,
            lambda shape, size: ConditionalStyleGenerator(generator, shape, size, numbers(), condition_size),
            lambda shape, size: conditioning(discriminator, shape, numbers(), condition_size),
            loss,
            penalty,
            penalty_every,
            path_length,
            path_every,
            mixing,
            augment,
            ema_decay,
            generator_optimizer,
            discriminator_optimizer,
            schedule,
            generator_schedule,
            discriminator_schedule,
            schedule_interval,
            generator_clip,
            discriminator_clip,
        )
        self.condition = condition
        self.batch_names = ("image", condition.key)
        if isinstance(self.discriminator, Projection):
            needed_by = f"CStyleGAN with condition_size {condition_size}"
            expect(self.discriminator.features, (condition_size,), needed_by)

    def mapping(self, batch: Any) -> Player:
        """Return the generator's mapping network under the conditions of a batch."""
        return partial(self.net.mapping, condition=self.condition.find(batch, self))

    def judge(self, batch: Any) -> Player:
        """Return the discriminator under the conditions of a batch; in training, it sees augmented images."""
        return self.seeing(partial(self.discriminator, condition=self.condition.find(batch, self)))

    @of_codes
    def decode(self, z: Tensor) -> Tensor:
        """Decode codes under each class in turn; see `given`."""
        images: Tensor = self.given(self.condition.in_turn(len(z))).decode(z)
        return images

    def best_mapping(self, z: Tensor) -> Tensor:
        raise GenlabError("styles of a CStyleGAN depend on a condition: call this on model.given(condition)")
