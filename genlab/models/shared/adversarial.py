"""Base class of models with several players: steps that count batches, clipping, schedules, half precision and DDP."""

import itertools
from abc import abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from lightning.pytorch import Trainer
from lightning.pytorch.core.optimizer import LightningOptimizer, do_nothing_closure
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import ReduceLROnPlateau

from genlab.errors import GenlabError
from genlab.models.shared.base import Model
from genlab.optimizers import let_scaler_unscale
from genlab.types import OptimizerFactory, ScheduleFactory

Turns = Iterator[tuple[LightningOptimizer, Tensor]]
"""Each player's optimizer and loss, in turn."""


class Players(Model):
    """A Model with an optimizer for each of several players, the first of which takes a step on every batch.

    `turns` is the training step: it says which player learns next, from which loss, with one of the
    `player_optimizers`; a player may have several turns. Where the Trainer accumulates gradients, the turns of several
    batches alternate: each player learns from all of them, as from one larger batch, before the next player's turn.
    `global_step`, and with it Lightning's `max_steps`, checkpoint intervals and curves, counts batches and not
    optimizer steps; so do schedules, unless they count epochs.
    """

    manual_optimization = True
    monitor = None
    clips: Mapping[str, float | None]
    """Maximum gradient norm of each player, by the player's name and in the order of their optimizers; None for no
    limit."""
    _waiting: tuple[Any, ...] = ()

    @abstractmethod
    def turns(self, batch: Any) -> Turns:
        """Train on a batch: yield each player's optimizer and loss, in the order of their steps.

        Code after a `yield` runs after that step.
        """

    def training_step(self, batch: Any, batch_idx: int) -> None:
        self._waiting = (*self._waiting, batch)
        if self.trainer.fit_loop.epoch_loop._should_accumulate():
            return
        (first, *others), count = map(self.turns, self._waiting), len(self._waiting)
        self._waiting = ()
        for optimizer, loss in first:
            self.update(optimizer, itertools.chain([loss / count], (next(turns)[1] / count for turns in others)))
        for turns in others:
            next(turns, None)
        self.step_schedules()

    @property
    def accumulates(self) -> bool:
        """Whether a step takes several batches."""
        return self.trainer.accumulate_grad_batches > 1

    def player_optimizers(self) -> list[LightningOptimizer]:
        """The players' optimizers, ordered as in `configure_optimizers`; only the first one's first step is counted."""
        optimizers: list[LightningOptimizer] = self.optimizers()  # type: ignore[assignment]
        for optimizer in optimizers[1:]:
            optimizer._on_before_step = optimizer._on_after_step = do_nothing_closure
        return optimizers

    def update(self, optimizer: LightningOptimizer, losses: Iterable[Tensor]) -> None:
        """Take one step of a player down the gradient of its losses, each computed only when its turn comes."""
        optimizer.zero_grad()
        for loss in losses:
            self.manual_backward(loss)
        optimizer.step()
        optimizer._on_before_step = optimizer._on_after_step = do_nothing_closure  # Lightning resets both each batch

    def on_before_optimizer_step(self, optimizer: Optimizer) -> None:
        """Clip a player's gradients once they are unscaled."""
        for player, clip in zip(self.player_optimizers(), self.clips.values(), strict=True):
            if player.optimizer is optimizer and clip is not None:
                self.clip_gradients(optimizer, clip, "norm")

    def player(
        self, network: nn.Module, optimizer: OptimizerFactory, schedule: ScheduleFactory | None
    ) -> dict[str, Any]:
        """Build a player's optimizer and schedule, in the form that `configure_optimizers` returns.

        Raises:
            GenlabError: for a schedule that needs a metric.
        """
        found = self.scheduled(optimizer, network.parameters(), schedule)
        if isinstance(found.get("lr_scheduler", {}).get("scheduler"), ReduceLROnPlateau):
            raise GenlabError(
                "ReduceLROnPlateau waits for a loss to fall, which adversarial losses never do for long; "
                "choose another schedule"
            )
        return found

    def learning_rates(self) -> dict[str, float]:
        """Return each player's current learning rate, by the name it is logged under."""
        rates = (optimizer.param_groups[0]["lr"] for optimizer in self.trainer.optimizers)
        return {f"lr/{name}": float(rate) for name, rate in zip(self.clips, rates, strict=True)}

    def on_train_start(self) -> None:
        """Let a scaler unscale gradients of players that are clipped."""
        super().on_train_start()
        self._waiting = ()
        for optimizer, clip in zip(self.trainer.optimizers, self.clips.values(), strict=True):
            let_scaler_unscale(optimizer, clips=clip is not None)

    def require_trainable(self, trainer: Trainer) -> None:
        if trainer.gradient_clip_val is not None:
            options = " and ".join(f"--model.{player}_clip" for player in sorted(self.clips, reverse=True))
            raise GenlabError(
                f"a {type(self).__name__} clips each player's gradients separately: give {options} instead of "
                "--trainer.gradient_clip_val"
            )
