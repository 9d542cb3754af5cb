"""Checkpoints, opened without knowing their model, and the models and data that they describe."""

from pathlib import Path
from textwrap import shorten
from typing import Any

from lightning.pytorch import LightningDataModule, LightningModule
from lightning.pytorch.cli import instantiate_module
from packaging.version import InvalidVersion, Version
from torch import Tensor

import genlab
from genlab.checkpoints.files import plain_data
from genlab.errors import GenlabError
from genlab.hparams import with_current_arguments, with_current_paths
from genlab.runs import config_of, find_checkpoint, is_own
from genlab.trust import granted, not_importable, require_known_classes, require_known_paths, require_known_places

LONGEST_REASON = 500
"""Maximum length in characters of torch's or jsonargparse's message about a checkpoint that fits no model."""
MARKS = {"state_dict", "hyper_parameters", "pytorch-lightning_version"}
"""Entries of every checkpoint of a Lightning model with saved hyperparameters."""
CONTENT: dict[str, type] = {
    "state_dict": dict,
    "hyper_parameters": dict,
    "datamodule_hyper_parameters": dict,
    "pytorch-lightning_version": str,
    "genlab_version": str,
    "epoch": int,
    "global_step": int,
    "optimizer_states": list,
    "lr_schedulers": list,
    "callbacks": dict,
    "loops": dict,
}
"""Types of the entries that a checkpoint may have."""


class Checkpoint:
    """A checkpoint of a genlab model, read once; see `read`.

    Args:
        path: its file.
        content: its whole content, as plain data.
    """

    def __init__(self, path: Path, content: dict[str, Any]) -> None:
        self.path, self.content = path, content
        self.described = {key: content[key] for key in content if key.endswith("hyper_parameters")}
        """Description of its model and data."""
        self.steps: int | None = content.get("global_step")
        """Number of steps that its model was trained for."""
        self.epochs: int = content.get("epoch", 0) + 1
        """Number of epochs that its model was trained for; the last one may be incomplete."""

    @property
    def hyperparameters(self) -> dict[str, Any]:
        """Arguments and class of the model."""
        arguments: dict[str, Any] = self.described["hyper_parameters"]
        return arguments

    def take(self) -> dict[str, Any]:
        """Return the content and drop it, so that weights and optimizers do not stay in memory; descriptions stay."""
        content, self.content = self.content, {}
        return content

    def model(self) -> LightningModule:
        """Rebuild the model on the CPU, in evaluation mode; the content is then dropped, as by `take`.

        Raises:
            GenlabError: for hyperparameters and weights that do not fit a model of this version.
        """
        return _rebuilt(self.take(), self.path)

    def stated_data(self) -> dict[str, Any]:
        """Return the description of its training data: "_class_path" and arguments; empty if there is none.

        DataModules that save no hyperparameters in checkpoints are described by the config of the run.
        """
        description = dict(self.described.get("datamodule_hyper_parameters", {}))
        if "_class_path" not in description:
            configured = config_of(self.path).get("data")
            if isinstance(configured, dict) and isinstance(configured.get("class_path"), str):
                arguments = {**(configured.get("init_args") or {}), **(configured.get("dict_kwargs") or {})}
                description = {"_class_path": configured["class_path"], **arguments}
        description.pop("_instantiator", None)
        return description

    def trusted_data(self) -> dict[str, Any]:
        """Return `stated_data`, after checking that it can be trusted.

        Raises:
            GenlabError: for data whose classes or folders are not trusted (see `genlab.trust`).
        """
        description = self.stated_data()
        require_known_classes(description, self.path, own=is_own(self.path))
        require_known_places(description, self.path, own=is_own(self.path))
        return description


