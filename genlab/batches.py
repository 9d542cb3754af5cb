"""Batches: their parts by name, whatever form a data set gives them, and checks of these parts.

Types and shapes are checked for free; values cost a transfer from a GPU, so models decide when to look at them.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from genlab.errors import GenlabError
from genlab.facts import domains_in
from genlab.types import Shape

IMAGES = ("image", "source", "target")
"""Names of the parts of batches that are images, except for those of domains; see `genlab.types`."""
PARTS = (*IMAGES, "tokens", "label", "attributes", "domain", "index")
"""Names of all parts of batches, except for those of domains."""
TOLERANCE = 0.05
"""How far values may lie outside [0, 1]: rounding, and a little overshoot of bicubic resizing."""
OVERSHOOT = 0.5
"""How far outside [0, 1] values are still taken for images that a resize overshot."""


def named(batch: Any, names: Sequence[str], model: str) -> Any:
    """Turn a batch into a dict of its parts by name; a dict is returned as it is.

    Tensors, and tuples or lists of them, get the names in order; surplus parts are dropped. If the model reads images
    alone, the second part is still called "label" if it is (B,), "attributes" if it is (B, count).

    Args:
        batch: a dict, a tensor, or a tuple or list. Anything else is returned as it is.
        names: the names of the parts that the model reads, as in `genlab.types`.
        model: its name, for the error.

    Raises:
        GenlabError: for fewer parts than the model reads, unless the first is an image.
    """
    if isinstance(batch, Mapping):
        return batch
    parts = [batch] if isinstance(batch, Tensor) else batch
    if not isinstance(parts, list | tuple) or not parts:
        return batch
    if names[0] != "image" and len(parts) < len(names):  # images without labels are useful, half a pair is not
        raise GenlabError(
            f"{model} takes batches ({', '.join(names)}), or dicts of these; the data gave {described(batch)}"
        )
    if len(names) == 1 and len(parts) > 1 and isinstance(parts[1], Tensor) and parts[1].ndim in (1, 2):
        names = (*names, "label" if parts[1].ndim == 1 else "attributes")
    return dict(zip(names, parts, strict=False))


def parts_of(batch: Any) -> dict[str, Tensor]:
    """Return the images of a batch and what is known about each, whichever model reads it; empty for other batches.

    A tuple or list whose second part is images too is a source and a target; see `named`.
    """
    is_pair = isinstance(batch, list | tuple) and len(batch) > 1 and getattr(batch[1], "ndim", 0) == 4
    parts = named(batch, ("source", "target") if is_pair else ("image",), "")
    if not isinstance(parts, Mapping):
        return {}
    names = images_in(parts)
    images = {name: parts[name] for name in names if getattr(parts[name], "ndim", 0) == 4}
    others = {name: part for name, part in parts.items() if name not in (*names, "index")}
    return images | {name: part for name, part in others.items() if isinstance(part, Tensor) and part.ndim in (1, 2)}


def images_in(batch: Mapping[str, Any]) -> tuple[str, ...]:
    """Name the parts of a batch that are images."""
    return (*(name for name in IMAGES if name in batch), *domains_in(batch))


def described(batch: Any) -> str:
    """Describe a batch for a message: its type, and the shape of a tensor or the number of parts."""
    if isinstance(batch, Tensor):
        return f"one tensor of shape {tuple(batch.shape)}"
    return f"a {type(batch).__name__} of {len(batch)}" if isinstance(batch, Sequence) else type(batch).__name__


def check_shape(images: Any, what: str, shape: Shape, model: str) -> None:
    """Raise GenlabError for images that are not a tensor (B, *shape)."""
    if not isinstance(images, Tensor):
        raise GenlabError(f"{model} takes {what} as a tensor, not as {type(images).__name__}: torch.as_tensor(x)")
    if images.shape[1:] == shape:
        return
    if images.shape == shape:
        raise GenlabError(f"{model} takes batches, (B, C, H, W); a single image becomes one with x[None]")
    raise GenlabError(
        f"{model} was built for {what} of shape {shape}, the data gives {tuple(images.shape[1:])}; "
        "build it for that shape"
    )


def check_lengths(batch: Mapping[str, Any], model: str) -> None:
    """Raise GenlabError for a batch whose parts have different lengths."""
    parts = {name: batch.get(name) for name in (*PARTS, *domains_in(batch))}
    lengths = {name: len(part) for name, part in parts.items() if isinstance(part, Tensor) and part.ndim}
    if len({*lengths.values()}) > 1:
        found = ", ".join(f"{length} of '{name}'" for name, length in lengths.items())
        raise GenlabError(f"{model} takes batches with one of each for every image; the data gave {found}")


def check_images(images: Tensor, what: str, dtype: torch.dtype) -> None:
    """Raise GenlabError for images that are not finite floats in [0, 1] with the `dtype` of the model's weights.

    Under autocast, any precision below double is fine.
    """
    if not images.is_floating_point():
        remedy = "x.float()" if images.dtype == torch.bool else "x.float() / 255"
        raise GenlabError(f"{what} are {_name(images.dtype)}; genlab takes floats in [0, 1]: {remedy}")
    cast = torch.is_autocast_enabled(images.device.type) and images.dtype != torch.float64
    if images.dtype != dtype and not cast:
        raise GenlabError(
            f"{what} are {_name(images.dtype)}, the model's weights {_name(dtype)}; convert them: x.to({dtype})"
        )
    low, high = _range(images)
    if not (math.isfinite(low) and math.isfinite(high)):
        raise GenlabError(
            f"{what} hold NaN or infinite values; look for damaged files, or a division by zero where they are made"
        )
    if low < -TOLERANCE or high > 1 + TOLERANCE:
        raise GenlabError(
            f"{what} lie between {low:.3g} and {high:.3g}; genlab takes [0, 1]: {_to_unit_range(low, high)}"
        )


def check_labels(labels: Any, num_classes: int) -> None:
    """Raise GenlabError for labels that are not (B,), int64, within [0, num_classes)."""
    if not isinstance(labels, Tensor) or labels.ndim != 1:
        one_hot = isinstance(labels, Tensor) and labels.ndim == 2 and labels.shape[1] == num_classes
        remedy = "labels.argmax(1)" if one_hot else "one for each image, or a tensor of one for all"
        found = f"of shape {tuple(labels.shape)}" if isinstance(labels, Tensor) else type(labels).__name__
        raise GenlabError(f"labels are {found}; genlab takes class indices of shape (B,): {remedy}")
    if labels.dtype != torch.int64:
        raise GenlabError(f"labels are {_name(labels.dtype)}; genlab takes class indices, int64: labels.long()")
    low, high = _range(labels)
    if low < 0 or high >= num_classes:
        raise GenlabError(
            f"labels lie between {low:g} and {high:g}; this model has {num_classes} classes, 0 to {num_classes - 1}: "
            "count from 0, or build it with as many classes as there are (num_classes)"
        )


def check_attributes(attributes: Any, count: int) -> None:
    """Raise GenlabError for attributes that are not (B, count), from 0 (absent) to 1 (present)."""
    shape = tuple(attributes.shape) if isinstance(attributes, Tensor) else type(attributes).__name__
    if not isinstance(attributes, Tensor) or attributes.ndim != 2 or attributes.shape[1] != count:
        raise GenlabError(f"attributes are {shape}; this model has {count} and takes a tensor (B, {count})")
    low, high = _range(attributes)
    if not (0 <= low and high <= 1):
        signs = (low, high) == (-1, 1)
        raise GenlabError(
            f"attributes lie between {low:g} and {high:g}; genlab takes 0 (absent) to 1 (present)"
            + (": (attributes + 1) / 2" if signs else "")
        )


def _range(values: Tensor) -> tuple[float, float]:
    """Return the smallest and the largest value, both NaN if any value is; (0, 0) if there are none to look at."""
    if not values.numel():
        return 0.0, 0.0
    try:
        low, high = torch.stack(values.detach().aminmax()).tolist()  # one transfer
    except RuntimeError:  # inside of torch.vmap, or on the meta device
        return 0.0, 0.0
    return float(low), float(high)


def _to_unit_range(low: float, high: float) -> str:
    """Suggest how to convert images with this range to [0, 1]."""
    if low >= -OVERSHOOT and high <= 1 + OVERSHOOT:
        return "x.clamp(0, 1), if a resize overshot"
    if low >= -1 - TOLERANCE and high <= 1 + TOLERANCE:
        return "(x + 1) / 2"
    if low >= -TOLERANCE and high <= 255 + TOLERANCE:
        return "x / 255"
    return "leave out their normalisation, or undo it (x * deviation + mean)"


def _name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")
