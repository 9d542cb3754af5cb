"""Hyperparameters as plain data, so that every checkpoint is safe to open and describes itself.

A class given as an argument, or a `functools.partial` of one, is kept as `{"class_path": ..., "init_args": ...}`, a
function by its dotted name: the form that the command line writes too.
"""

import contextlib
import dataclasses
import functools
import importlib
import inspect
import os
import sys
from collections.abc import Mapping
from textwrap import shorten
from types import FrameType
from typing import Any

import numpy as np
from lightning.pytorch.core.mixins.hparams_mixin import HyperparametersMixin, _given_hyperparameters
from lightning.pytorch.utilities.parsing import collect_init_args
from torch import nn

from genlab import renames
from genlab.errors import GenlabError
from genlab.parsing.own_code import imported
from genlab.recorded import Recorded, built_already, not_recorded, require_own_weights

LONGEST = 200
"""Maximum number of characters of a value in a message."""
INSTANTIATOR = "lightning.pytorch.cli.instantiate_module"
"""Path of the function by which Lightning's `load_from_checkpoint` builds an object from plain hyperparameters."""


class PlainHyperparameters(HyperparametersMixin):
    """Mixin for models and DataModules whose `save_hyperparameters` keeps plain data and the class."""

    def save_hyperparameters(
        self,
        *args: Any,
        ignore: Any = None,
        frame: FrameType | None = None,
        logger: bool = True,
    ) -> None:
        """Save arguments that are plain data, classes, partials of classes, functions, or networks.

        For an argument that was None, the value that the constructor chose before the call is kept. A network that is
        already built, or each of several in a list, is described if it is `Recorded`; a model is described by its own
        hyperparameters: the weights are in the checkpoint. Other objects are described as in the config, if there is
        one.

        Raises:
            GenlabError: for an argument that cannot be written down, such as a lambda or another built module, and for
                two networks that share weights.
        """
        frame = frame or inspect.currentframe().f_back  # type: ignore[union-attr]
        chosen = frame.f_locals  # type: ignore[union-attr]
        model = type(self).__name__
        config = _given_hyperparameters.get() or {}  # may belong to an object that takes this one as an argument
        if config.get("_class_path", model).rpartition(".")[2] != model:
            config = {}
        constructors = collect_init_args(frame, [], classes=(HyperparametersMixin,))  # type: ignore[arg-type]
        passed = {name: value for arguments in constructors for name, value in arguments.items()}
        if args:
            passed = {name: passed[name] for name in args} if isinstance(args[0], str) else dict(args[0])
        left_out = [ignore] if isinstance(ignore, str) else ignore or ()
        given = {
            name: chosen.get(name) if value is None else value
            for name, value in {**self.hparams, **passed}.items()
            if name in arguments_of(type(self)) and name not in left_out
        }
        require_own_weights(_each(given), model)
        described = {name: _described(value, f"{model}({name}=...)", config.get(name)) for name, value in given.items()}
        described["_instantiator"] = INSTANTIATOR
        if is_importable(type(self)):
            described["_class_path"] = dotted_name(type(self))
        self.hparams.clear()
        super().save_hyperparameters(described, frame=frame, logger=logger)


def plain(value: Any, where: str) -> Any:
    """Describe a value by nested dicts, lists, strings and numbers; `where` names it in errors."""
    if isinstance(value, np.generic):  # a number of numpy's, some of which are also Python's
        value = value.item()
    if value is None or isinstance(value, str | int | float | bool):
        return value
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if isinstance(value, Mapping):
        return {key: plain(item, where) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item, where) for item in value]
    if isinstance(value, functools.partial):
        # jsonargparse hands over partials of an instantiator of its own, with the class as last positional argument
        factory = value.args[-1] if value.args else value.func
        if inspect.isclass(factory):
            return class_with_arguments(factory, value.keywords, where)
    if isinstance(value, PlainHyperparameters) and "_class_path" in value.hparams:  # a model that others build on
        return as_section(value.hparams)
    if dataclasses.is_dataclass(value) and not inspect.isclass(value) and is_importable(type(value)):
        fields = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
        return class_with_arguments(type(value), fields, where)
    if inspect.isclass(value) and is_importable(value):
        return class_with_arguments(value, {}, where)
    if inspect.isfunction(value) and is_importable(value):
        return dotted_name(value)
    if isinstance(value, nn.Module):
        raise GenlabError(f"{where} is a {built_already(value)}")
    raise GenlabError(
        f"{where} cannot be kept in a checkpoint as plain data: {shorten(repr(value), LONGEST)}; "
        "give a class, a functools.partial of a class with keyword arguments, a function, or a dataclass instance, "
        "all of them defined in a module"
    )


