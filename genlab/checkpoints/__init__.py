"""Checkpoints as plain data: written completely or not at all, read once, and used to rebuild models."""

from genlab.checkpoints.checkpoint import Checkpoint, load, read, rebuilt_data
from genlab.checkpoints.files import plain_data
from genlab.checkpoints.plugin import WholeCheckpoints

__all__ = ["Checkpoint", "WholeCheckpoints", "load", "plain_data", "read", "rebuilt_data"]
