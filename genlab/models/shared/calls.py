"""Decorators of public methods: they accept what callers have, and compute in the right mode."""

import functools
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, Concatenate, ParamSpec, TypeVar

import torch
from torch import Tensor

from genlab.errors import GenlabError
from genlab.inputs import Codes, Images
from genlab.models.shared.base import Model

Able = TypeVar("Able")
Arguments = ParamSpec("Arguments")


def of_images(
    method: Callable[Concatenate[Able, Tensor, Arguments], Tensor],
) -> Callable[Concatenate[Able, Images, Arguments], Tensor]:
    """Let a method of images (B, C, H, W) take `Images`, and run it under `Model.inference`.

    For a single image without a batch dimension, the result has none either. Models of other observations take what
    their `observed` does.
    """

    @functools.wraps(method)
    def called(able: Able, x: Images, *args: Arguments.args, **kwargs: Arguments.kwargs) -> Tensor:
        model = model_of(able)
        images, single = model.observed(x)
        with _inference(able, images):
            found = method(able, images, *args, **kwargs)
        return found[0] if single else found

    return called  # type: ignore[return-value]  # the image may be passed by name


def of_codes(
    method: Callable[Concatenate[Able, Tensor, Arguments], Tensor],
) -> Callable[Concatenate[Able, Codes, Arguments], Tensor]:
    """Let a method of codes (B, *code_shape) take `Codes`, and run it under `Model.inference`.

    For a single code without a batch dimension, the result has none either. Raises GenlabError for another shape.
    """

    @functools.wraps(method)
    def called(able: Able, z: Codes, *args: Arguments.args, **kwargs: Arguments.kwargs) -> Tensor:
        model, shape = model_of(able), tuple(able.code_shape)  # type: ignore[attr-defined]
        several = isinstance(z, list | tuple) and len(z) > 0
        codes = torch.stack([*map(torch.as_tensor, z)]) if several else torch.as_tensor(z)
        weights = next(model.parameters())
        codes = codes.to(weights.device) if model.discrete_codes else codes.to(weights)
        single = codes.shape == shape
        if not single and codes.shape[1:] != shape:
            batch = ", ".join(map(str, ("B", *shape)))
            raise GenlabError(
                f"{type(model).__name__} decodes codes of shape ({batch}) or {shape}, not {tuple(codes.shape)}"
            )
        with _inference(able, codes):
            found = method(able, codes[None] if single else codes, *args, **kwargs)
        return found[0] if single else found

    return called  # type: ignore[return-value]  # the code may be passed by name


def model_of(able: Any) -> Any:
    """Return the model itself, or the one whose `given` was called."""
    return able if isinstance(able, Model) else able.model


def _inference(able: Any, given: Tensor) -> AbstractContextManager[Any]:
    model: Model = model_of(able)
    return model.inference(given) if able is model else model.inference(given, able.condition)
