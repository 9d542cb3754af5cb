"""Devices for tools: the model runs on an accelerator or the CPU; images, codes and random numbers are on the CPU."""

import contextlib
import functools
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

import torch
from lightning.fabric.utilities import move_data_to_device

from genlab.errors import GenlabError

CPU = torch.device("cpu")
METHODS = (
    *("encode", "decode", "reconstruct", "sample", "translate", "elbo", "log_likelihood", "predict_step"),
    *("bound", "log_prob", "vary", "complete", "on_the_way", "unnormalized", "description", "moments"),
    *("styles", "synthesize"),
)
"""Methods that tools call on the models that have them."""

Model = TypeVar("Model")


def device_of(name: str | None) -> torch.device:
    """Find a device by name: cpu, cuda, cuda:1, mps; by default an available accelerator, else the CPU.

    Raises:
        GenlabError: for a device that is not available.
    """
    accelerator = torch.accelerator.current_accelerator() if torch.accelerator.is_available() else None
    if name is None:
        return accelerator or CPU
    try:
        device = torch.device(name)
    except RuntimeError:
        device = None
    if device and device.type == "cpu":
        return device
    count = torch.accelerator.device_count() if accelerator else 0
    if device is None or accelerator is None or device.type != accelerator.type or (device.index or 0) >= count:
        there = ["cpu", *(f"{accelerator.type}:{index}" for index in range(count) if accelerator)]
        raise GenlabError(f"there is no device {name}; this machine has {', '.join(there)}")
    return device


def moved(model: Model, device: torch.device, methods: Sequence[str] = METHODS) -> Model:
    """Move a model to a device, and make the methods that tools call take and return tensors on the CPU.

    Random numbers are drawn on the CPU, so that results agree on all devices. What `given(condition)` returns is moved
    in the same way.
    """
    if isinstance(model, torch.nn.Module):
        model.to(device)
    changed = {name: _at_hand(getattr(model, name), device) for name in methods if hasattr(model, name)}
    given = getattr(model, "given", None)
    if given is not None:
        changed["given"] = functools.wraps(given)(lambda condition: moved(given(condition), device))
    for name, method in changed.items():
        object.__setattr__(model, name, method)  # nn.Module's own refuses a function in place of a submodule
    return model


@contextlib.contextmanager
def full_precision() -> Iterator[None]:
    """Run convolutions and recurrent layers on CUDA in float32, not in TensorFloat-32, which has a 10-bit mantissa.

    With TensorFloat-32, metrics differ from a CPU's, and the small steps of perceptual path lengths are lost to
    rounding.
    """
    before = torch.backends.cudnn.allow_tf32
    torch.backends.cudnn.allow_tf32 = False
    try:
        yield
    finally:
        torch.backends.cudnn.allow_tf32 = before


def _at_hand(method: Callable[..., Any], device: torch.device) -> Callable[..., Any]:
    """Wrap a method of a model on a device to take and return tensors on the CPU, alone or in dicts."""

    @functools.wraps(method)
    def called(*args: Any, **kwargs: Any) -> Any:
        there = move_data_to_device([args, kwargs], device)
        return move_data_to_device(method(*there[0], **there[1]), "cpu")

    return called
