"""A plugin that makes a Trainer write checkpoints completely or not at all."""

import contextlib
import os
import zipfile
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch.plugins import TorchCheckpointIO

from genlab.atomic import whole_file
from genlab.checkpoints.checkpoint import Checkpoint
from genlab.checkpoints.files import damaged_entry, require_undamaged


class WholeCheckpoints(TorchCheckpointIO):
    """A plugin for a Trainer: each checkpoint replaces the previous one only when all of it is on the disk.

    Args:
        opened: a checkpoint that has already been read, and is not read again when the Trainer restores it.

    Raises:
        GenlabError: for a checkpoint that cannot be written; the previous one is kept.
    """

    def __init__(self, opened: Checkpoint | None = None) -> None:
        self._opened = opened

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: str | os.PathLike[str], storage_options: Any = None
    ) -> None:
        with whole_file(Path(path)) as part, part.open("wb") as file:
            try:
                torch.save(checkpoint, file)
            except RuntimeError as error:  # torch fails again as it closes the file, which hides the cause
                raise error.__context__ or error from None
            file.flush()
            os.fsync(file.fileno())

    def load_checkpoint(self, path: str | os.PathLike[str], *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Load a checkpoint as TorchCheckpointIO does, after verifying its checksums."""
        if self._opened and self._opened.content and self._opened.path == Path(path):
            return self._opened.take()
        with contextlib.suppress(zipfile.BadZipFile):  # left to torch to report
            require_undamaged(Path(path), damaged_entry(Path(path)))
        return super().load_checkpoint(Path(path), *args, **kwargs)