def _each(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """List arguments by name, and the items of lists one by one, such as "layers[0]"."""
    each: dict[str, Any] = {}
    for name, value in arguments.items():
        several = {f"{name}[{i}]": item for i, item in enumerate(value)} if isinstance(value, list | tuple) else {}
        each |= several or {name: value}
    return each


def _described(value: Any, where: str, configured: Any) -> Any:
    """Describe an argument by itself, or as the config does if it is a network or cannot describe itself."""
    is_network = isinstance(value, nn.Module) and not isinstance(value, PlainHyperparameters)
    if is_network and configured is not None:
        return plain(configured, where)
    try:
        return _described_by_itself(value, where)
    except GenlabError:
        if configured is None:
            raise
        return plain(configured, where)


def _described_by_itself(value: Any, where: str) -> Any:
    """Describe a model's argument: `Recorded` networks, alone or in a list, by the class that builds them."""
    if isinstance(value, list | tuple):
        return [_described_by_itself(item, where) for item in value]
    if not isinstance(value, nn.Module) or isinstance(value, PlainHyperparameters):
        return plain(value, where)
    if not isinstance(value, Recorded):
        raise GenlabError(f"{where} is a {not_recorded(value)}")
    cls, arguments = type(value), value.described()
    if not is_importable(cls):
        raise GenlabError(f"{where} is a built {cls.__name__}, a class that is not defined in a module: move it to one")
    for name in arguments:
        if name.startswith("*"):
            raise GenlabError(
                f"{where} is a built {cls.__name__}, whose constructor takes {name}; "
                "a checkpoint keeps arguments by name, so name each one"
            )
    inside = {
        name: plain(item, where.replace("...", f"{cls.__name__}({name}=...)")) for name, item in arguments.items()
    }
    return {"class_path": dotted_name(cls), "init_args": inside}


def class_with_arguments(cls: type, given: Mapping[str, Any], where: str) -> dict[str, Any]:
    """Describe a class with the given arguments and the defaults of all others.

    Defaults are written down because jsonargparse would fill gaps with those of another class, the argument's default.
    As on the command line, an empty "init_args" is left out, so that the checkpoint of a resumed training is the same.
    """
    parameters = [*inspect.signature(cls.__init__).parameters.values()][1:]  # type: ignore[misc]
    supplied = cls.supplied if issubclass(cls, Recorded) else 0  # the model supplies these, whatever their defaults
    defaults = {p.name: p.default for p in parameters[supplied:] if p.default is not p.empty}
    described = plain({**defaults, **given}, where)
    return {"class_path": dotted_name(cls)} | ({"init_args": described} if described else {})


def as_section(description: Mapping[str, Any]) -> dict[str, Any]:
    """Turn hyperparameters into the section of a config: class and arguments."""
    arguments = {name: value for name, value in description.items() if not name.startswith("_")}
    return {"class_path": description["_class_path"], "init_args": arguments}


def arguments_of(cls: type) -> set[str]:
    """List the names of a constructor's arguments, including those that it passes on as **kwargs."""
    names: set[str] = set()
    for base in cls.__mro__:
        parameters = inspect.signature(base.__init__).parameters.values()  # type: ignore[misc]
        names |= {parameter.name for parameter in parameters}
        if not any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
            break
    return names


def dotted_name(thing: type | Any) -> str:
    """Name a class or function by its shortest public path, so that files may move: `genlab.networks.MLPEncoder`."""
    parts = thing.__module__.split(".")
    modules = (".".join(parts[: length + 1]) for length in range(len(parts)))
    public = (module for module in modules if getattr(sys.modules.get(module), thing.__qualname__, None) is thing)
    return f"{next(public, thing.__module__)}.{thing.__qualname__}"


def with_current_paths(description: Any) -> Any:
    """Translate hyperparameters that this or an earlier version of this module wrote to today's names.

    See `genlab.renames`. A class is named by its public path, wherever its file is: `genlab.models.vae.VAE` becomes
    `genlab.VAE`.
    """
    return _with_public_paths(renames.translated(description))


def with_current_arguments(description: Any) -> Any:
    """Translate the arguments of the user's own classes too, which may inherit genlab's constructors.

    The classes are imported, so they must be trusted.
    """
    return renames.translated(description, _arguments_now)


def _arguments_now(class_path: str) -> dict[str, str]:
    with contextlib.suppress(Exception):  # building it reports what is wrong
        cls = imported(class_path)
        return {old: new for old, new in renames.inherited_now(cls).items() if old not in arguments_of(cls)}
    return {}


def _with_public_paths(description: Any) -> Any:
    if isinstance(description, Mapping):
        return {key: _with_public_paths(value) for key, value in description.items()}
    if isinstance(description, list):
        return [_with_public_paths(value) for value in description]
    if not isinstance(description, str) or not description.startswith("genlab."):
        return description
    parts = description.split(".")
    with contextlib.suppress(ImportError, AttributeError):
        return dotted_name(getattr(importlib.import_module(".".join(parts[:2])), parts[-1]))
    return description


def is_importable(thing: type | Any) -> bool:
    """Tell whether a class or function can be imported by its dotted name."""
    return getattr(sys.modules.get(thing.__module__), thing.__qualname__, None) is thing
