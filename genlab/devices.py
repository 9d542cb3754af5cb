"""Devices of tools: the model works on an accelerator or the CPU; images, codes and random numbers are on the CPU."""

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
"""Methods of models that tools call, if there are such."""

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
    """Move a model to a device, and let the methods that tools call take and return tensors on the CPU.

    Random numbers are drawn on the CPU, so that results agree on all devices. What `given(condition)` returns is moved
    likewise.
    """
    if isinstance(model, torch.nn.Module):
        model.to(device)
    changed = {name: _at_hand(getattr(model, name), device) for name in methods if hasattr(model, name)}
    given = getattr(model, "given", None)
    if given is not None:
        changed["given"] = functools.wraps(given)(lambda condition: moved(given(condition), device))
    for name, method in changed.items():
        object.__setattr__(model, name, method)  # a module's own would refuse it in place of a submodule
    return model


@contextlib.contextmanager
def full_precision() -> Iterator[None]:
    """Let convolutions and recurrent layers on CUDA compute in float32, not in TensorFloat-32, which has 10 bits.

    In those, metrics are not what a CPU finds, and the small steps of perceptual path lengths are lost in rounding.
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
