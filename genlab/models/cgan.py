"""The conditional generative adversarial network (Mirza & Osindero 2014, arXiv:1411.1784)."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Generator, Tensor, nn

from genlab.errors import GenlabError
from genlab.losses.adversarial import AdversarialLoss, NonSaturating
from genlab.losses.penalties import Penalty
from genlab.models.adversarial import unsigned
from genlab.models.checks import expect, names_of_classes
from genlab.models.gan import GAN, Player
from genlab.models.inputs import Condition, attributes_of, generator_of, labels_of, of_codes
from genlab.networks.condition import ConditionalGenerator, ConditionChannel, Projection, embedding
from genlab.networks.dcgan import DCGANDiscriminator, DCGANGenerator
from genlab.optimizers import GANAdam
from genlab.ranges import extent
from genlab.types import Interval, NetworkFactory, OptimizerFactory, ScheduleFactory, Shape

ConditionalDiscriminator = Callable[[NetworkFactory, Shape, nn.Module, int], nn.Module]


class CGAN(GAN):
    """A GAN whose players both see a condition: what data know of an image, its label or else its attributes.

    It is trained as a GAN is. `given(condition)` can decode and sample.

    Args:
        image_shape: (C, H, W) of the images.
        num_classes: of labels.
        attribute_names: of attributes.
        class_names: what the classes are called, in the order of their labels; by default 0, 1, 2 and so on.
        code_size: dimensions of the code.
        condition_size: how many numbers a condition becomes.
        generator: builds the network from codes and these numbers to (B, C, H, W), unbounded.
        discriminator: builds the network from images to logits, or to features.
        conditioning: how the discriminator sees the condition: `ConditionChannel` or `Projection`.
        loss: builds the losses of both; see `genlab.losses.adversarial`.
        penalty: builds a further term of the discriminator's loss; see `genlab.losses.penalties`. It warns of batch
            normalisation in the discriminator, which `DCGANDiscriminator` has by default.
        critic_steps: the discriminator's steps for each of the generator's.
        ema_decay: of the moving average of the generator's weights; None for none.
        generator_optimizer: builds the generator's optimizer.
        discriminator_optimizer: builds the discriminator's.
        schedule: builds the schedule of the learning rate of each player that has none of its own; see
            `genlab.schedules`.
        generator_schedule: builds the generator's.
        discriminator_schedule: builds the discriminator's.
        schedule_interval: what schedules count, each "step" (a batch) or each "epoch".
        generator_clip: largest norm of the generator's gradient.
        discriminator_clip: largest norm of the discriminator's.

    Raises GenlabError for data that know no condition, and for more or fewer names than classes.
    """

    source_shape = None

    def __init__(
        self,
        image_shape: Shape,
        num_classes: int = 0,
        attribute_names: Sequence[str] = (),
        class_names: Sequence[str] = (),
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
        if not num_classes and not attribute_names:
            raise GenlabError("a CGAN needs data with labels or attributes; otherwise take a GAN")

        extent(condition_size=condition_size)

        def numbers() -> nn.Module:
            return embedding(num_classes, len(attribute_names), condition_size)

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
        self.num_classes, self.attribute_names = num_classes, tuple(attribute_names)
        self.class_names = names_of_classes(num_classes, class_names)
        if isinstance(self.discriminator, Projection):
            needed_by = f"CGAN with condition_size {condition_size}"
            expect(self.discriminator.features, (condition_size,), needed_by)
        self.batch_names = ("image", "label" if num_classes else "attributes")

    def players(self, batch: Any) -> tuple[Player, Player]:
        """Generator and discriminator under the conditions of a batch."""
        condition = self.condition(batch)
        return lambda z: self.generator(z, condition).tanh(), lambda x: self.discriminator(x, condition)

    def condition(self, batch: Any) -> Tensor:
        """The condition in a batch: labels (B,), or attributes (B, number of attributes); GenlabError without one."""
        name, batch = self.batch_names[1], self.named(batch)
        if not isinstance(batch, Mapping) or name not in batch:
            raise GenlabError(f"this CGAN's condition is the '{name}' of a batch, which has none")
        return self._known(batch[name])

    def given(self, condition: Condition) -> "Given":
        """The model of images under a condition: one for each image, or one for all.

        Args:
            condition: labels (B,), int64, or one or a list of these or of names of classes; or attributes
                (B, number of attributes), 0 or 1, or one or a list of dicts of these by name, others being 0.

        Raises GenlabError for labels or attributes that the model does not know.
        """
        if self.num_classes:
            asked = labels_of(condition, self.class_names)
        else:
            asked = attributes_of(condition, self.attribute_names)
        return Given(self, self._known(asked).to(self.device))

    @of_codes
    def decode(self, z: Tensor) -> Tensor:
        """Codes to images, of each class in turn; see `given`."""
        return self.given(self._classes(len(z))).decode(z)

    def sample(
        self,
        n: int,
        *,
        condition: Condition | None = None,
        seed: int | None = None,
        generator: Generator | None = None,
    ) -> Tensor:
        """`n` images under a condition, as `given` takes it; without one, each class in turn.

        Raises GenlabError when there is none and the conditions are no classes.
        """
        given = self.given(self._classes(n) if condition is None else condition)
        return given.sample(n, seed=seed, generator=generator)

    def _known(self, condition: Tensor) -> Tensor:
        if self.num_classes:
            return self.known_labels(condition, self.num_classes)
        return self.known_attributes(condition, len(self.attribute_names))

    def _classes(self, count: int) -> Tensor:
        if not self.num_classes:
            raise GenlabError("say under which attributes to sample")
        return torch.arange(count) % self.num_classes


class Given:
    """A CGAN under a condition, one for each image or one for all."""

    def __init__(self, model: CGAN, condition: Tensor) -> None:
        self.model, self.condition = model, condition
        self.code_size = model.code_size

    @of_codes
    def decode(self, z: Tensor) -> Tensor:
        """Codes to images, by the averaged generator."""
        return unsigned(self.model.best_generator(z, self.condition).tanh())

    def sample(self, n: int, *, seed: int | None = None, generator: Generator | None = None) -> Tensor:
        """Images of `n` codes: (n, C, H, W); the same for a seed, or a state of a generator on the CPU."""
        return self.decode(torch.randn(n, self.code_size, generator=generator_of(seed, generator)))
