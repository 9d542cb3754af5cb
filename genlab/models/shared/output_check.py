"""Checks of the shapes of networks' outputs, on their first batch."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from genlab.errors import GenlabError
from genlab.hparams import dotted_name


class OutputCheck:
    """A forward hook that compares the shape of a network's output with what the model needs, until it is right once.

    Args:
        shape: shape of one output; None for a side as long as the input's.
        needed_by: the model and its setting, for the error.
        patches: whether further dimensions may follow or the last one be missing: logits of patches, or (B,).
    """

    handle: RemovableHandle

    def __init__(self, shape: Sequence[int | None], needed_by: str, patches: bool) -> None:
        self.shape, self.needed_by, self.patches = shape, needed_by, patches

    def __call__(self, network: nn.Module, inputs: tuple[Any, ...], output: Any) -> None:
        """Raise GenlabError for an output of another shape."""
        if torch.compiler.is_compiling() or not inputs:
            return
        count, *sides = inputs[0].shape
        needed = (count, *(sides[axis] if side is None else side for axis, side in enumerate(self.shape)))
        given = tuple(output.shape) if isinstance(output, Tensor) else type(output).__name__
        if given != needed and not (self.patches and given[:2] in (needed, needed[:1])):
            named = getattr(network, "network", network)  # a conditional network wraps another
            raise GenlabError(f"{_path(type(named))} gives {given}; {self.needed_by} needs {needed}")
        self.handle.remove()


def expect(network: nn.Module, shape: Sequence[int | None], needed_by: str, patches: bool = False) -> None:
    """Check the shape of a network's first output; see `OutputCheck`."""
    check = OutputCheck(shape, needed_by, patches)
    check.handle = network.register_forward_hook(check)


def _path(cls: type) -> str:
    return cls.__qualname__ if cls.__module__ == "__main__" else dotted_name(cls)
