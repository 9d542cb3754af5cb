"""DeepFake: one encoder for several domains, such as two faces, and a decoder for each; a swap is a translation."""

from collections.abc import Callable, Sequence
from functools import partial
from itertools import permutations
from typing import Any

import torch
import torch.nn.functional as F
from torch import Generator, Tensor, nn
from torch.optim import Adam

from genlab.errors import GenlabError
from genlab.facts import DOMAINS
from genlab.losses.reconstruction import ReconstructionError, absolute_difference, absolute_error
from genlab.models.shared.output_check import expect
from genlab.models.shared.signed import signed, unsigned
from genlab.models.shared.translation import Translator
from genlab.networks.conv import ConvEncoder, UpsamplingDecoder
from genlab.networks.corruption import Corruption, ElasticWarp
from genlab.ranges import between, extent
from genlab.recorded import another, as_network
from genlab.types import DomainBatch, Interval, NetworkFactory, OptimizerFactory, ScheduleFactory, Shape


class DeepFake(Translator):
    """Two or more autoencoders that share an encoder, trained to undo a warp of images.

    What the domains have in common, such as pose, light and expression, goes into the code; what tells them apart goes
    into the decoders. An image that is encoded, and decoded as another domain, is translated. Since images are warped,
    the encoder cannot pass pixels on, so that the decoders must know their domain. The idea is that of the 2017 program
    that gave the method its name; there is no paper.

    Args:
        a_shape: (C, H, W) of the images in a.
        image_shape: (C, H, W) of the images in b and any further domains, the same as in a.
        code_size: dimensions of the code.
        encoder: builds the network from images (B, C, H, W) in [0, 1] to codes (B, code_size).
        decoder: builds each domain's network from codes to the logits of images. An already built network is for a, and
            the others are copies of it.
        loss: error of a reconstruction, from logits and the unwarped image to (B,); see
            `genlab.losses.reconstruction`, and `WeightedSum` for several.
        corruption: builds the warp of the encoder's input in training; None for no warp.
        optimizer: builds the optimizer of all parameters.
        schedule: builds its learning-rate schedule; see `genlab.schedules`.
        schedule_interval: what the schedule counts, each "step" of the optimizer or each "epoch".
        num_domains: number of domains; with 3, there is also c.

    Raises:
        GenlabError: for data other than domains of images of one shape.

    Example:
        >>> model = genlab.DeepFake((3, 32, 32), (3, 32, 32), code_size=16)
        >>> model.translate(torch.rand(2, 3, 32, 32), direction="b_to_a").shape
        torch.Size([2, 3, 32, 32])
    """

    disclosure = "Changed by a DeepFake model of genlab: this is no photograph."

    def __init__(
        self,
        a_shape: Shape,
        image_shape: Shape,
        code_size: int = 128,
        encoder: NetworkFactory = ConvEncoder,
        decoder: NetworkFactory = UpsamplingDecoder,
        loss: ReconstructionError = absolute_error,
        corruption: Callable[[], Corruption] | None = ElasticWarp,
        optimizer: OptimizerFactory = Adam,
        schedule: ScheduleFactory | None = None,
        schedule_interval: Interval = "step",
        num_domains: int = 2,
    ) -> None:
        if a_shape is None:  # linked from the command line's data
            raise GenlabError("DeepFake learns from two domains; FolderDomains and ClassDomains are such data")
        if tuple(a_shape) != tuple(image_shape):
            raise GenlabError(f"the shared encoder needs images of one shape, not {a_shape} and {image_shape}")
        extent(code_size=code_size)
        between(2, len(DOMAINS), num_domains=num_domains)
        super().__init__(image_shape)
        self.save_hyperparameters()
        self.a_shape = self.image_shape
        self.batch_names = DOMAINS[:num_domains]
        self.directions = {f"{a}_to_{b}": self.image_shape for a, b in permutations(self.batch_names, 2)}
        self.encoder = as_network(encoder, self.image_shape, code_size)
        self.decoders = self.of_each(decoder, code_size)
        expect(self.encoder, (code_size,), f"DeepFake with code_size {code_size}")
        for network in self.decoders.values():
            expect(network, self.image_shape, f"DeepFake for images of shape {self.image_shape}")
        self.loss = loss
        self.corruption = corruption() if corruption else None
        self.optimizer, self.schedule, self.schedule_interval = optimizer, schedule, schedule_interval

    def training_step(self, batch: DomainBatch, batch_idx: int) -> Tensor:
        metrics = self.errors(batch)
        self.log_batch(metrics, progress_bar="loss")
        return metrics["loss"]

    def evaluation_step(self, stage: str, batch: DomainBatch, batch_idx: int) -> None:
        same_each_time = torch.Generator().manual_seed(batch_idx)
        metrics = self.errors(batch, same_each_time)
        for domain, x in self.domains(batch).items():
            metrics[f"l1_{domain}"] = absolute_difference(self.decoded(x, domain), x).mean()
        self.log_epoch(stage, metrics, batch, progress_bar="loss")

    def configure_optimizers(self) -> Any:
        return self.scheduled(self.optimizer, self.parameters(), self.schedule)

    def errors(self, batch: DomainBatch, generator: Generator | None = None) -> dict[str, Tensor]:
        """Return the losses of all domains and their sum, as scalars; `generator` is for the warp."""
        x = self.domains(batch)
        return self.errors_of(x, self.codes(x, generator))

    def domains(self, batch: DomainBatch) -> dict[str, Tensor]:
        """Return the images of all domains."""
        return {domain: self.part(batch, domain, self.image_shape) for domain in self.batch_names}

    def codes(self, x: dict[str, Tensor], generator: Generator | None = None) -> dict[str, Tensor]:
        """Warp and encode images of all domains: (B, code_size) each."""
        together = torch.cat([*x.values()])  # so that the encoder normalises them together
        seen = together if self.corruption is None else self.corruption(together, generator)
        codes = self.encoder(seen).split([len(images) for images in x.values()])
        return dict(zip(x, codes, strict=True))

    def errors_of(self, x: dict[str, Tensor], codes: dict[str, Tensor]) -> dict[str, Tensor]:
        """Return the losses of images decoded from codes as their own domain's, and their sum, as scalars."""
        errors = {domain: self.loss(self.decoders[domain](codes[domain]), x[domain]).mean() for domain in x}
        return {"loss": torch.stack([*errors.values()]).sum(), **errors}

    def of_each(self, network: NetworkFactory, size: int) -> nn.ModuleDict:
        """Build a network for each domain; an already built one is for a, and the others are copies of it."""
        first, *others = self.batch_names
        networks = {first: as_network(network, self.image_shape, size)}
        networks |= {domain: as_network(another(network), self.image_shape, size) for domain in others}
        return nn.ModuleDict(networks)

    def decoded(self, x: Tensor, domain: str) -> Tensor:
        """Encode images in [0, 1] and decode them as those of a domain, which may be their own: (B, C, H, W)."""
        images: Tensor = self.decoders[domain](self.encoder(x)).sigmoid()
        return images

    def best_generator(self, direction: str) -> Any:
        return partial(self.decoded, domain=direction[-1])

    def generated(self, generator: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
        """Translate images in [-1, 1]."""
        return signed(generator(unsigned(x)))

    def fitted(self, x: Tensor, least: Sequence[int]) -> Tensor:
        """Resize images to the size used in training, since codes are of whole images."""
        return resized(x, least).clamp(-1, 1)

    def restored(self, images: Tensor, size: Sequence[int]) -> Tensor:
        """Resize translations to the size of the images."""
        return resized(images, size).clamp(0, 1)


def resized(images: Tensor, size: Sequence[int]) -> Tensor:
    """Resize images (B, C, H, W) if they have another size."""
    if tuple(images.shape[-2:]) == tuple(size):
        return images
    return F.interpolate(images, tuple(size), mode="bicubic", antialias=True)
