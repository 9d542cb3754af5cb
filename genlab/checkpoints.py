"""Write checkpoints whole or not at all, and open them without knowing what is in them."""

import contextlib
import os
import zipfile
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from textwrap import shorten
from typing import Any

import torch
from lightning.pytorch import LightningDataModule, LightningModule
from lightning.pytorch.cli import instantiate_module
from lightning.pytorch.plugins import TorchCheckpointIO
from packaging.version import InvalidVersion, Version
from torch import Tensor

import genlab
from genlab.atomic import whole_file
from genlab.errors import GenlabError
from genlab.hparams import with_current_paths
from genlab.regular import require_regular
from genlab.runs import config_of, find_checkpoint, is_own
from genlab.trust import granted, not_importable, require_known_classes, require_known_paths, require_known_places

LONGEST_REASON = 500
"""Characters of what torch or jsonargparse say of a checkpoint that fits no model."""
MARKS = {"state_dict", "hyper_parameters", "pytorch-lightning_version"}
"""What every checkpoint of a Lightning model with saved hyperparameters has."""
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


class WholeCheckpoints(TorchCheckpointIO):
    """A plugin for a Trainer: each checkpoint takes the place of the one before when all of it is on the disk.

    Raises GenlabError for one that cannot be written; the one before is kept.
    """

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: str | os.PathLike[str], storage_options: Any = None
    ) -> None:
        with whole_file(Path(path)) as part, part.open("wb") as file:
            try:
                torch.save(checkpoint, file)
            except RuntimeError as error:  # torch ends the file, whatever went wrong with it
                raise error.__context__ or error from None
            file.flush()
            os.fsync(file.fileno())

    def load_checkpoint(self, path: str | os.PathLike[str], *args: Any, **kwargs: Any) -> dict[str, Any]:
        """As TorchCheckpointIO's, once the checksums in the file are found to be right."""
        with contextlib.suppress(zipfile.BadZipFile):  # torch says what is wrong with it
            require_undamaged(Path(path), damaged_entry(Path(path)))
        return super().load_checkpoint(Path(path), *args, **kwargs)


def read(path: str | Path) -> dict[str, Any]:
    """Read a genlab checkpoint as plain data, on the CPU, and verify the checksums in it; nothing in it is executed.

    Raises:
        GenlabError: for a file that is missing, damaged, no checkpoint of a genlab model, one of a newer genlab, or one
            that names classes of modules which are not trusted (see `genlab.trust`).
    """
    path = Path(path)
    checkpoint = plain_data(path)
    if not isinstance(checkpoint, dict) or not checkpoint.keys() >= MARKS:
        raise GenlabError(f"{path} is no checkpoint of a Lightning model with saved hyperparameters")
    for name, kind in CONTENT.items():
        if not isinstance(checkpoint.get(name, kind()), kind):
            raise GenlabError(f"{path} is damaged: its {name} is no {kind.__name__}; take another checkpoint")
    for name, value in checkpoint["state_dict"].items():
        if not isinstance(value, Tensor) and not name.endswith("_extra_state"):
            raise GenlabError(f"{path} is damaged: {name} in its state_dict is no tensor; take another checkpoint")
    try:
        version = Version(checkpoint.get("genlab_version", "0"))
    except InvalidVersion as error:
        raise GenlabError(f"{path} is damaged: {error}; take another checkpoint") from None
    if version.release[:2] > Version(genlab.__version__).release[:2]:
        raise GenlabError(f"{path} was written by genlab {version}, and this is {genlab.__version__}; upgrade genlab")
    for described in ("hyper_parameters", "datamodule_hyper_parameters"):
        if described in checkpoint:
            checkpoint[described] = with_current_paths(checkpoint[described])
    require_known_classes(checkpoint["hyper_parameters"], path, own=is_own(path))
    require_known_paths(checkpoint.get("callbacks"), path, own=is_own(path))
    return checkpoint


def plain_data(path: Path) -> Any:
    """Read what `torch.save` wrote, on the CPU: plain data with tensors, once its checksums are found to be right.

    Raises:
        GenlabError: for a file that is missing, damaged, something else, or holds objects.
    """
    try:
        require_regular(path)
        path.open("rb").close()
    except FileNotFoundError:
        raise GenlabError(
            f"there is no checkpoint {path}; give the path of a run's folder or of a .ckpt file"
        ) from None
    except OSError as error:
        raise GenlabError(f"{path} cannot be read: {error.strerror}") from None
    try:
        with ThreadPoolExecutor(1) as aside:  # zlib reads without Python's lock
            damaged = aside.submit(damaged_entry, path)
            content = torch.load(path, map_location="cpu", weights_only=True)
        entry = damaged.result()
    except MemoryError:
        raise
    except Exception:  # bytes that are no pickle are obeyed as if they were, and raise almost anything
        raise GenlabError(
            f"{path} cannot be opened as a checkpoint of plain data; it is damaged, something else, or holds objects"
        ) from None
    require_undamaged(path, entry)
    return content


