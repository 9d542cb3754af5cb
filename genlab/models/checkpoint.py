"""Open a checkpoint without knowing what is in it."""

import sys
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import LightningModule

from genlab.errors import GenlabError
from genlab.runs import find_checkpoint

MARKS = {"state_dict", "hyper_parameters", "pytorch-lightning_version"}
"""What every checkpoint of a Lightning model with saved hyperparameters has."""


def read(path: str | Path) -> dict[str, Any]:
    """A genlab checkpoint as plain data, on the CPU; nothing in the file is executed.

    Raises GenlabError for a file that is missing, damaged, or no checkpoint of a genlab model.
    """
    try:
        checkpoint = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise GenlabError(f"there is no checkpoint {path}") from None
    except OSError as error:
        raise GenlabError(f"{path} cannot be read: {error.strerror}") from None
    except MemoryError:
        raise
    except Exception:  # bytes that are no pickle are obeyed as if they were, and raise almost anything
        raise GenlabError(
            f"{path} cannot be opened as a checkpoint of plain data; it is damaged, something else, or holds objects"
        ) from None
    if not isinstance(checkpoint, dict) or not checkpoint.keys() >= MARKS:
        raise GenlabError(f"{path} is no checkpoint of a Lightning model with saved hyperparameters")
    return checkpoint


def load(path: str | Path | None = None) -> LightningModule:
    """Rebuild the model in a checkpoint, with its weights, on the CPU and in evaluation mode.

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
