"""The checkpoint that a command resumes or measures: which one it is, and whether it fits the other arguments."""

import re
import traceback
from pathlib import Path
from typing import Any

from jsonargparse import Namespace
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.trainer.connectors import checkpoint_connector

from genlab import runs, trust
from genlab.checkpoints import Checkpoint
from genlab.cli import slurm
from genlab.errors import GenlabError
from genlab.facts import FACTS
from genlab.models.shared.base import Model


def meant_checkpoint(ckpt_path: str | None, root: Path, name: str) -> Path | None:
    """Find the checkpoint that a command opens, if any: that of the same job when SLURM has requeued it.

    Args:
        ckpt_path: what the user gives: a run, a checkpoint, or "last" for that of the newest run.
        root: folder of all runs.
        name: name of the run.
    """
    requeued = runs.run_of_job(root, name, slurm.step()) if slurm.requeued() else None
    meant = requeued or ckpt_path
    if meant is None:
        return None
    return runs.find_checkpoint(runs.newest_run(root, name) if meant == "last" else meant, prefer="last")


def model_section(checkpoint: Checkpoint) -> dict[str, Any]:
    """Describe a checkpoint's model as the section of a config."""
    described = checkpoint.hyperparameters
    arguments = {name: value for name, value in described.items() if not name.startswith("_")}
    return (
        {"class_path": described["_class_path"], "dict_kwargs": arguments} if "_class_path" in described else arguments
    )


def require_same_model(checkpoint: Checkpoint, saved: Namespace, given: Namespace) -> None:
    """Raise GenlabError if a checkpoint's model differs from the config's, which Lightning would overrule.

    Args:
        checkpoint: the checkpoint, for the message.
        saved: the checkpoint's model, as the section of a config.
        given: the config's model.
    """
    if difference := _difference(saved, given):
        raise GenlabError(
            f"{checkpoint.path} has {difference}; use the config it was trained with, or train from scratch without "
            "--ckpt_path"
        )


def require_same_data(checkpoint: Checkpoint, given: Namespace) -> None:
    """Raise GenlabError if a checkpoint was saved inside an epoch, of data of another class than the config's.

    Args:
        checkpoint: the checkpoint, before its content is handed on.
        given: the config's data.
    """
    of_saved = checkpoint.stated_data().get("_class_path", "").rpartition(".")[2]
    of_given = given.class_path.rpartition(".")[2]
    state = checkpoint.content.get(of_saved, {})
    if of_given != of_saved and state.get("left_at", {}).get("batches"):
        raise GenlabError(
            f"training stopped within an epoch of {of_saved}, which {of_given} cannot complete; resume with the "
            "same data, or from a checkpoint at the end of an epoch"
        )


def require_progress(trainer: Trainer, model: LightningModule, checkpoint: Checkpoint | None) -> None:
    """Raise GenlabError if resumed training has made no step, as there was nothing to do."""
    if checkpoint is None or trainer.global_step != checkpoint.steps:
        return
    epochs = trainer.current_epoch
    if isinstance(model, Model) and epochs == model.planned_epochs:
        raise GenlabError(
            f"nothing is left to train: {checkpoint.path} has completed all stages, {epochs} epochs "
            "in total; to train with stages of other lengths, start from scratch without --ckpt_path"
        )
    limits = {"limit_train_batches": range(1), "max_epochs": range(epochs + 1)}
    limit = next((limit for limit, values in limits.items() if getattr(trainer, limit) in values), "max_steps")
    raise GenlabError(
        f"nothing is left to train: {checkpoint.path} has trained for {epochs} epochs and "
        f"{checkpoint.steps} steps, and {limit} is {getattr(trainer, limit)}; raise it to resume"
    )


def explained(error: Exception, trainer: Trainer, checkpoint: Checkpoint | None) -> GenlabError | None:
    """Explain in one line why a checkpoint cannot be restored, or validation is never due; None for other errors."""
    if isinstance(error, GenlabError):
        return None
    if checkpoint and "You restored a checkpoint with current_epoch=" in str(error):
        return GenlabError(
            f"{checkpoint.path} has been trained for more epochs than max_epochs, {trainer.max_epochs}; "
            "raise --trainer.max_epochs to resume"
        )
    if isinstance(error, MisconfigurationException):
        return None
    if "`val_check_interval` (" in str(error):
        return GenlabError(
            f"val_check_interval is {trainer.val_check_interval}, but an epoch has only "
            f"{trainer.num_training_batches} batches; give at most that many, or "
            "--trainer.check_val_every_n_epoch null, which counts batches across epochs"
        )
    if checkpoint and _restoring(error):
        reason = " ".join(str(error).split()) or type(error).__name__
        return GenlabError(f"{checkpoint.path} cannot be restored: {reason}; use another checkpoint")
    return None


def _restoring(error: BaseException) -> bool:
    """Tell whether an error was raised while Lightning restored a checkpoint."""
    places = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    return any(
        frame.f_globals.get("__name__") == checkpoint_connector.__name__ and "restore" in frame.f_code.co_name
        for frame in places
    )


def _difference(saved: Namespace, given: Namespace) -> str:
    """Describe how a checkpoint's model differs from the config's; an empty string if it does not."""
    of_saved, of_given = (model.class_path.rpartition(".")[2] for model in (saved, given))
    if of_saved != of_given:
        return f"a model of class {of_saved}, but the config has one of class {of_given}"
    arguments = [*given.init_args.items()]
    loaded = tuple(k.removesuffix("class_path") for k, v in arguments if v in trust.LOADERS)  # whole in the checkpoint
    # fused Adam computes the same thing in another way
    stated = {k: v for k, v in arguments if v is not None and k not in FACTS and not k.endswith(".fused")}
    stated = {k: v for k, v in stated.items() if not k.startswith(loaded)}
    had = saved.init_args
    different = [key for key, value in stated.items() if _without_modules(value) != _without_modules(had.get(key))]
    return f"a different model from the config's: {', '.join(different)} differ" if different else ""


def _without_modules(value: Any) -> str:
    """Return a text that is the same for a class's public path, genlab.VAE, and for genlab.models.vae.VAE."""
    return re.sub(r"'[\w.]+\.(\w+)'", r"'\1'", repr(value))
