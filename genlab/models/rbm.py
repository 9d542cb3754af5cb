"""The restricted Boltzmann machine, trained by contrastive divergence (Hinton 2002; Tieleman 2008)."""

import math
from collections import deque
from collections.abc import Callable
from typing import Any

import torch
from lightning.pytorch.utilities import rank_zero_info
from torch import Generator, Tensor, nn

from genlab.boltzmann.machine import BoltzmannMachine
from genlab.boltzmann.units import BinaryUnits, VisibleUnits, draw_binary
from genlab.capabilities import Completes, Decodes, Encodes, HasPartition, Reconstructs, Samples, SamplesInSteps
from genlab.models.shared.boltzmann_health import BoltzmannHealth, mixing
from genlab.models.shared.calls import of_codes, of_images
from genlab.models.shared.codes import Codec
from genlab.models.shared.gibbs import GibbsModel
from genlab.optimizers import MachineSGD
from genlab.precision import doubled
from genlab.ranges import at_least, extent
from genlab.recorded import as_network
from genlab.types import Interval, OptimizerFactory, ScheduleFactory, Shape

RECENT = 1000
"""Number of the most recent training images that validation images are compared with."""
FOLLOWED = 100
"""Number of validation images from which chains start, to see whether they mix."""


class RBM(Codec, GibbsModel):
    """A restricted Boltzmann machine: p(x) is proportional to exp(-F(x)), where F is a free energy.

    Every pair of a pixel and a hidden unit has a weight.

    The gradient of -log p(x) is that of F(x) minus its mean over p(x). The loss is F of images minus F of negative
    samples, through which no gradient flows, so any optimizer works. Negative samples are the images after a few
    Gibbs steps (CD-k), or chains that continue from batch to batch (PCD) and are saved in the checkpoint.

    The very first batch sets the base-rate model, the visible biases, and the scale of Gaussian units. Under DDP all
    processes continue the chains of the first one, each with its own noise.

    Args:
        image_shape: (C, H, W) of the images.
        hidden: number of hidden units.
        visible: builds the visible units: `BinaryUnits`, or `GaussianUnits` for real values; see `genlab.boltzmann`.
        gibbs_steps: Gibbs steps, from images or of chains, to negative samples: the k of CD-k.
        chains: number of persistent chains; 0 for contrastive divergence.
        weight_decay: weight of half the sum of squared weights in the loss; biases do not decay.
        sparsity: builds a penalty on the probabilities of hidden units that is added to the loss, such as `TargetRate`.
        optimizer: builds the optimizer of all parameters.
        schedule: builds its learning-rate schedule; see `genlab.schedules`.
        schedule_interval: what the schedule counts, each "step" of the optimizer or each "epoch".

    Example:
        >>> model = genlab.RBM(image_shape=(1, 8, 8), hidden=30, gibbs_steps=5, chains=100)
        >>> model.encode(torch.rand(2, 1, 8, 8)).shape
        torch.Size([2, 30])
    """

    capabilities: tuple[type, ...] = (Encodes, Decodes, Reconstructs, Samples, SamplesInSteps, Completes, HasPartition)
    monitor = None
    is_bound = False
    chains: Tensor
    is_measured: Tensor

    def __init__(
        self,
        image_shape: Shape,
        hidden: int = 500,
        visible: Callable[[int], VisibleUnits] = BinaryUnits,
        gibbs_steps: int = 1,
        chains: int = 0,
        weight_decay: float = 0.0,
        sparsity: Callable[[], nn.Module] | None = None,
        optimizer: OptimizerFactory = MachineSGD,
        schedule: ScheduleFactory | None = None,
        schedule_interval: Interval = "step",
    ) -> None:
        super().__init__(image_shape)
        extent(hidden=hidden, gibbs_steps=gibbs_steps)
        at_least(0, chains=chains, weight_decay=weight_decay)
        self.save_hyperparameters()
        pixels = math.prod(self.image_shape)
        self.machine = BoltzmannMachine(as_network(visible, pixels), hidden)
        self.code_shape = (hidden,)
        self.gibbs_steps, self.weight_decay = gibbs_steps, weight_decay
        self.sparsity = sparsity() if sparsity else None
        self.optimizer, self.schedule, self.schedule_interval = optimizer, schedule, schedule_interval
        self.register_buffer("chains", torch.zeros(chains, pixels))
        self.register_buffer("is_measured", torch.zeros((), dtype=torch.bool))
        self._health = BoltzmannHealth(pixels)

    def setup(self, stage: str) -> None:
        """Forget the images of other data."""
        super().setup(stage)
        self._told_of_grey: bool | None = None
        self._recent: deque[Tensor] = deque()
        self._followed: Tensor | None = None
        self._recent_energy: Tensor | None = None

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        pixels = self.images(batch).flatten(1)
        if batch_idx == 0 and not self.is_measured:  # on a GPU, reading it in each step is slow
            self.measure(pixels)
        v = self._drawn(pixels)
        self._remember(v)
        with torch.no_grad():
            inputs = self.machine.inputs(v)
        negative = self.negatives(v, inputs=inputs)
        if len(self.chains):
            self.chains.copy_(negative)
        loss, inputs = self.machine.divergence(v, negative, inputs)
        metrics = {"loss": loss}
        if self.weight_decay:
            loss = loss + 0.5 * self.weight_decay * self.machine.hidden.weight.square().sum()
        if self.sparsity is not None:
            metrics["sparsity"] = self.sparsity(inputs.sigmoid())
            loss = loss + metrics["sparsity"]
        self.log_batch(metrics, progress_bar="loss")
        return loss

    def negatives(self, v: Tensor, generator: Generator | None = None, inputs: Tensor | None = None) -> Tensor:
        """Return negative samples: persistent chains, or else the images (B, pixels), after the Gibbs steps.

        `inputs` are those of the hidden units given `v`, if already computed.
        """
        start, known = (self.chains, None) if len(self.chains) else (v, inputs)
        return self.machine.gibbs(start, self.gibbs_steps, generator, known)

    @torch.no_grad()
    def measure(self, pixels: Tensor) -> None:
        """Set the base-rate model and the biases and scales of visible units from images, and draw initial chains."""
        everywhere = self.all_gather(pixels).flatten(0, -2)  # type: ignore[union-attr]  # (processes, B, pixels)
        self.machine.visible.measure(everywhere)
        if len(self.chains):
            self.chains.copy_(self.machine.draw_base(len(self.chains)))
        self.is_measured.fill_(True)

    def evaluation_step(self, stage: str, batch: Any, batch_idx: int) -> None:
        same_each_time = torch.Generator().manual_seed(batch_idx)
        pixels = self.images(batch).flatten(1)
        v = self.states(pixels, same_each_time)
        inputs = self.machine.inputs(v)
        energy = self.machine.free_energy(v, inputs).mean()
        error = (self.machine.visible.to_pixels(self.machine.smoothed(v)) - pixels).square().sum(1).mean()
        negatives = self.chains if len(self.chains) else self.negatives(v, same_each_time)
        metrics = {"loss": energy - self.machine.free_energy(negatives).mean(), "reconstruction": error}
        gap = None if self._recent_energy is None else energy - self._recent_energy
        if gap is not None:
            metrics["free_energy_gap"] = gap
        self.log_epoch(stage, metrics, batch, progress_bar="reconstruction")
        self._health.add(inputs.sigmoid(), error, gap)
        if self._followed is None:
            self._followed = v[:FOLLOWED]

    def on_validation_start(self) -> None:
        """Compute the free energy of recent training images with the current weights."""
        super().on_validation_start()
        self._recent_energy = self.machine.free_energy(torch.cat([*self._recent])).mean() if self._recent else None

    def on_validation_epoch_end(self) -> None:
        """Log the health of units and chains, and warn of what has been bad for several epochs."""
        super().on_validation_epoch_end()
        if self._followed is not None:
            mixed = mixing(self.machine, self._followed, torch.Generator().manual_seed(0))
            signs = self._health.end_epoch(mixed, judge=not self.trainer.sanity_checking)
            self.log_dict({f"val/{name}": value for name, value in signs.items()}, sync_dist=True)
            self._followed = None

    def configure_optimizers(self) -> Any:
        return self.scheduled(self.optimizer, self.parameters(), self.schedule)

    @of_images
    def encode(self, x: Tensor) -> Tensor:
        """Encode images (B, C, H, W) to the probabilities of hidden units: (B, hidden)."""
        units = self.machine.visible
        return self.machine.hidden_mean(units.from_pixels(self.seen(x).flatten(1)))

    @of_codes
    def decode(self, z: Tensor) -> Tensor:
        """Decode values of hidden units (B, hidden) to the means of pixels: (B, C, H, W) in [0, 1]."""
        units = self.machine.visible
        return units.to_pixels(units.mean(self.machine.inputs_of_visible(z))).view(-1, *self.image_shape)

    @of_images
    def free_energy(self, x: Tensor) -> Tensor:
        """Return the free energy of images, (B,), in nats: -log p(x) up to a constant. Binary units need 0s and 1s."""
        return self.machine.free_energy(self.machine.visible.from_pixels(self.seen(x).flatten(1)))

    @of_images
    @torch.no_grad()
    def unnormalized(self, x: Tensor, generator: Generator | None = None) -> Tensor:
        """Return log p(x) + log Z in nats, (B,); binary units are drawn from grey pixels with the generator."""
        v = self.states(self.seen(x).flatten(1), generator)
        return -doubled(self.machine.free_energy(v)) - self.machine.visible.log_volume()

    @property
    def top(self) -> BoltzmannMachine:
        """The machine itself."""
        return self.machine

    def states(self, pixels: Tensor, generator: Generator | None = None) -> Tensor:
        """Return visible units for flattened images (B, pixels); binary ones are drawn from grey pixels."""
        units = self.machine.visible
        return units.from_pixels(pixels if units.takes_grey else draw_binary(pixels, generator))

    def pictures(self, v: Tensor, generator: Generator) -> Tensor:
        """Return images (B, C, H, W) as means of pixels, given hidden units drawn from visible ones."""
        return self.decode(self.machine.hidden_units.draw(self.machine.inputs(v), generator))

    def held(self, v: Tensor, pixels: Tensor, mask: Tensor, generator: Generator) -> Tensor:
        """Return visible units that keep the pixels of images where a mask is 0."""
        return torch.where(mask, v, self.states(pixels, generator))

    def _drawn(self, pixels: Tensor) -> Tensor:
        """Return visible units for training; binary ones are drawn from grey pixels, of which users are told once.

        On a CPU, where drawing takes long, black and white batches are not drawn; drawing would leave them as they are.
        On a GPU, where looking at a batch takes longer, all are drawn, and only the first is looked at.
        """
        units = self.machine.visible
        if units.takes_grey:
            return units.from_pixels(pixels)
        is_grey = True
        if pixels.is_cpu or self._told_of_grey is None:
            is_grey = not torch.equal(pixels * pixels, pixels)
            if is_grey and not self._told_of_grey:
                rank_zero_info(
                    f"images have grey values: {type(units).__name__} take these as probabilities, and each batch is "
                    "drawn anew in black and white; for real-valued units, give --model.visible GaussianUnits"
                )
            self._told_of_grey = is_grey or bool(self._told_of_grey)
        return units.from_pixels(draw_binary(pixels) if is_grey or not pixels.is_cpu else pixels)

    def _remember(self, v: Tensor) -> None:
        """Keep the most recent training images."""
        self._recent.append(v)
        while len(self._recent) > 1 and sum(map(len, self._recent)) - len(self._recent[0]) >= RECENT:
            self._recent.popleft()
