"""The conditional generative adversarial network (Mirza & Osindero 2014, arXiv:1411.1784)."""

from collections.abc import Callable
from functools import partial
from typing import Any

from torch import Tensor, nn

from genlab.capabilities import Conditional, Decodes, DrawsCodes, Samples
from genlab.conditions import condition_of
from genlab.errors import GenlabError
from genlab.losses.adversarial import AdversarialLoss, NonSaturating
from genlab.losses.penalties import Penalty
from genlab.models.gan import GAN, Player
from genlab.models.shared.calls import of_codes
from genlab.models.shared.codes import Prior
from genlab.models.shared.conditional import ConditionalModel
from genlab.models.shared.output_check import expect
from genlab.models.shared.signed import unsigned
from genlab.networks.condition import ConditionalGenerator, ConditionChannel, Projection
from genlab.networks.dcgan import DCGANDiscriminator, DCGANGenerator
from genlab.optimizers import GANAdam
from genlab.ranges import extent
from genlab.types import Interval, NetworkFactory, OptimizerFactory, ScheduleFactory, Shape

ConditionalDiscriminator = Callable[[NetworkFactory, Shape, nn.Module, int], nn.Module]


class Given(Prior):
    """A CGAN under given conditions, one for each image or one for all."""

    capabilities: tuple[type, ...] = (Decodes, DrawsCodes, Samples)

    def __init__(self, model: "CGAN", condition: Tensor) -> None:
        self.model, self.condition = model, condition
        self.code_shape, self.device = model.code_shape, model.device

    @of_codes
    def decode(self, z: Tensor) -> Tensor:
        """Decode codes to images, (B, C, H, W) in [0, 1], with the EMA generator."""
        return unsigned(self.model.generated(self.model.best_generator, z, self.condition))


class CGAN(ConditionalModel, GAN):
    """A GAN whose generator and discriminator both see a condition: an image's label or, without labels, attributes.

    It is trained like a GAN. `given(condition)` can decode and sample.

    Args:
        image_shape: (C, H, W) of the images.
        num_classes: number of classes.
        attribute_names: names of the attributes.
        class_names: names of the classes, in the order of their labels; by default 0, 1, 2 and so on.
        code_size: dimensions of the code.
        condition_size: size of a condition's embedding.
        generator: builds the network from codes and embeddings to (B, C, H, W), unbounded.
        discriminator: builds the network from images to logits, or to features.
        conditioning: how the discriminator sees the condition: `ConditionChannel` or `Projection`.
        loss: builds the losses of both networks; see `genlab.losses.adversarial`.
        penalty: builds an extra term of the discriminator's loss; see `genlab.losses.penalties`. It warns of batch
            normalisation in the discriminator, which `DCGANDiscriminator` has by default.
        critic_steps: discriminator steps per generator step.
        ema_decay: decay of the EMA of the generator's weights; None for no EMA.
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
        code_size: int = 100,
        condition_size: int = 64,
        generator: NetworkFactory = DCGANGenerator,
        discriminator: NetworkFactory = DCGANDiscriminator,
        conditioning: ConditionalDiscriminator = ConditionChannel,
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
        condition = condition_of(num_classes, class_names, attribute_names)
        if condition is None:
            raise GenlabError("a CGAN needs data with labels or attributes; otherwise use a GAN")

        extent(condition_size=condition_size)
        numbers = partial(condition.embedding, condition_size)

        super().__init__(
            image_shape,
            code_size,
            lambda shape, size: ConditionalGenerator(generator, shape, size, numbers(), condition_size),
            lambda shape, size: conditioning(discriminator, shape, numbers(), condition_size),
            loss,
            penalty,
            critic_steps,
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
            needed_by = f"CGAN with condition_size {condition_size}"
            expect(self.discriminator.features, (condition_size,), needed_by)

    def players(self, batch: Any) -> tuple[Player, Player]:
        """Return the generator and the discriminator under the conditions of a batch."""
        condition = self.condition.find(batch, self)
        return lambda z: self.generated(self.generator, z, condition), lambda x: self.discriminator(x, condition)

    @of_codes
    def decode(self, z: Tensor) -> Tensor:
        """Decode codes under each class in turn; see `given`."""
        images: Tensor = self.given(self.condition.in_turn(len(z))).decode(z)
        return images
