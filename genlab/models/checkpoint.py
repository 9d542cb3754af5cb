"""Write checkpoints whole or not at all, and open them without knowing what is in them."""

import os
import sys
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import LightningModule
from lightning.pytorch.plugins import TorchCheckpointIO
from packaging.version import Version

import genlab
from genlab.errors import GenlabError
from genlab.outputs import whole_file
from genlab.runs import find_checkpoint

MARKS = {"state_dict", "hyper_parameters", "pytorch-lightning_version"}
"""What every checkpoint of a Lightning model with saved hyperparameters has."""


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


def read(path: str | Path) -> dict[str, Any]:
    """A genlab checkpoint as plain data, on the CPU; nothing in the file is executed.

    Raises GenlabError for a file that is missing, damaged, no checkpoint of a genlab model, or one of a newer genlab.
    """
    try:
        Path(path).open("rb").close()
    except FileNotFoundError:
        raise GenlabError(f"there is no checkpoint {path}") from None
    except OSError as error:
        raise GenlabError(f"{path} cannot be read: {error.strerror}") from None
    try:
        checkpoint = torch.load(path, map_location="cpu", weights_only=True)
    except MemoryError:
        raise
    except Exception:  # bytes that are no pickle are obeyed as if they were, and raise almost anything
        raise GenlabError(
            f"{path} cannot be opened as a checkpoint of plain data; it is damaged, something else, or holds objects"
        ) from None
    if not isinstance(checkpoint, dict) or not checkpoint.keys() >= MARKS:
        raise GenlabError(f"{path} is no checkpoint of a Lightning model with saved hyperparameters")
    version = str(checkpoint.get("genlab_version", "0"))
    if Version(version).release[:2] > Version(genlab.__version__).release[:2]:
        raise GenlabError(f"{path} was written by genlab {version}, and this is {genlab.__version__}; upgrade genlab")
    return checkpoint


def load(path: str | Path | None = None) -> LightningModule:
    """Rebuild the model in a checkpoint, with its weights, on the CPU and in evaluation mode.

    To train it further, call its `train` first.

    Args:
        path: a checkpoint, or a run folder (its best checkpoint), or None (the newest run's).

    Raises GenlabError for a file that is missing, damaged or foreign, with one line that says so. Opens files with
    `weights_only=True` and builds only classes of genlab or ones that are already imported.
    """
    path = find_checkpoint(path)
    class_path = read(path)["hyper_parameters"].get("_class_path")
    if class_path is None:
        raise GenlabError(
            f"{path} does not say which class its model has; load it with that class's load_from_checkpoint"
        )
    module = class_path.rpartition(".")[0]
    if module not in sys.modules:
        raise GenlabError(f"{path} holds a {class_path}; import {module} first, then load it again")
    try:
        model = LightningModule.load_from_checkpoint(path, map_location="cpu", weights_only=True)
    except (RuntimeError, ValueError, TypeError) as error:
        reason = " ".join(str(error).split())
        raise GenlabError(f"{path} does not fit the {class_path} of this version: {reason}") from None
    return model.eval()
