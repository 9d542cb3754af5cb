"""CycleGAN, translation learned from two unpaired domains (Zhu et al. 2017, arXiv:1703.10593)."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from genlab.errors import GenlabError
from genlab.losses.adversarial import AdversarialLoss, LeastSquares
from genlab.models.shared.adversarial import Players, Turns
from genlab.models.shared.ema import moving_average
from genlab.models.shared.output_check import expect
from genlab.models.shared.replay import ImagePool
from genlab.models.shared.signed import SignedGenerators, signed
from genlab.models.shared.translation import Translator, linear_decay
from genlab.networks.patch import PatchDiscriminator
from genlab.networks.resnet import ResNetGenerator
from genlab.optimizers import GANAdam
from genlab.ranges import above, at_least, if_given
from genlab.recorded import another, as_network
from genlab.types import DomainBatch, Interval, NetworkFactory, OptimizerFactory, ScheduleFactory, Shape


class CycleGAN(SignedGenerators, Translator, Players):
    """Two generators, from a to b and back, and a discriminator for each domain.

    The generators' loss is the adversarial loss, plus `cycle_weight` times the distance of an image from its round trip
    (equation 3), plus `identity_weight` times how far a generator changes images that already are of its target domain
    (section 5.2). The discriminators also see earlier images, from a pool (section 4). All work on images in [-1, 1];
    generated images are the networks' outputs through `output_activation`.

    Args:
        a_shape: (C, H, W) of the images in a.
        image_shape: (C', H, W) of the images in b.
        generator: builds the network from images of one domain to (B, C, H, W), unbounded, given their shape and the
            channels of the other domain. An already built network goes from a to b, and a copy of it from b to a.
        discriminator: builds the network from images to logits, a single one or one per patch. An already built network
            is for a, and a copy of it for b.
        loss: builds the losses of both sides; see `genlab.losses.adversarial`.
        cycle_weight: weight of the mean absolute differences of round trips.
        identity_weight: weight of the mean absolute differences of identity mappings; at 0, they are not computed.
        pool_size: number of images in each domain's pool; 0 for no pool.
        ema_decay: decay of the EMA of the generators' weights, which `translate` uses; None for no EMA.
        generator_optimizer: builds the optimizer of both generators.
        discriminator_optimizer: builds the optimizer of both discriminators.
        decay_from: the share of training after which the learning rates of players without a schedule fall linearly to
            0; None for never.
        schedule: builds the learning-rate schedule of each player that has none of its own; see `genlab.schedules`.
        generator_schedule: builds the schedule of both generators.
        discriminator_schedule: builds the schedule of both discriminators.
        schedule_interval: what schedules count, each "step" (a batch) or each "epoch".
        generator_clip: maximum norm of both generators' gradient.
        discriminator_clip: maximum norm of both discriminators' gradient.

    Raises:
        GenlabError: for data other than two domains, and for an identity loss if their numbers of channels differ.
    """

    batch_names = ("a", "b")

    def __init__(
        self,
        a_shape: Shape,
        image_shape: Shape,
        generator: NetworkFactory = ResNetGenerator,
        discriminator: NetworkFactory = PatchDiscriminator,
        loss: Callable[[], AdversarialLoss] = LeastSquares,
        cycle_weight: float = 10.0,
        identity_weight: float = 5.0,
        pool_size: int = 50,
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
        if a_shape is None:  # linked from the command line's data
            raise GenlabError("CycleGAN learns from two domains; DomainsFromPairs and AttributeDomains make them")
        at_least(0, cycle_weight=cycle_weight, identity_weight=identity_weight, pool_size=pool_size)
        above(0, **if_given(generator_clip=generator_clip, discriminator_clip=discriminator_clip))
        channels, height, width = a_shape
        if identity_weight and channels != image_shape[0]:
            raise GenlabError(
                f"identity_weight needs domains with equally many channels, not {channels} and {image_shape[0]}; "
                "set it to 0"
            )
        super().__init__(image_shape)
        self.save_hyperparameters()
        self.clips = {"generator": generator_clip, "discriminator": discriminator_clip}
        self.a_shape: Shape = (channels, height, width)
        self.directions = {"a_to_b": self.a_shape, "b_to_a": self.image_shape}
        made = {"a_to_b": self.image_shape, "b_to_a": self.a_shape}
        self.generators = two(generator, {way: (shape, made[way][0]) for way, shape in self.directions.items()})
        self.discriminators = two(discriminator, {"a": (self.a_shape, 1), "b": (self.image_shape, 1)})
        for way, shape in made.items():
            expect(self.generators[way], (shape[0], None, None), f"CycleGAN for images of shape {shape}")
        for each in self.discriminators.values():
            expect(each, (1,), "CycleGAN for its logits", patches=True)
        self.average = moving_average(self.generators, ema_decay) if ema_decay else None
        self.pools = {"a": ImagePool(pool_size), "b": ImagePool(pool_size)}
        self.loss = loss()
        self.cycle_weight, self.identity_weight = cycle_weight, identity_weight
        self.generator_optimizer, self.discriminator_optimizer = generator_optimizer, discriminator_optimizer
        schedule = schedule or linear_decay(decay_from)
        self.generator_schedule = generator_schedule or schedule
        self.discriminator_schedule = discriminator_schedule or schedule
        self.schedule_interval = schedule_interval

    def turns(self, batch: DomainBatch) -> Turns:
        a, b = self.domains(batch)
        generator_optimizer, discriminator_optimizer = self.player_optimizers()

        with self.toggled_optimizer(generator_optimizer):
            fake_a, fake_b = self.b_to_a(b), self.a_to_b(a)
            adversarial = self.adversarial_loss("a", fake_a, a) + self.adversarial_loss("b", fake_b, b)
            cycle = self.distance(self.b_to_a(fake_b), a) + self.distance(self.a_to_b(fake_a), b)
            loss = adversarial + self.cycle_weight * cycle
            metrics = {"generator": adversarial, "cycle": cycle / 2}  # as for images in [0, 1]
            if self.identity_weight:
                identity = self.distance(self.b_to_a(a), a) + self.distance(self.a_to_b(b), b)
                loss = loss + self.identity_weight * identity
                metrics["identity"] = identity / 2
        yield generator_optimizer, loss

        loss = torch.zeros((), device=self.device)
        for domain, real, fake in (("a", a, fake_a), ("b", b, fake_b)):
            on_real = self.discriminators[domain](real)
            on_fake = self.discriminators[domain](self.pools[domain](fake.detach()))
            loss = loss + self.loss.discriminator(on_real, on_fake).mean()
            metrics |= {f"score_real_{domain}": on_real.mean(), f"score_fake_{domain}": on_fake.mean()}
        yield discriminator_optimizer, loss

        self.log_batch({"discriminator": loss, **metrics}, progress_bar="cycle")

    def evaluation_step(self, stage: str, batch: DomainBatch, batch_idx: int) -> None:
        a, b = self.domains(batch)
        a_to_b, b_to_a = (partial(self.generated, self.best_generator(direction)) for direction in self.directions)
        cycle = self.distance(b_to_a(a_to_b(a)), a) + self.distance(a_to_b(b_to_a(b)), b)
        self.log_epoch(stage, {"cycle": cycle / 2}, batch, progress_bar="cycle")

    def averages(self) -> Sequence[tuple[int, AveragedModel, nn.Module]]:
        return [(0, self.average, self.generators)] if self.average else []

    def configure_optimizers(self) -> Any:
        return [
            self.player(self.generators, self.generator_optimizer, self.generator_schedule),
            self.player(self.discriminators, self.discriminator_optimizer, self.discriminator_schedule),
        ]

    def domains(self, batch: DomainBatch) -> tuple[Tensor, Tensor]:
        """Return images of a and of b in [-1, 1].

        Raises:
            GenlabError: for a batch without them, or with images of other shapes.
        """
        a, b = self.part(batch, "a", self.a_shape), self.part(batch, "b", self.image_shape)
        return signed(a), signed(b)

    def a_to_b(self, a: Tensor) -> Tensor:
        """Translate images of a to images of b, in [-1, 1]."""
        return self.generated(self.generators["a_to_b"], a)

    def b_to_a(self, b: Tensor) -> Tensor:
        """Translate images of b to images of a, in [-1, 1]."""
        return self.generated(self.generators["b_to_a"], b)

    def adversarial_loss(self, domain: str, fake: Tensor, real: Tensor) -> Tensor:
        """Return the generators' loss of images that should pass for ones of a domain: a scalar."""
        discriminator = self.discriminators[domain]
        on_real = discriminator(real) if self.loss.relativistic else None
        return self.loss.generator(discriminator(fake), on_real).mean()

    def best_generator(self, direction: str) -> nn.Module:
        """Return the generator of a direction, or its EMA if there is one."""
        generators = self.average.module if self.average else self.generators
        return cast(nn.ModuleDict, generators)[direction]

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Save the pools of the first process too."""
        super().on_save_checkpoint(checkpoint)
        checkpoint["pools"] = {domain: pool.images for domain, pool in self.pools.items()}

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Resume with the saved pools."""
        super().on_load_checkpoint(checkpoint)
        for domain, images in checkpoint.get("pools", {}).items():
            self.pools[domain].images = images


def two(network: NetworkFactory, arguments: Mapping[str, tuple[Shape, int]]) -> nn.ModuleDict:
    """Build two networks, each from its arguments; an already built one is the first, and a copy of it the second."""
    (first, of_first), (second, of_second) = arguments.items()
    return nn.ModuleDict({first: as_network(network, *of_first), second: as_network(another(network), *of_second)})