def damaged_entry(path: Path) -> str | None:
    """Find the first entry of a zip archive whose checksum (CRC-32) is wrong, or None when all are right.

    It takes half a second for 1 GB, about as long as reading it, and no longer than that when both run side by side.
    """
    with zipfile.ZipFile(path) as archive:
        return archive.testzip()


def require_undamaged(path: Path, entry: str | None) -> None:
    """Raise GenlabError when a checkpoint has a `damaged_entry`."""
    if entry is not None:
        raise GenlabError(f"{path} is damaged: the checksum of its {entry} is wrong; take another checkpoint")


def data_description(checkpoint: Mapping[str, Any], path: Path) -> dict[str, Any]:
    """Read the description of a checkpoint's training data, once it is trusted; see `stated_data`.

    Raises:
        GenlabError: for data of classes, or in folders, that are not trusted (see `genlab.trust`).
    """
    description = stated_data(checkpoint, path)
    require_known_classes(description, path, own=is_own(path))
    require_known_places(description, path, own=is_own(path))
    return description


def stated_data(checkpoint: Mapping[str, Any], path: Path) -> dict[str, Any]:
    """Read what a checkpoint says of its training data: "_class_path", and arguments; empty without any.

    DataModules that keep no hyperparameters in checkpoints are described by the config of the run.
    """
    description = dict(checkpoint.get("datamodule_hyper_parameters", {}))
    if "_class_path" not in description:
        configured = config_of(path).get("data")
        if isinstance(configured, dict) and isinstance(configured.get("class_path"), str):
            arguments = {**(configured.get("init_args") or {}), **(configured.get("dict_kwargs") or {})}
            description = {"_class_path": configured["class_path"], **arguments}
    description.pop("_instantiator", None)
    return description


def rebuilt_data(description: dict[str, Any], path: Path) -> LightningDataModule:
    """Build the data of a `data_description`, which is the checkpoint's at `path`.

    Raises:
        GenlabError: when there is no description, or it names a class that cannot be imported.
    """
    if "_class_path" not in description:
        raise GenlabError(f"{path} does not say what data it was trained on")
    try:
        return instantiate_module(LightningDataModule, description)
    except Exception as error:
        if reason := not_importable(description, str(error)):
            raise GenlabError(f"the data of {path} are not rebuilt: {reason}") from None
        raise


def load(path: str | Path | None = None, trust: bool = False) -> LightningModule:
    """Rebuild the model in a checkpoint, with its weights, on the CPU and in evaluation mode.

    In this mode it encodes, decodes, samples and translates without gradients, unless what it is given requires them.
    A Trainer's `fit` trains all of it; before a loop of your own, call its `train`.

    Args:
        path: a checkpoint, or a run folder (its best checkpoint), or None (the newest run's).
        trust: import whatever modules the checkpoint names. Without it, they must be genlab's, torch's or imported
            already, unless the checkpoint is of a run that this user trained.

    Raises:
        GenlabError: for a file that is missing, damaged, foreign or not trusted, with one line that says so.
    """
    path = find_checkpoint(path)
    with granted(trust):
        return rebuilt(read(path), path)


def rebuilt(checkpoint: dict[str, Any], path: Path) -> LightningModule:
    """Rebuild the model in the content of a checkpoint, on the CPU and in evaluation mode.

    Raises:
        GenlabError: for hyperparameters and weights that do not fit a model of this version.
    """
    description = dict(checkpoint["hyper_parameters"])
    description.pop("_instantiator", None)
    class_path = description.get("_class_path")
    if class_path is None:
        raise GenlabError(
            f"{path} does not say which class its model has; load it with that class's load_from_checkpoint"
        )
    try:
        model: LightningModule = instantiate_module(LightningModule, description)
        model.configure_model()
        model.on_load_checkpoint(checkpoint)
        model.load_state_dict(checkpoint["state_dict"], strict=model.strict_loading)
    except GenlabError:
        raise
    except Exception as error:  # plain data can be anything
        if reason := not_importable(description, str(error)):
            raise GenlabError(f"the model in {path} is not rebuilt: {reason}") from None
        reason = shorten(str(error), LONGEST_REASON) or type(error).__name__
        raise GenlabError(f"{path} does not fit the {class_path} of this version: {reason}") from None
    return model.eval()
