"""What callers give models: images as PyTorch, NumPy and Pillow have them, codes, conditions and seeds.

Training works on batches of tensors (see `genlab.batches`); all of this is for the methods that people call.
"""

import functools
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Concatenate, ParamSpec, TypeAlias, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from PIL.Image import Image
from torch import Generator, Tensor

from genlab.errors import GenlabError, listed, suggestion
from genlab.images import MODES, upright
from genlab.models.base import ImageModel
from genlab.types import Shape

Images: TypeAlias = Tensor | NDArray[Any] | Image | Sequence[Tensor | NDArray[Any] | Image]
"""Images, or one: a tensor (B, C, H, W) or (C, H, W); an array of these shapes or (B, H, W, C), (H, W, C), and for grey
images (B, H, W), (H, W); a PIL image; or a list of single ones. Floats are in [0, 1], uint8 in 0 to 255."""
Codes: TypeAlias = Tensor | NDArray[Any] | Sequence[Any]
"""Codes (B, code_size), or one (code_size,), or a list of single ones."""
Condition: TypeAlias = Tensor | NDArray[Any] | Image | int | str | Mapping[str, float] | Sequence[Any]
"""Labels or class names; attributes (B, count), one (count,), or by name, others being absent; or images."""

Able = TypeVar("Able")
Arguments = ParamSpec("Arguments")


def of_images(
    method: Callable[Concatenate[Able, Tensor, Arguments], Tensor],
) -> Callable[Concatenate[Able, Images, Arguments], Tensor]:
    """Let a method of images (B, C, H, W) take `Images`, and compute as `ImageModel.inference` says.

    The result for one image, not in a batch, is one row.
    """

    @functools.wraps(method)
    def called(able: Able, x: Images, *args: Arguments.args, **kwargs: Arguments.kwargs) -> Tensor:
        model = model_of(able)
        images, single = images_of(x, model.image_shape, model)
        with _inference(able, images):
            found = method(able, images, *args, **kwargs)
        return found[0] if single else found

    return called  # type: ignore[return-value]  # the image may be named


def of_codes(
    method: Callable[Concatenate[Able, Tensor, Arguments], Tensor],
) -> Callable[Concatenate[Able, Codes, Arguments], Tensor]:
    """Let a method of codes (B, code_size) take `Codes`, and compute as `ImageModel.inference` says.

    The result for one code, not in a batch, is one row. Raises GenlabError for codes of another size.
    """

    @functools.wraps(method)
    def called(able: Able, z: Codes, *args: Arguments.args, **kwargs: Arguments.kwargs) -> Tensor:
        model, size = model_of(able), able.code_size  # type: ignore[attr-defined]
        several = isinstance(z, list | tuple) and len(z) > 0
        codes = torch.stack([*map(torch.as_tensor, z)]) if several else torch.as_tensor(z)
        codes = codes.to(next(model.parameters()))
        if codes.ndim not in (1, 2) or codes.shape[-1] != size:
            raise GenlabError(
                f"{type(model).__name__} decodes codes of shape (B, {size}) or ({size},), not {tuple(codes.shape)}"
            )
        with _inference(able, codes):
            found = method(able, codes if codes.ndim == 2 else codes[None], *args, **kwargs)
        return found if codes.ndim == 2 else found[0]

    return called  # type: ignore[return-value]  # the code may be named


def model_of(able: Any) -> ImageModel:
    """The model itself, or the one that `given` was asked of."""
    model: ImageModel = able if isinstance(able, ImageModel) else able.model
    return model


def generator_of(seed: int | None, generator: Generator | None) -> Generator | None:
    """The generator, or one with the seed; raises GenlabError for both at once."""
    if seed is None:
        return generator
    if generator is not None:
        raise GenlabError("give either a seed or a generator")
    return torch.Generator().manual_seed(seed)


