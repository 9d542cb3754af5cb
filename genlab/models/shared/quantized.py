"""Base class of VQ-VAEs: training in stages, the autoencoder and then priors over its codes, and sampling."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor, nn

from genlab.capabilities import Conditional, Samples
from genlab.conditions import condition_of
from genlab.errors import GenlabError
from genlab.metrics.code_usage import CodeUsage
from genlab.models.shared.code_health import CodeHealth
from genlab.models.shared.grid_codec import ABLE, SAMPLES, Given, GridCodec
from genlab.models.shared.grid_priors import GridPriors, most_nats
from genlab.models.shared.staged import Plan, Stage, StagedModel, StageSchedule
from genlab.ranges import at_least, extent
from genlab.types import GridNetworkFactory, Interval, OptimizerFactory, ScheduleFactory


@dataclass(frozen=True)
class CodeStage(Stage):
    """A stage of the training of a VQ-VAE.

    Args:
        level: index of the level whose prior is trained, 0 for the top one; None for the autoencoder.
    """

    level: int | None = None


class QuantizedModel(GridCodec, StagedModel[CodeStage]):
    """Images to grids of codes and back, and priors over these grids; the base class of VQ-VAEs.

    One `fit` runs all stages. The autoencoder is frozen once it is trained; codes of images that are the same each time
    are computed once and cached.

    Args:
        image_shape: (C, H, W) of the images.
    """

    given_as = Given

    def build(
        self,
        autoencoder: Sequence[StageSchedule],
        priors: Sequence[StageSchedule],
        network: GridNetworkFactory,
        *,
        conditional: bool,
        num_classes: int,
        class_names: tuple[str, ...],
        attribute_names: tuple[str, ...],
        condition_size: int,
    ) -> None:
        """Build the priors and the plan, for a model that already has its coder.

        Args:
            autoencoder: schedules of the autoencoder's training, one after the other.
            priors: a schedule for each level's prior, the top one first; none for no priors.
            network: builds each prior's network.
            conditional: whether priors are conditioned on labels or attributes.
            num_classes: number of classes.
            class_names: names of the classes, in the order of their labels.
            attribute_names: names of the attributes, in the order of their columns.
            condition_size: size of a condition's embedding.

        Raises:
            GenlabError: for schedules that do not fit, and for conditional priors of data without conditions.
        """
        extent(condition_size=condition_size)
        coder, name = self.coder, type(self).__name__
        levels = len(coder.grids)
        condition = condition_of(num_classes, class_names, attribute_names) if conditional else None
        if conditional and condition is None:
            raise GenlabError(f"a conditional {name} needs data with labels or attributes; set conditional to false")
        if conditional and not priors:
            raise GenlabError(f"conditional is for the prior, but this {name} has none; give the prior a schedule")
        if condition is not None:
            self.condition = condition
            self.batch_names = ("image", condition.key)
        self.code_shape = coder.code_shape
        self.priors = GridPriors(coder, network, condition, condition_size) if priors else None
        names = [f"{level}_prior".lstrip("_") for level in coder.level_names]
        self.plan = Plan(
            [
                *(CodeStage("autoencoder", schedule) for schedule in autoencoder),
                *(CodeStage(names[level], priors[level], level) for level in range(levels if priors else 0)),
            ]
        )
        self.usage = nn.ModuleList(CodeUsage(coder.quantizer(level).codes) for level in range(levels))
        self.health = CodeHealth()
        self._prior_nats: list[Tensor] = []

    def train_by(
        self,
        optimizer: OptimizerFactory,
        schedule: ScheduleFactory | None,
        schedule_interval: Interval,
        code_memory: float,
    ) -> None:
        """Set the optimizer, the schedule and the memory for codes, for all stages."""
        at_least(0, code_memory=code_memory)
        self.optimizer, self.schedule, self.schedule_interval = optimizer, schedule, schedule_interval
        self.code_memory = code_memory

    @property
    def capabilities(self) -> tuple[type, ...]:  # type: ignore[override]
        """Capabilities in the current stage: the model samples once the last prior is trained or in training."""
        if self.priors is None or self.stage.level != len(self.priors) - 1:
            return ABLE
        return (*ABLE, Conditional, Samples) if self.condition else (*ABLE, *SAMPLES)

    def trained_in(self, stage: CodeStage) -> nn.Module:
        return self.coder if stage.level is None else self._priors.prior(stage.level)

    def frozen_in(self, stage: CodeStage) -> Sequence[nn.Module]:
        if stage.level is None:
            return [self._priors] if self.priors else []
        return [self.coder, *(prior for level, prior in enumerate(self._priors) if level != stage.level)]

    def stage_metrics(self, split: str, batch: Any, batch_idx: int) -> dict[str, Tensor]:
        condition = self.condition.find(batch, self) if self.condition else None  # fails now, not hours later
        named = self.named(batch)
        x = self.images(named)
        level = self.stage.level
        if level is None:
            return self.errors(x, observe=split == "val")
        places = math.prod(self.code_shape)
        codes = self.frozen_outputs(split, named, x, lambda new: self.codes(new).int(), places)
        nats = self._priors.prior(level).nats(self.coder, self.coder.split(codes.long()), condition)
        if split == "val":
            self._prior_nats.append(nats.mean())
        return {"loss": nats.mean()}

    def errors(self, x: Tensor, *, observe: bool = False) -> dict[str, Tensor]:
        """Return the loss of images (B, C, H, W) and its parts, as scalars, in nats and squared distances per image.

        Args:
            x: images.
            observe: whether `usage` counts their codes.
        """
        found = self.coder.quantize(x)
        outputs = self.coder.outputs([each.vectors for each in found])
        reconstruction = -self.coder.likelihood.log_prob(outputs, x).mean()
        quantization = torch.stack([each.loss for each in found]).sum(0).mean()
        if observe:
            for level, each in enumerate(found):
                self._usage(level).update(each.indices)
        return {"loss": reconstruction + quantization, "reconstruction": reconstruction, "quantization": quantization}

    def evaluation_step(self, stage: str, batch: Any, batch_idx: int) -> None:
        """Log the metrics of the current stage, and for test images the parts of the description length."""
        if stage != "test":
            super().evaluation_step(stage, batch, batch_idx)
            return
        x, able = self.images(batch), self.under(batch) if self.condition else self
        nats = {name: value.mean() for name, value in able.description(x).items()}
        total = torch.stack([*nats.values()]).sum()
        bits = self.coder.likelihood.bits_per_dim(-total, x[0].numel())
        metrics = self.stage_metrics("test", batch, batch_idx) | nats | {"bits_per_dim": bits}
        self.log_epoch("test", metrics, batch, progress_bar="loss")

    def on_validation_epoch_end(self) -> None:
        """Log the codes used over the epoch; warn of a collapsed codebook, and of codes without information."""
        super().on_validation_epoch_end()
        if self.stage.level is None:
            self._end_of_usage()
        elif self._prior_nats:
            nats = float(torch.stack(self._prior_nats).mean())
            self._prior_nats.clear()
            if not self.trainer.sanity_checking:
                most = most_nats(self.coder, self.stage.level)
                self.health.end_epoch_of_prior(self.coder.level_names[self.stage.level], nats, most)

    def has_prior(self, level: int) -> bool:
        """Whether a level's prior is trained or in training; for conditional priors, whether all levels' are."""
        at_hand = self.stage.level
        begun = self.priors is not None and at_hand is not None and at_hand >= level
        return begun and (not self.condition or Conditional in self.capabilities)

    def _usage(self, level: int) -> CodeUsage:
        return cast(CodeUsage, self.usage[level])

    def _end_of_usage(self) -> None:
        for level in range(len(self.usage)):
            usage = self._usage(level)
            found = usage.compute()
            places = int(usage.counts.sum())
            usage.reset()
            for name, value in found.items():
                self.log(f"val/{self.stage.name}/{self.coder.named(name, level)}", value, sync_dist=True)
            if not self.trainer.sanity_checking:
                codes = self.coder.quantizer(level).codes
                self.health.end_epoch(self.coder.level_names[level], int(found["codes_used"]), codes, places)
