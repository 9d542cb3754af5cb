"""Assembly of a run's Trainer: callbacks, loggers and plugins in addition to those of the config."""

from pathlib import Path
from typing import Any

from jsonargparse import Namespace
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.accelerators import CPUAccelerator
from lightning.pytorch.callbacks import Callback, ModelSummary, ProgressBar
from lightning.pytorch.loggers import Logger
from lightning.pytorch.strategies.launchers import _MultiProcessingLauncher

from genlab.callbacks import Curves, ParameterTable, Predictions, Requirements, Results, SteadyBar
from genlab.checkpoints import Checkpoint, WholeCheckpoints
from genlab.cli.run_folder import as_list
from genlab.errors import GenlabError
from genlab.loggers import MetricsFile
from genlab.models.shared.base import Model
from genlab.models.shared.image_model import require_predictions


def trainer_arguments(command: str, built: Namespace, run: Path, checkpoint: Checkpoint | None) -> dict[str, Any]:
    """Choose the Trainer arguments that a config does not set.

    Args:
        command: one of the trainer's commands.
        built: the command's config, with its classes instantiated.
        run: the folder that the Trainer works in.
        checkpoint: the checkpoint to restore, already read.
    """
    given = built.trainer
    trackers = [tracker for tracker in as_list(given.logger) if isinstance(tracker, Logger)]
    return {
        "default_root_dir": run,
        "logger": [*([MetricsFile(run)] if command == "fit" else []), *trackers],
        "callbacks": _callbacks(command, built),
        "plugins": [*as_list(given.plugins), WholeCheckpoints(checkpoint)],
    }


def require_usable(command: str, trainer: Trainer, model: LightningModule, given: Namespace) -> None:
    """Raise GenlabError for settings that the model or CPUs do not support, and for a model without predictions."""
    if command == "predict":
        require_predictions(model)
    if isinstance(model, Model):
        model.require_trainable(trainer)
    launcher = trainer.strategy.launcher
    if isinstance(launcher, _MultiProcessingLauncher) and launcher._start_method == "spawn":
        raise GenlabError("a run cannot be handed to processes that are spawned; give --trainer.strategy ddp")
    if given.sync_batchnorm and isinstance(trainer.accelerator, CPUAccelerator):
        raise GenlabError("batch norm is synchronised between GPUs only; leave --trainer.sync_batchnorm out")


def _callbacks(command: str, built: Namespace) -> list[Callback]:
    """Add the callbacks of every run to those of the config, unless the config replaces them."""
    given = built.trainer
    callbacks = [Requirements(), Results(), *as_list(given.callbacks)]
    if command == "predict":
        callbacks.append(Predictions(built.force, built.out))
    if built.pictures.every_n_epochs:
        callbacks.append(Curves())
    if given.enable_progress_bar is not False and not any(isinstance(c, ProgressBar) for c in callbacks):
        callbacks.append(SteadyBar())
    if given.enable_model_summary is not False and not any(isinstance(c, ModelSummary) for c in callbacks):
        callbacks.append(ParameterTable())
    return callbacks
