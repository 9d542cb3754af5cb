"""Batches as models read them, made of what PyTorch's data sets and loaders give."""

from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor

from genlab.errors import GenlabError


def named(batch: Any, names: Sequence[str], model: str) -> Any:
    """Turn a batch into a dict of its parts by name; a dict is returned as it is.

    Tensors and tuples or lists of them get the names in their order; what comes after these is left out. The second
    part of a batch of images that need no label is still called "label" where it is (B,), "attributes" where it is
    (B, count).

    Args:
        batch: a dict, a tensor, or a tuple or list. Anything else is returned as it is.
        names: the names of the parts that the model reads, as in `genlab.types`.
        model: its name, for the error.

    Raises:
        GenlabError: for fewer parts than a pair has.
    """
    if isinstance(batch, Mapping):
        return batch
    parts = [batch] if isinstance(batch, Tensor) else batch
    if not isinstance(parts, list | tuple) or not parts:
        return batch
    if names[0] != "image" and len(parts) < len(names):  # images without labels are of use, half a pair is not
        raise GenlabError(
            f"{model} takes batches ({', '.join(names)}), or dicts of these; the data gave {described(batch)}"
        )
    if len(names) == 1 and len(parts) > 1 and isinstance(parts[1], Tensor) and parts[1].ndim in (1, 2):
        names = (*names, "label" if parts[1].ndim == 1 else "attributes")
    return dict(zip(names, parts, strict=False))


def described(batch: Any) -> str:
    """Describe a batch for a message: its type, and the shape of a tensor or the number of parts."""
    if isinstance(batch, Tensor):
        return f"one tensor of shape {tuple(batch.shape)}"
    return f"a {type(batch).__name__} of {len(batch)}" if isinstance(batch, Sequence) else type(batch).__name__
