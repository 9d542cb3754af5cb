"""Inputs that people pass to models in Python: images as PyTorch, NumPy and Pillow have them, and seeds.

Training works on batches of tensors (see `genlab.batches`); this module is for the methods that people call.
"""

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from PIL.Image import Image
from torch import Generator, Tensor, nn

from genlab.errors import GenlabError
from genlab.images import MODES, upright
from genlab.types import Shape

Images: TypeAlias = Tensor | NDArray[Any] | Image | Sequence[Tensor | NDArray[Any] | Image]
"""One or more images: a tensor (B, C, H, W) or (C, H, W); an array of these shapes or (B, H, W, C), (H, W, C), and for
grey images (B, H, W), (H, W); a PIL image; or a list of single ones. Floats are in [0, 1], uint8 in 0 to 255."""
Codes: TypeAlias = Tensor | NDArray[Any] | Sequence[Any]
"""One or more codes: (B, *code_shape), code_shape, or a list of single ones."""


def generator_of(seed: int | None, generator: Generator | None) -> Generator | None:
    """Return the generator, or a new one with the seed.

    Raises:
        GenlabError: if both are given.
    """
    if seed is None:
        return generator
    if generator is not None:
        raise GenlabError("give either a seed or a generator")
    return torch.Generator().manual_seed(seed)


def random_of(seed: int | None, generator: Generator | None) -> Generator:
    """Return the generator, or a new one with the seed, or else torch's global one for the CPU.

    Raises:
        GenlabError: if both are given.
    """
    return generator_of(seed, generator) or torch.default_generator


def images_of(given: Any, shape: Shape, model: nn.Module, any_size: bool = False) -> tuple[Tensor, bool]:
    """Convert images to a tensor (B, C, H, W) on the model's device, and tell whether it was a single image.

    Args:
        given: `Images`.
        shape: (C, H, W) of the images that the model takes.
        model: gives the device and precision; its class is named in errors.
        any_size: whether height and width may differ from the model's.

    Raises:
        GenlabError: for anything that cannot be images of this shape. Only `ImageModel.seen` checks tensors.
    """
    weights = next(model.parameters())
    if isinstance(given, Tensor):
        floats = given.to(weights) / 255 if given.dtype == torch.uint8 else given
        images = floats.to(weights.device)
        return (images[None], True) if images.ndim == 3 else (images, False)
    if isinstance(given, list | tuple) and given and not isinstance(given[0], list | tuple):
        ones = [images_of(one, shape, model, any_size) for one in given]
        sizes = {tuple(image.shape) for image, _ in ones}
        if len(sizes) > 1 or not ones[0][1]:
            raise GenlabError(f"a list must hold single images of one shape, not {', '.join(map(str, sorted(sizes)))}")
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
    images = torch.tensor(np.ascontiguousarray(array)).to(weights)
    return (images / 255 if given.dtype == np.uint8 else images), single


def mask_of(mask: Any, x: Tensor) -> Tensor:
    """Return masks (B or 1, 1, H, W) for images (B, C, H, W), on their device.

    Raises:
        GenlabError: for masks of another size or number.
    """
    found = torch.as_tensor(mask).to(x.device)
    if found.shape[-2:] != x.shape[-2:]:
        sizes = [" x ".join(map(str, reversed(given.shape[-2:]))) for given in (found, x)]
        raise GenlabError(f"the mask has {sizes[0]} pixels, but the images have {sizes[1]}; give one of their size")
    found = found.reshape(-1, 1, *x.shape[-2:])
    if len(found) not in (1, len(x)):
        raise GenlabError(f"there are {len(found)} masks for {len(x)} images; give one for each, or one for all")
    return found


def arranged(array: NDArray[Any], shape: Shape, any_size: bool) -> tuple[NDArray[Any], bool]:
    """Order the axes of an array of images as (B, C, H, W), and tell whether it was a single image; see `Images`."""

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