def read(path: str | Path) -> Checkpoint:
    """Read a genlab checkpoint as plain data on the CPU, and verify its checksums; nothing in it is executed.

    Raises:
        GenlabError: for a file that is missing, damaged, not a checkpoint of a genlab model, written by a newer genlab,
            or that names classes in modules that are not trusted (see `genlab.trust`).
    """
    path = Path(path)
    checkpoint = plain_data(path)
    if not isinstance(checkpoint, dict) or not checkpoint.keys() >= MARKS:
        raise GenlabError(f"{path} is not a checkpoint of a Lightning model with saved hyperparameters")
    for name, kind in CONTENT.items():
        if not isinstance(checkpoint.get(name, kind()), kind):
            raise GenlabError(f"{path} is damaged: its {name} is not a {kind.__name__}; use another checkpoint")
    for name, value in checkpoint["state_dict"].items():
        if not isinstance(value, Tensor) and not name.endswith("_extra_state"):
            raise GenlabError(f"{path} is damaged: {name} in its state_dict is not a tensor; use another checkpoint")
    try:
        version = Version(checkpoint.get("genlab_version", "0"))
    except InvalidVersion as error:
        raise GenlabError(f"{path} is damaged: {error}; use another checkpoint") from None
    if version.release[:2] > Version(genlab.__version__).release[:2]:
        raise GenlabError(f"{path} was written by genlab {version}, and this is {genlab.__version__}; upgrade genlab")
    for described in ("hyper_parameters", "datamodule_hyper_parameters"):
        if described in checkpoint:
            checkpoint[described] = with_current_paths(checkpoint[described])
    require_known_classes(checkpoint["hyper_parameters"], path, own=is_own(path))
    require_known_paths(checkpoint.get("callbacks"), path, own=is_own(path))
    return Checkpoint(path, checkpoint)


def rebuilt_data(description: dict[str, Any], path: Path) -> LightningDataModule:
    """Build the data of the checkpoint at `path` from its description.

    Raises:
        GenlabError: when there is no description, or it names a class that cannot be imported.
    """
    if "_class_path" not in description:
        raise GenlabError(f"{path} does not say what data it was trained on")
    try:
        return instantiate_module(LightningDataModule, with_current_arguments(description))
    except Exception as error:
        if reason := not_importable(description, str(error)):
            raise GenlabError(f"the data of {path} cannot be rebuilt: {reason}") from None
        raise


def load(path: str | Path | None = None, trust: bool = False) -> LightningModule:
    """Rebuild the model in a checkpoint, with its weights, on the CPU and in evaluation mode.

    In this mode it encodes, decodes, samples and translates without gradients, unless its input requires them.
    A Trainer's `fit` trains all of it; before a loop of your own, call its `train`.

    Args:
        path: a checkpoint, a run folder (its best checkpoint), or None (the newest run).
        trust: import whatever modules the checkpoint names. Without it, they must be genlab's, torch's or already
            imported, unless the checkpoint is from a run that this user trained.

    Raises:
        GenlabError: for a file that is missing, damaged, foreign or not trusted, with a message of one line.
    """
    path = find_checkpoint(path)
    with granted(trust):
        return read(path).model()


def _rebuilt(checkpoint: dict[str, Any], path: Path) -> LightningModule:
    description = dict(checkpoint["hyper_parameters"])
    description.pop("_instantiator", None)
    class_path = description.get("_class_path")
    if class_path is None:
        raise GenlabError(
            f"{path} does not name the class of its model; load it with that class's load_from_checkpoint"
        )
    try:
        model: LightningModule = instantiate_module(LightningModule, with_current_arguments(description))
        model.configure_model()
        model.on_load_checkpoint(checkpoint)
        model.load_state_dict(checkpoint["state_dict"], strict=model.strict_loading)
    except GenlabError:
        raise
    except Exception as error:  # plain data can be anything
        if reason := not_importable(description, str(error)):
            raise GenlabError(f"the model in {path} cannot be rebuilt: {reason}") from None
        reason = shorten(str(error), LONGEST_REASON) or type(error).__name__
        raise GenlabError(f"{path} does not fit the {class_path} of this version: {reason}") from None
    return model.eval()
