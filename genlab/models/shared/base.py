"""Base class of every family: batches of any form, checks of the first one, logging and exact checkpoints."""

import contextlib
import warnings
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Self, TypeVar

import torch
from lightning.pytorch import Callback, Trainer
from lightning.pytorch.strategies import DDPStrategy
from lightning.pytorch.trainer.states import RunningStage, TrainerStatus
from lightning.pytorch.tuner.lr_finder import _LRCallback
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel
from torch.optim.swa_utils import AveragedModel

import genlab
from genlab.batches import named
from genlab.capabilities import TOOLS, can
from genlab.errors import GenlabError, NotFinite
from genlab.hparams import PlainHyperparameters
from genlab.models.shared.ema import follow
from genlab.models.shared.scheduled import Scheduled
from genlab.models.shared.training_log import TrainingLog
from genlab.optimizers import let_scaler_unscale
from genlab.random_state import random_state, random_states, seed_torch, set_random_state

AnyModel = TypeVar("AnyModel", bound="Model")


class Model(PlainHyperparameters, Scheduled):
    """A LightningModule whose checkpoints are plain data, describe themselves and resume exactly.

    A family has a `training_step` and an `evaluation_step`, names the parts of its batches, and declares what it can
    do. Batches may be dicts, tensors, or tuples and lists of them; steps and callbacks are given dicts.

    Inputs are checked: shapes always; values in the first batch of each fit, validation, test and prediction, and in
    each call outside of a Trainer. Values of tensors that require gradients are not checked: they are part of a user's
    own optimization.
    """

    capabilities: tuple[type, ...] = ()
    """Capabilities of the class; see `genlab.capabilities`."""
    batch_names: tuple[str, ...] = ("image",)
    """Names of the parts of batches that are not dicts, in their order."""
    observations: str = "images"
    """Plural name in messages of the data that it models."""
    monitor: str | None = "val/loss"
    """The metric whose minimum marks the best checkpoint; None if no metric says how good a model is."""
    stage: Any = None
    """The current stage of training, with a `name`, for a model that is trained in stages."""
    planned_epochs: int | None = None
    """Number of epochs of all stages together."""
    manual_optimization: bool = False
    """Whether training steps step the optimizers themselves."""
    progress: bool = False
    """Whether sampling in many steps shows a progress bar; the tools set it."""
    is_frozen: bool = False
    """Whether it is a part of another model that does not train it; see `frozen`."""

    def __init__(self) -> None:
        super().__init__()
        self.automatic_optimization = not self.manual_optimization
        self._log = TrainingLog()
        self._random_states: list[dict[str, Any]] = []
        self._checked: set[tuple[str, bool]] = set()
        self._accumulated: int | None = None
        self._training_state: dict[str, Any] | None = None
        self._validated = False

    @abstractmethod
    def evaluation_step(self, stage: str, batch: Any, batch_idx: int) -> None:
        """Log the metrics of a validation ("val") or test ("test") batch with `log_epoch`."""
        raise GenlabError(f"{type(self).__name__} measures nothing: give it an evaluation_step that calls log_epoch")

    def validation_step(self, batch: Any, batch_idx: int, dataloader_idx: int | None = None) -> None:
        if dataloader_idx is not None:
            self._require_one_loader(self.trainer.num_val_batches, "val_dataloader", "Trainer.validate")
        self.evaluation_step("val", batch, batch_idx)

    def test_step(self, batch: Any, batch_idx: int, dataloader_idx: int | None = None) -> None:
        if dataloader_idx is not None:
            self._require_one_loader(self.trainer.num_test_batches, "test_dataloader", "Trainer.test")
        self.evaluation_step("test", batch, batch_idx)

    def predict_step(self, batch: Any, batch_idx: int) -> Any:
        """Raise GenlabError: models predict nothing, unless a family overrides this."""
        tools = (tool.format(self.observations) for capability, tool in TOOLS.items() if can(self, capability))
        instead = next((f"; {tool}" for tool in tools), "")
        raise GenlabError(f"a {type(self).__name__} predicts nothing from {self.observations}{instead}")

    def averages(self) -> Sequence[tuple[int, AveragedModel, nn.Module]]:
        """Return each EMA with its network and the position of the network's optimizer."""
        return ()

    def require_trainable(self, trainer: Trainer) -> None:
        """Raise GenlabError if this model cannot be trained with a Trainer's settings."""

    @property
    def in_trainer(self) -> bool:
        """Whether a Trainer is running this model."""
        return self._trainer is not None and self._trainer.state.status is TrainerStatus.RUNNING

    @property
    def uncompilable(self) -> str:
        """Why the model's networks cannot be compiled, in one line; empty if they can."""
        return ""

    def train(self, mode: bool = True) -> Self:
        """Switch between training and evaluation mode; `frozen` models, also as parts, stay in evaluation mode."""
        super().train(mode)
        for model in frozen_models(self):
            nn.Module.train(model, False)
        return self

    def configure_callbacks(self) -> list[Callback]:
        """Keep Lightning from refusing gradient accumulation in manual optimization: training steps take care of it."""
        if not self.automatic_optimization:
            self._accumulated, self.trainer.accumulate_grad_batches = self.trainer.accumulate_grad_batches, 1
        return []

    def setup(self, stage: str) -> None:
        """Have the first batches checked, restore gradient accumulation, and enter training mode before a fit.

        Under DDP, allow each player or stage to leave the parameters of the others without gradients.
        """
        if self.manual_optimization:
            self.allow_missing_gradients()
        if self._accumulated:
            self.trainer.accumulate_grad_batches, self._accumulated = self._accumulated, None
        self._checked.clear()
        if stage == "fit" and not self.training:
            self.train()

    def allow_missing_gradients(self) -> None:
        """Under DDP, allow steps to leave parameters without gradients."""
        if isinstance(self.trainer.strategy, DDPStrategy):
            self.trainer.strategy._ddp_kwargs.setdefault("find_unused_parameters", True)

    def teardown(self, stage: str) -> None:
        """Leave a trained model in evaluation mode, ready for use."""
        if stage == "fit":
            self.eval()

    def named(self, batch: Any) -> Any:
        """Return the batch as a dict of its parts by name; see `genlab.batches.named`."""
        return named(batch, self.batch_names, type(self).__name__)

    def looks_at(self, values: Any, name: str) -> bool:
        """Return whether to check values now: under a Trainer, only the first ones in training and outside of it."""
        if torch.compiler.is_compiling() or getattr(values, "requires_grad", False):
            return False
        if not self.in_trainer:
            return True
        key = name, self.trainer.state.stage is RunningStage.TRAINING
        due = key not in self._checked
        self._checked.add(key)
        return due

    def inference(self, *given: Tensor) -> AbstractContextManager[Any]:
        """Return the context in which to encode, decode and translate: without gradients in evaluation mode.

        Gradients are computed in training mode, in a Trainer, and if inputs require them, as in a search for codes.
        """
        wanted = self.training or self.in_trainer or any(tensor.requires_grad for tensor in given)
        return contextlib.nullcontext() if wanted else torch.no_grad()

    def log_batch(self, metrics: Mapping[str, Tensor], progress_bar: str) -> None:
        """Log the metrics of a training batch with the learning rates, and show one of them in the progress bar.

        Every batch reaches the loggers as its own row, but rows are handed over together, whenever Lightning's
        `log_every_n_steps` is due: calling `self.log` in every batch would cost more than a small network's step.

        Raises:
            NotFinite: when rows are handed over, for a metric that is not finite.
        """
        step = self.trainer.fit_loop.epoch_loop._batches_that_stepped  # the axis of Lightning's own logs
        self._log.add(step, {f"train/{name}": value for name, value in metrics.items()}, self.learning_rates())
        every = self.trainer.log_every_n_steps  # type: ignore[attr-defined]  # 0 for a bare Trainer
        if (every and (step + 1) % every == 0) or self.trainer.is_last_batch:
            for name, value in metrics.items():  # for callbacks that monitor one of them
                self.log(f"train/{name}", value, prog_bar=name == progress_bar, logger=False)
            self._hand_over()

    def log_epoch(self, stage: str, metrics: Mapping[str, Tensor], batch: Any, progress_bar: str) -> None:
        """Log the means of metrics over an epoch of validation ("val") or testing ("test")."""
        for name, value in metrics.items():
            self.log(
                f"{stage}/{name}",
                value,
                prog_bar=name == progress_bar,
                on_epoch=True,
                sync_dist=True,
                batch_size=len(next(iter(self.named(batch).values()))),
            )

    def _apply_batch_transfer_handler(
        self, batch: Any, device: torch.device | None = None, dataloader_idx: int = 0
    ) -> Any:
        """Name a batch's parts, after the user's own hooks, whether of the model or the DataModule.

        Lightning's public hooks would warn whenever a DataModule is used, or be replaced by the DataModule's. Examples
        of inputs come this way too, and stay as they are.
        """
        moved = super()._apply_batch_transfer_handler(batch, device, dataloader_idx)
        return self.named(moved) if self.in_trainer and batch is not self.example_input_array else moved

    def on_fit_start(self) -> None:
        """Give each process its own noise, and keep Lightning from warning of `frozen` parts in evaluation mode."""
        if self.trainer.world_size > 1:
            torch.manual_seed(torch.initial_seed() + self.global_rank)
        if frozen_parts := {part for model in frozen_models(self) for part in model.modules()}:
            warnings.filterwarnings("ignore", f"Found {len(frozen_parts)} module")  # the count differs if others are

    def on_train_start(self) -> None:
        """Restore the random states of resumed training, if there are as many processes as before.

        Also let EMAs follow their networks, whoever built the optimizers, and a scaler unscale gradients that are
        clipped, or whose optimizer a checkpoint has made unfused.
        """
        for position, average, network in self.averages():
            follow(average, network, self.trainer.optimizers[min(position, len(self.trainer.optimizers) - 1)])
        for optimizer in self.trainer.optimizers:
            let_scaler_unscale(optimizer, clips=self.trainer.gradient_clip_val is not None)
        if len(self._random_states) == self.trainer.world_size:
            set_random_state(self._random_states[self.global_rank])
            self._draw_order()
        self._random_states = []

    def _draw_order(self) -> None:
        """Have loaders without a state of their own draw the next epoch's order as if training had not stopped.

        Lightning had them draw it before the random state was restored. Inside an epoch, the order cannot be restored.
        """
        loop: Any = self.trainer.fit_loop
        if not any(hasattr(loader, "load_state_dict") for loader in loop._combined_loader.flattened):
            iter(loop._data_fetcher)

    def on_train_batch_end(self, outputs: Any, batch: Any, batch_idx: int) -> None:
        """Under DDP, copy the first process's buffers to all next, which Lightning omits in manual optimization."""
        if self.manual_optimization and isinstance(self.trainer.model, DistributedDataParallel):
            self.trainer.model.require_forward_param_sync = True

    def on_validation_start(self) -> None:
        """Let the curves reach the last batch before the validation's metrics, whose noise is that of every epoch."""
        self._hand_over()
        self._training_state = random_state()
        seed_torch(self.global_rank)

    def on_validation_epoch_end(self) -> None:
        """Restore the random state, as if there had been no validation."""
        if self._training_state is not None:
            set_random_state(self._training_state)
        self._validated = not self.trainer.sanity_checking

    def on_train_epoch_end(self) -> None:
        """Pass the epoch's validation metric to ReduceLROnPlateau before a checkpoint is written.

        Lightning does so afterwards, and training resumed from the checkpoint would miss a step.
        """
        if self._validated:
            self.step_plateaus()
        self._validated = False

    def on_train_end(self) -> None:
        """Let the curves reach the last batch if training ends inside an epoch."""
        self._hand_over()

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Save what exact resuming needs besides weights, and let the curves reach as far as the checkpoint.

        Raises:
            NotFinite: for weights that are not finite, so that the previous checkpoint is kept.
        """
        self._hand_over()
        for logger in self.loggers:
            logger.save()
        for name, value in self.state_dict().items():
            if isinstance(value, Tensor) and not value.isfinite().all():
                raise NotFinite(name, self.global_step)
        checkpoint["random_states"] = random_states()
        checkpoint["genlab_version"] = genlab.__version__

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Remember the states of random number generators if training is resumed."""
        if self._trainer and self._trainer.training:  # not when only the model is loaded
            self._random_states = checkpoint.get("random_states", [])

    def _require_one_loader(self, batches: Sequence[float], source: str, method: str) -> None:
        """Raise GenlabError for several DataLoaders, given the number of batches in each.

        Metrics such as active units are of all data together, and Lightning would rename `val/loss`, the monitor.
        """
        if len(batches) > 1:
            raise GenlabError(
                f"{source} gives several DataLoaders, but a {type(self).__name__} is measured on one: join the "
                f"data sets with torch.utils.data.ConcatDataset, or call {method}(model, loader) for each"
            )

    def _searches(self) -> bool:
        """Return whether this is LearningRateFinder's search, which tries rates that are too large."""
        return any(isinstance(callback, _LRCallback) for callback in self.trainer.callbacks)  # type: ignore[attr-defined]

    def _hand_over(self) -> None:
        if self._log.rows:
            self._log.hand_over(self.trainer.loggers, self.current_epoch, searches=self._searches())


def frozen_models(model: nn.Module) -> list[nn.Module]:
    """List the parts of a model, including itself, that are `frozen`."""
    return [part for part in model.modules() if vars(part).get("is_frozen") is True]


def frozen(model: AnyModel) -> AnyModel:
    """Freeze a trained model that is part of another: no gradients, and always in evaluation mode.

    (Only genlab's models keep such parts in evaluation mode.)

    Such a model is an argument like any other: `{class_path: genlab.load, init_args: {path: runs/vae_mnist}}` in a
    config, `genlab.load("runs/vae_mnist")` in Python. The other model's checkpoints contain it.

    Example:
        >>> class Denoiser(genlab.models.ImageModel):
        ...     def __init__(self, image_shape, autoencoder: LightningModule):
        ...         super().__init__(image_shape)
        ...         self.save_hyperparameters()
        ...         self.autoencoder = genlab.models.frozen(autoencoder)
    """
    model.is_frozen = True
    return model.requires_grad_(False).eval()