def images_of(given: Any, shape: Shape, model: ImageModel, any_size: bool = False) -> tuple[Tensor, bool]:
    """Images as a tensor (B, C, H, W) on the model's device, and whether it was a single one.

    Args:
        given: `Images`.
        shape: (C, H, W) of the images that the model takes.
        model: says the device and precision; its class is named in errors.
        any_size: whether height and width may differ from these.

    Raises:
        GenlabError: for what cannot be images of this shape. Tensors are not checked, but by `ImageModel.seen`.
    """
    if isinstance(given, Tensor):
        floats = given.to(next(model.parameters())) / 255 if given.dtype == torch.uint8 else given
        images = floats.to(next(model.parameters()).device)
        return (images[None], True) if images.ndim == 3 else (images, False)
    if isinstance(given, list | tuple) and given and not isinstance(given[0], list | tuple):
        ones = [images_of(one, shape, model, any_size) for one in given]
        sizes = {tuple(image.shape) for image, _ in ones}
        if len(sizes) > 1 or not ones[0][1]:
            raise GenlabError(f"a list holds single images of one shape, not {', '.join(map(str, sorted(sizes)))}")
        return torch.cat([image for image, _ in ones]), False
    channels, height, width = shape
    if isinstance(given, Image):
        if channels not in MODES:
            raise GenlabError(f"{type(model).__name__} takes images of {channels} channels, which no PIL image has")
        given = upright(given, channels)
        if not any_size and given.size != (width, height):
            raise GenlabError(
                f"{type(model).__name__} takes images of {width} x {height} pixels, not of {given.width} x "
                f"{given.height}: image.resize(({width}, {height}))"
            )
        given = np.asarray(given)
    if not isinstance(given, np.ndarray):
        opened = ": PIL.Image.open(path)" if isinstance(given, str) else ""
        raise GenlabError(
            f"{type(model).__name__} takes images of shape {shape}, or (B, {channels}, {height}, {width}), as tensors, "
            f"NumPy arrays or PIL images, or a list of these, not {type(given).__name__}{opened}"
        )
    if given.dtype != np.uint8 and given.dtype != np.bool_ and not np.issubdtype(given.dtype, np.floating):
        raise GenlabError(f"images are {given.dtype}; genlab takes floats in [0, 1], or uint8 from 0 to 255")
    array, single = arranged(given, shape, any_size)
    images = torch.tensor(np.ascontiguousarray(array)).to(next(model.parameters()))
    return (images / 255 if given.dtype == np.uint8 else images), single


def arranged(array: NDArray[Any], shape: Shape, any_size: bool) -> tuple[NDArray[Any], bool]:
    """An array of images with axes (B, C, H, W), and whether it was a single one; see `Images`."""

    def fits(channels: int, height: int, width: int) -> bool:
        return channels == shape[0] and (any_size or (height, width) == shape[1:])

    if array.ndim == 2:
        return array[None, None], True
    if array.ndim == 3:
        height, width, channels = array.shape
        if not fits(*array.shape) and fits(channels, height, width):
            return array.transpose(2, 0, 1)[None], True
        if not fits(*array.shape) and fits(1, *array.shape[1:]):
            return array[:, None], False
        return array[None], True
    if array.ndim == 4 and not fits(*array.shape[1:]) and fits(array.shape[3], *array.shape[1:3]):
        return array.transpose(0, 3, 1, 2), False
    return array, False


def labels_of(condition: Any, class_names: Sequence[str]) -> Tensor:
    """Labels (B,), int64, from one or more of them or of the names of classes; a tensor of labels as it is.

    A label may be a text too, unless classes are called by other numbers. Raises GenlabError for unknown names.
    """
    if isinstance(condition, Tensor) and condition.ndim:
        return condition
    several = isinstance(condition, list | tuple) or (isinstance(condition, np.ndarray) and condition.ndim)
    return torch.tensor([_label(one, class_names) for one in (condition if several else [condition])])


def attributes_of(condition: Any, names: Sequence[str]) -> Tensor:
    """Attributes (B, len(names)) from a tensor or array of these, one row, or one or more dicts from names to values.

    What a dict does not name is absent. Raises GenlabError for unknown names.
    """
    if isinstance(condition, str):
        raise GenlabError(f"attributes have values: {{{condition!r}: 1}}, not {condition}")
    rows = condition if isinstance(condition, list | tuple) else [condition]
    if all(isinstance(row, Mapping) for row in rows):
        for name in (name for row in rows for name in row if name not in names):
            raise GenlabError(f"there is no attribute {name}; {suggestion(name, names)}")
        return torch.tensor([[float(row.get(name, 0)) for name in names] for row in rows])
    attributes = torch.as_tensor(condition)
    return attributes[None] if attributes.ndim == 1 else attributes


def _inference(able: Any, given: Tensor) -> AbstractContextManager[Any]:
    model = model_of(able)
    return model.inference(given) if able is model else model.inference(given, able.condition)


def _label(one: Any, class_names: Sequence[str]) -> int:
    if not isinstance(one, str):
        return int(one)
    if one in class_names:
        return class_names.index(one)
    labels = [str(label) for label in range(len(class_names))]
    if any(name.isdecimal() for name in class_names):
        known = f"0 to {labels[-1]}" if labels == [*class_names] else listed(class_names, most=20)
        raise GenlabError(f"there is no class {one}; there are {known}")
    if one in labels:
        return int(one)
    raise GenlabError(f"there is no class {one}; {suggestion(one, class_names)}")
