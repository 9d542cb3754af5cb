"""DeepFake with a discriminator for each domain, which judges the swaps."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Adam

from genlab.losses.adversarial import AdversarialLoss, LeastSquares
from genlab.losses.reconstruction import ReconstructionError, absolute_error
from genlab.models.adversarial import Players, Turns
from genlab.models.deepfake import DeepFake
from genlab.models.output_check import expect
from genlab.models.signed import signed
from genlab.networks.conv import ConvEncoder, UpsamplingDecoder
from genlab.networks.corruption import Corruption, ElasticWarp
from genlab.networks.patch import PatchDiscriminator
from genlab.optimizers import GANAdam
from genlab.ranges import above, at_least, if_given
from genlab.types import DomainBatch, Interval, NetworkFactory, OptimizerFactory, ScheduleFactory, Shape


class AdversarialDeepFake(Players, DeepFake):  # type: ignore[misc]  # whose steps return no loss
    """A DeepFake whose swaps are judged in training: a discriminator of each domain tells them from its images.

    With every batch the discriminators make a step, and then the encoder and the decoders together, down the error of
    reconstructions and the weighted adversarial loss of swaps.

    Args:
        a_shape: (C, H, W) of the images in a.
        image_shape: (C, H, W) of the images in b and further domains, the same.
        code_size: dimensions of the code.
        encoder: builds the network from images to codes; see `DeepFake`.
        decoder: builds each domain's network from codes to the logits of images.
        discriminator: builds each domain's network from images in [-1, 1] to logits (B, 1, ...).
        loss: error of a reconstruction; see `DeepFake`.
        adversarial: builds the losses of both sides; see `genlab.losses.adversarial`.
        adversarial_weight: of the adversarial loss for each value of an image, beside the error that is summed over
            them; by default pix2pix's.
        corruption: builds the warp of the encoder's input in training; None for none.
        optimizer: builds the optimizer of the encoder and the decoders.
        discriminator_optimizer: builds the discriminators'.
        schedule: builds the schedule of the learning rates of both sides; see `genlab.schedules`.
        schedule_interval: what it counts, each "step" (a batch) or each "epoch".
        clip: largest norm of the gradient of the encoder and the decoders.
        discriminator_clip: largest norm of the discriminators'.
        num_domains: domains that there are; with 3, c is one too.

    Raises:
        GenlabError: for data that are no domains of images of one shape, and weights below 0.
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

        if self.accumulates:  # so that no memory holds the activations of several batches
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
        """Decode the codes of all other domains as images of each: (B * other domains, C, H, W) in [0, 1]."""
        others = {domain: [codes[other] for other in codes if other != domain] for domain in codes}
        return {domain: self.decoders[domain](torch.cat(others[domain])).sigmoid() for domain in codes}

    def real(self, x: dict[str, Tensor], domain: str) -> Tensor:
        """Return the logits of a domain's images by its discriminator, as often as there are swaps of each image."""
        return torch.cat([self.judge(x[domain], domain)] * (len(x) - 1))

    def judge(self, x: Tensor, domain: str) -> Tensor:
        """Return the logits of images (B, C, H, W) in [0, 1] by a domain's discriminator: (B, 1, ...)."""
        logits: Tensor = self.discriminators[domain](signed(x))
        return logits
