"""Conditions of conditional models, as the page sends them."""

import json
import math
from typing import Any

import torch
from torch import Tensor

from genlab.capabilities import Conditional, can
from genlab.conditions import Attributes, Condition, Labels
from genlab.errors import GenlabError
from genlab.explore.explored import Explored, floats
from genlab.explore.gallery import Gallery
from genlab.explore.wire import images_from


def described(explored: Explored) -> dict[str, Any] | None:
    """Describe the conditions that a model takes, for JSON; None for an unconditional model."""
    if not can(explored.model, Conditional):
        return None
    condition: Condition = explored.model.condition
    if condition.image_shape:
        return {"kind": "image", "shape": condition.image_shape}
    if isinstance(condition, Labels):
        return {"kind": "classes", "names": condition.class_names}
    if isinstance(condition, Attributes):
        return {"kind": "attributes", "names": condition.attribute_names, "usual": _usual(condition, explored.gallery)}
    return {"kind": "other"}  # the page has no control for these


def condition_from(explored: Explored, text: str | None, body: bytes) -> tuple[Tensor | None, bytes]:
    """Read the condition of a request.

    Args:
        explored: the model.
        text: JSON: the number of a class, or a list of attributes from 0 to 1.
        body: the request's body, which begins with the condition if conditions are images.

    Returns:
        The condition, (1, ...), or None without one; and the rest of the body.

    Raises:
        GenlabError: for anything that is not a condition of the model.
    """
    if not can(explored.model, Conditional):
        return None, body
    condition: Condition = explored.model.condition
    if condition.image_shape:
        size = math.prod(condition.image_shape)
        return floats(images_from(body[:size], condition.image_shape)), body[size:]
    if text is None:
        return None, body
    try:
        value: Any = json.loads(text)
    except (ValueError, RecursionError):
        raise GenlabError("the condition is not valid JSON") from None
    if isinstance(condition, Labels):
        return _class(value, len(condition.class_names)), body
    if isinstance(condition, Attributes):
        return _attributes(value, len(condition.attribute_names)), body
    raise GenlabError("conditions of this kind cannot be given here")


def _class(value: Any, count: int) -> Tensor:
    if type(value) is not int or not 0 <= value < count:
        raise GenlabError(f"a class is a whole number from 0 to {count - 1}")
    return torch.tensor([value])


def _attributes(value: Any, count: int) -> Tensor:
    fits = isinstance(value, list) and len(value) == count
    if not fits or not all(type(each) in (int, float) and 0 <= each <= 1 for each in value):
        raise GenlabError(f"attributes are {count} numbers from 0 to 1")
    return torch.tensor([value], dtype=torch.float32)


def _usual(condition: Attributes, gallery: Gallery | None) -> list[float]:
    """Return the attributes that most images of the gallery have, as 0 or 1; all 0 without images."""
    if gallery is None or gallery.conditions is None:
        return [0.0] * len(condition.attribute_names)
    most: list[float] = gallery.conditions.float().mean(0).round().tolist()
    return most
