"""DeepFake with a discriminator for each domain that judges the swaps."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Adam

from genlab.losses.adversarial import AdversarialLoss, LeastSquares
from genlab.losses.reconstruction import ReconstructionError, absolute_error
from genlab.models.deepfake import DeepFake
from genlab.models.shared.adversarial import Players, Turns
from genlab.models.shared.output_check import expect
from genlab.models.shared.signed import signed
from genlab.networks.conv import ConvEncoder, UpsamplingDecoder
from genlab.networks.corruption import Corruption, ElasticWarp
from genlab.networks.patch import PatchDiscriminator
from genlab.optimizers import GANAdam
from genlab.ranges import above, at_least, if_given
from genlab.types import DomainBatch, Interval, NetworkFactory, OptimizerFactory, ScheduleFactory, Shape


class AdversarialDeepFake(Players, DeepFake):  # type: ignore[misc]  # its steps return no loss
    """A DeepFake with adversarial training: each domain's discriminator tells swaps from the domain's own images.

    On every batch the discriminators take a step, and then the encoder and the decoders together, down the gradient of
    the reconstruction error and the weighted adversarial loss of the swaps.

    Args:
        a_shape: (C, H, W) of the images in a.
        image_shape: (C, H, W) of the images in b and any further domains, the same as in a.
        code_size: dimensions of the code.
        encoder: builds the network from images to codes; see `DeepFake`.
        decoder: builds each domain's network from codes to the logits of images.
        discriminator: builds each domain's network from images in [-1, 1] to logits (B, 1, ...).
        loss: error of a reconstruction; see `DeepFake`.
        adversarial: builds the losses of both sides; see `genlab.losses.adversarial`.
        adversarial_weight: weight of the adversarial loss per value of an image, since the error is summed over values;
            by default pix2pix's.
        corruption: builds the warp of the encoder's input in training; None for no warp.
        optimizer: builds the optimizer of the encoder and the decoders.
        discriminator_optimizer: builds the optimizer of the discriminators.
        schedule: builds the learning-rate schedules of both sides; see `genlab.schedules`.
        schedule_interval: what schedules count, each "step" (a batch) or each "epoch".
        clip: maximum gradient norm of the encoder and the decoders.
        discriminator_clip: maximum gradient norm of the discriminators.
        num_domains: number of domains; with 3, there is also c.

    Raises:
        GenlabError: for data other than domains of images of one shape, and for weights below 0.
    """

    def __init__(
        self,
        a_shape: Shape,
        image_shape: Shape,
        code_size: int = 128,
        encoder: NetworkFactory = ConvEncoder,
        decoder: NetworkFactory = UpsamplingDecoder,
        discriminator: NetworkFactory = PatchDiscriminator,
        loss: ReconstructionError = absolute_error,
        adversarial: Callable[[], AdversarialLoss] = LeastSquares,
        adversarial_weight: float = 0.01,
        corruption: Callable[[], Corruption] | None = ElasticWarp,
        optimizer: OptimizerFactory = Adam,
        discriminator_optimizer: OptimizerFactory = GANAdam,
        schedule: ScheduleFactory | None = None,
        schedule_interval: Interval = "step",
        clip: float | None = None,
        discriminator_clip: float | None = None,
        num_domains: int = 2,
    ) -> None:
        at_least(0, adversarial_weight=adversarial_weight)
        above(0, **if_given(clip=clip, discriminator_clip=discriminator_clip))
        super().__init__(
            a_shape, image_shape, code_size, encoder, decoder, loss, corruption, optimizer, schedule,
            schedule_interval, num_domains,
        )  # fmt: skip
        self.clips = {"discriminator": discriminator_clip, "autoencoder": clip}
        self.discriminators = self.of_each(discriminator, 1)
        for network in self.discriminators.values():
            expect(network, (1,), "AdversarialDeepFake for its logits", patches=True)
        self.adversarial, self.adversarial_weight = adversarial(), adversarial_weight
        self.discriminator_optimizer = discriminator_optimizer

    def turns(self, batch: DomainBatch) -> Turns:
        x = self.domains(batch)
        discriminator_optimizer, optimizer = self.player_optimizers()
        with torch.set_grad_enabled(not self.accumulates):
            codes = self.codes(x)
            swaps = self.swapped(codes)

        losses = [self.adversarial.discriminator(self.real(x, d), self.judge(swaps[d].detach(), d)) for d in x]
        discriminator = torch.stack([loss.mean() for loss in losses]).sum()
        yield discriminator_optimizer, discriminator

        if self.accumulates:  # so that the activations of several batches are never in memory together
            codes = self.codes(x)
            swaps = self.swapped(codes)
        with self.toggled_optimizer(optimizer):
            real = {domain: self.real(x, domain) if self.adversarial.relativistic else None for domain in x}
            losses = [self.adversarial.generator(self.judge(swaps[d], d), real[d]) for d in x]
            adversarial = torch.stack([loss.mean() for loss in losses]).sum()
            metrics = self.errors_of(x, codes)
        yield optimizer, metrics["loss"] + self.adversarial_weight * x["a"][0].numel() * adversarial
        self.log_batch(metrics | {"discriminator": discriminator, "adversarial": adversarial}, progress_bar="loss")

    def configure_optimizers(self) -> Any:
        return [
            self.player(self.discriminators, self.discriminator_optimizer, self.schedule),
            self.player(nn.ModuleList([self.encoder, self.decoders]), self.optimizer, self.schedule),
        ]

    def swapped(self, codes: dict[str, Tensor]) -> dict[str, Tensor]:
        """Decode, for each domain, the codes of all others as its images: (B * other domains, C, H, W) in [0, 1]."""
        others = {domain: [codes[other] for other in codes if other != domain] for domain in codes}
        return {domain: self.decoders[domain](torch.cat(others[domain])).sigmoid() for domain in codes}

    def real(self, x: dict[str, Tensor], domain: str) -> Tensor:
        """Return a domain's discriminator logits for its own images, each repeated as often as it is swapped."""
        return torch.cat([self.judge(x[domain], domain)] * (len(x) - 1))

    def judge(self, x: Tensor, domain: str) -> Tensor:
        """Return the logits of a domain's discriminator for images (B, C, H, W) in [0, 1]: (B, 1, ...)."""
        logits: Tensor = self.discriminators[domain](signed(x))
        return logits
