"""Deep belief nets: Boltzmann machines trained one on top of the other, then together (Hinton, Osindero & Teh 2006)."""

import math
from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, cast

import torch
from torch import Generator, Tensor, nn

from genlab.boltzmann.hidden import BinaryHiddenUnits, HiddenUnits
from genlab.boltzmann.machine import BoltzmannMachine
from genlab.boltzmann.units import BinaryUnits, LabelledUnits, VisibleUnits, draw_binary
from genlab.errors import GenlabError
from genlab.losses.softplus import softplus
from genlab.models.shared.belief_passes import Passes
from genlab.models.shared.staged import Plan, Stage, StagedModel, StageSchedule
from genlab.precision import at_least_float32
from genlab.ranges import at_least, extent
from genlab.recorded import as_network
from genlab.types import Interval, OptimizerFactory, ScheduleFactory, Shape


@dataclass(frozen=True)
class NetStage(Stage):
    """A training stage of a deep belief net.

    Args:
        level: the machine to train, counted from 0; None for all machines together.
    """

    level: int | None


class BeliefModel(Passes, StagedModel[NetStage]):
    """A GibbsModel with a Boltzmann machine for each hidden layer; chains run in the top one.

    Below the top machine, recognition weights, those of the machines, lead up and generative weights lead down. Both
    are the same until all machines are trained together.

    Args:
        image_shape: (C, H, W) of the images.
        hidden: numbers of hidden units, lowest layer first; at least two layers.
        classes: number of classes of the labels that the top machine sees beside the layer below; 0 for no labels.
        visible: builds the visible units.
        top: builds the highest hidden units.
        pretraining: a schedule for each machine, or one for all machines.
        up_down: schedules for all machines together, one after the other.
        gibbs_steps: Gibbs steps, from data or of chains, to negative samples.
        chains: number of persistent chains of each machine; 0 for contrastive divergence.
        optimizer: builds the optimizer of a stage, with the stage's learning rate.
        schedule: builds the learning-rate schedule of a stage.
        schedule_interval: what the schedule counts.
        code_memory: gigabytes of codes to cache at most; if a data set's codes take more, none are cached.

    Raises:
        GenlabError: for numbers out of range, and schedules that do not fit the layers.
    """

    monitor = None
    is_bound = True
    is_measured: Tensor

    def __init__(
        self,
        image_shape: Shape,
        hidden: Sequence[int],
        *,
        classes: int,
        visible: Callable[[int], VisibleUnits],
        top: Callable[[], HiddenUnits] = BinaryHiddenUnits,
        pretraining: Sequence[StageSchedule],
        up_down: Sequence[StageSchedule],
        gibbs_steps: int,
        chains: int,
        optimizer: OptimizerFactory,
        schedule: ScheduleFactory | None,
        schedule_interval: Interval,
        code_memory: float,
    ) -> None:
        super().__init__(image_shape)
        depth = len(hidden)
        if depth < 2:
            raise GenlabError(f"hidden is {[*hidden]}; a {type(self).__name__} has two layers or more, an RBM one")
        for size in hidden:
            extent(hidden=size)
        if len(pretraining) not in (1, depth):
            raise GenlabError(
                f"there are {depth} layers but {len(pretraining)} schedules of pretraining; give one per layer, or "
                "one for all of them"
            )
        extent(gibbs_steps=gibbs_steps)
        at_least(0, chains=chains, code_memory=code_memory)
        self.classes, self.gibbs_steps, self.code_memory = classes, gibbs_steps, code_memory
        self.optimizer, self.schedule, self.schedule_interval = optimizer, schedule, schedule_interval
        sizes = [math.prod(self.image_shape), *hidden]
        units: list[VisibleUnits] = [as_network(visible, sizes[0]), *map(BinaryUnits, sizes[1:-1])]
        if classes:
            units[-1] = LabelledUnits(sizes[-2] + classes, classes)
        kinds = [BinaryHiddenUnits() for _ in hidden[1:]] + [top()]
        self.machines = nn.ModuleList(map(BoltzmannMachine, units, hidden, kinds))
        self.generative = nn.ParameterList(torch.zeros(above, below) for below, above in pairwise(sizes[:-1]))
        """Weights from each hidden layer but the highest to the one below, used once `is_untied`."""
        for level, unit in enumerate(units):
            self.register_buffer(f"chains{level}", torch.zeros(chains, unit.size))
        self.register_buffer("is_measured", torch.zeros(depth, dtype=torch.bool))
        self.register_buffer("is_untied", torch.zeros((), dtype=torch.bool))
        schedules = [*pretraining] * (depth if len(pretraining) == 1 else 1)
        self.plan = Plan(
            [
                *(NetStage(f"layer{level + 1}", each, level) for level, each in enumerate(schedules)),
                *(NetStage("up_down", each, None) for each in up_down),
            ]
        )

    @property
    def depth(self) -> int:  # type: ignore[override]
        """Number of machines trained so far, including the current one."""
        level: int | None = self.stage.level
        return len(self.machines) if level is None else level + 1

    @property
    def code_shape(self) -> tuple[int, ...]:
        """The shape of a code of the layers trained so far."""
        return (self.top.hidden.out_features,)

    @abstractmethod
    def labels(self, batch: Any) -> Tensor | None:
        """Return the labels of a batch that the top machine sees, (B,), or None if it sees none."""

    def stage_metrics(self, split: str, batch: Any, batch_idx: int) -> dict[str, Tensor]:
        named = self.named(batch)
        x, labels, level = self.images(named), self.labels(named), self.stage.level
        pixels, trains = x.flatten(1), split == "train"
        begins = trains and batch_idx == 0  # perhaps a stage; reading a GPU's buffers in each step is slow
        random = None if trains else torch.Generator().manual_seed(batch_idx)
        if level is None:
            metrics = self.up_down(pixels, labels, trains, random)
        elif level == 0:
            if begins and not self.is_measured[0]:
                self.measure(0, pixels)
            metrics = {"loss": self.divergence(0, self.pixel_states(pixels, random), trains, random)}
        else:
            values = self.machine(level - 1).hidden.out_features
            codes = self.frozen_outputs(split, named, x, lambda new: self.recognised(new.flatten(1), level), values)
            v = draw_binary(codes, random)
            v = self.labelled(v, labels) if level == len(self.machines) - 1 else v
            if begins and not self.is_measured[level]:
                self.measure(level, v)
            metrics = {"loss": self.divergence(level, v, trains, random)}
        if not trains:
            error = (self.mean_pixels(self.recognised(pixels, self.depth, labels)) - pixels).square()
            metrics["reconstruction"] = error.sum(1).mean()
            if labels is not None and self.sees_labels:
                metrics["error_rate"] = (self.class_scores(pixels).argmax(1) != labels).float().mean()
        return metrics

    def divergence(self, level: int, v: Tensor, trains: bool, generator: Generator | None = None) -> Tensor:
        """Return a machine's mean free energy of visible units (B, size) minus that of negative samples: a scalar."""
        machine, chains = self.machine(level), getattr(self, f"chains{level}")
        with torch.no_grad():
            inputs = machine.inputs(v)
        persistent = len(chains) > 0
        start, known = (chains, None) if persistent else (v, inputs)
        self._negative = machine.gibbs(start, self.gibbs_steps if trains or not persistent else 0, generator, known)
        if persistent and trains:
            chains.copy_(self._negative)
        return machine.divergence(v, self._negative, inputs)[0]

    @torch.no_grad()
    def measure(self, level: int, v: Tensor) -> None:
        """Set the base-rate model and the biases of a machine's visible units, and draw its initial chains."""
        machine, chains = self.machine(level), getattr(self, f"chains{level}")
        machine.visible.measure(self.all_gather(v).flatten(0, -2))  # type: ignore[union-attr]
        if len(chains):
            chains.copy_(machine.draw_base(len(chains)))
        self.is_measured[level] = True

    def up_down(
        self, pixels: Tensor, labels: Tensor | None, trains: bool, generator: Generator | None = None
    ) -> dict[str, Tensor]:
        """Return the loss of all machines together, and its parts (Hinton et al. 2006, appendix B): scalars.

        On the way up, hidden layers are drawn from images: "wake" is the negative log-probability of each layer given
        the one above, which trains generative weights. "top" is the top machine's difference of free energies. On the
        way down, lower layers are drawn from its negative samples: "sleep" is the negative log-probability of each
        layer given the one below, which trains recognition weights.
        """
        if trains and not self.is_untied:
            self.untie()
        lower = len(self.machines) - 1
        with torch.no_grad():
            layers = self.drawn_up(pixels, lower, generator)
        top = self.divergence(lower, self.labelled(layers[-1], labels), trains, generator)
        wake = -sum(
            (
                self.machine(level).visible.log_prob(layers[level], self.inputs_below(level, layers[level + 1])).mean()
                for level in range(lower)
            ),
            torch.zeros((), device=self.device),
        )
        sleep = torch.zeros((), device=self.device)
        dreamed = self.unlabelled(self._negative)
        for level in reversed(range(lower)):
            with torch.no_grad():
                below = self.machine(level).visible.draw(self.inputs_below(level, dreamed), generator)
                seen = self.machine(level).visible.scaled(below)  # whose variance belongs to the way down
            logits = at_least_float32(self.machine(level).hidden(seen))
            sleep = sleep + (softplus(logits) - dreamed * logits).sum(1).mean()
            dreamed = below
        return {"loss": wake + top + sleep, "wake": wake, "top": top, "sleep": sleep}

    @torch.no_grad()
    def untie(self) -> None:
        """Initialize the generative weights with those of the machines."""
        for weight, machine in zip(self.generative, self.machines, strict=False):
            weight.copy_(cast(BoltzmannMachine, machine).hidden.weight)
        self.is_untied.fill_(True)

    def trained_in(self, stage: NetStage) -> nn.Module:
        if stage.level is None:
            return nn.ModuleList([self.machines, self.generative])
        return self.machine(stage.level)

    def frozen_in(self, stage: NetStage) -> Sequence[nn.Module]:
        return [] if stage.level is None else [*self.machines][: stage.level]
