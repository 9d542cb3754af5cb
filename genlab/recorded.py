"""Networks that are already built: what a checkpoint must know about them, and how a model takes them."""

import contextlib
import copy
import inspect
import sys
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Self, TypeVar, cast

import torch
from torch import nn

from genlab.errors import GenlabError

Network = TypeVar("Network", bound=nn.Module)


class Record(dict[str, Any]):
    """Arguments, by name, of the constructor that built a network."""

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        """Share the arguments among copies of a network: nothing changes them, and some cannot be copied."""
        return self


class Recorded:
    """Mixin for networks that records the constructor's arguments, so that models take built networks as they are.

    The mixin comes last among the bases: `class MyEncoder(nn.Sequential, Recorded)`. Checkpoints describe a network by
    the arguments of its constructor, so anything that changes its layers must be one of these; its weights are kept
    with the model's.

    Example:
        >>> trained = genlab.VAE(image_shape=(1, 28, 28), code_size=20)
        >>> vae = genlab.VAE(image_shape=(1, 28, 28), code_size=20, encoder=trained.encoder)
        >>> vae.encoder is trained.encoder
        True
    """

    supplied: ClassVar[int] = 2
    """Number of the constructor's first arguments that a model supplies: an image's shape and a size."""
    recorded: Record = Record()
    """Arguments of the constructor by name, defaults included; surplus positional ones under a name like "*layers"."""

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        """Record the arguments of the constructor."""
        network = super().__new__(cls)
        # A copy is made without arguments, and then gets the record of the original; if an argument is wrong, the
        # constructor itself raises TypeError.
        with contextlib.suppress(TypeError):
            object.__setattr__(network, "recorded", _bound(cls, network, args, kwargs))  # nn.Module is not set up yet
        return network

    def described(self) -> dict[str, Any]:
        """Return the arguments that a model does not supply, by name."""
        return dict(list(self.recorded.items())[self.supplied :])


def as_network(network: Callable[..., Network], *arguments: Any) -> Network:
    """Build a network, or check one that is already built and return it with its weights.

    Args:
        network: a factory, or a `Recorded` network.
        arguments: what the model supplies to factories: an image's shape and a size.

    Raises:
        GenlabError: for a network that was built with other arguments, was changed since, or is not `Recorded`, and for
            anything that is not a network or a factory, such as its name.
    """
    if not callable(network):
        name = str(network).rpartition(".")[2]
        known = hasattr(sys.modules.get("genlab.networks"), name)
        instead = f"the class, genlab.networks.{name}" if known else "a class, such as genlab.networks.MLPEncoder"
        raise GenlabError(f"{network!r} cannot be called to build a network; give {instead}")
    if not isinstance(network, nn.Module):
        return network(*arguments)
    if not isinstance(network, Recorded):
        raise GenlabError(f"this {not_recorded(network)}")
    found = dict(list(network.recorded.items())[: len(arguments)])
    if network.supplied != len(arguments) or _tuples(found.values()) != _tuples(arguments):
        name = type(network).__name__
        built = ", ".join(f"{key} {value}" for key, value in found.items()) or "no arguments"
        needed = ", ".join(map(str, arguments))
        raise GenlabError(
            f"this {name} was built with {built}, but the model needs {needed}; build it with these, "
            f"or give the class, {name}, or a functools.partial of it"
        )
    if changed := _changed(network):
        name = type(network).__name__
        raise GenlabError(
            f"layers of this {name} were changed after it was built ({changed}), which a checkpoint cannot describe; "
            "make such changes in the constructor of a class of your own"
        )
    return cast(Network, network)


def another(network: Callable[..., Network]) -> Callable[..., Network]:
    """Copy a network that is already built; return a factory as it is, since it builds another network each time."""
    return copy.deepcopy(network) if isinstance(network, nn.Module) else network


def built_already(network: nn.Module) -> str:
    """Say what to give instead of a network that a checkpoint cannot describe; the text follows "is a" or "this"."""
    name = type(network).__name__
    return (
        f"built {name}, which a checkpoint cannot describe; give the class, {name}, or "
        f"functools.partial({name}, ...) with keyword arguments, for the model to build"
    )


def not_recorded(network: nn.Module) -> str:
    """Say the same about an argument of a model if its class could be `Recorded`."""
    return f"{built_already(network)}; a network's class may also inherit from genlab.networks.Recorded"


def require_own_weights(networks: Mapping[str, Any], model: str) -> None:
    """Check that no two of a model's networks share weights, which loading would separate.

    Args:
        networks: arguments of the model by name, networks among them.
        model: name of the model, for the error.

    Raises:
        GenlabError: for two networks that share a parameter.
    """
    owners: dict[int, str] = {}
    for name, network in networks.items():
        for part in network.parameters() if isinstance(network, nn.Module) else ():
            owner = owners.setdefault(id(part), name)
            if owner != name:
                raise GenlabError(
                    f"{model}({owner}=..., {name}=...): both share weights, which a checkpoint would separate; "
                    "pass a copy as one of them: copy.deepcopy(network)"
                )


def _bound(cls: type, network: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Record:
    """Bind a constructor's arguments to their names.

    Raises:
        TypeError: for arguments that it does not take.
    """
    signature = inspect.signature(cls.__init__)  # type: ignore[misc]
    bound = signature.bind(network, *args, **kwargs)
    bound.apply_defaults()
    found = Record()
    for name, value in list(bound.arguments.items())[1:]:
        kind = signature.parameters[name].kind
        if kind is inspect.Parameter.VAR_KEYWORD:
            found.update(value)
        elif kind is not inspect.Parameter.VAR_POSITIONAL:
            found[name] = value
        elif value:
            found[f"*{name}"] = value
    return found


def _changed(network: Any) -> str | None:
    """Name a weight whose shape differs from what the constructor builds; None if none does or that is unknown."""
    try:
        with warnings.catch_warnings(action="ignore"), torch.random.fork_rng([]), torch.device("meta"):
            fresh = type(network)(**network.recorded)
        shapes = [{name: value.shape for name, value in each.state_dict().items()} for each in (network, fresh)]
    except Exception:  # a user's own constructor may do anything
        return None
    return next((name for name in [*shapes[0], *shapes[1]] if shapes[0].get(name) != shapes[1].get(name)), None)


def _tuples(values: Any) -> list[Any]:
    """Convert the lists among values to tuples."""
    return [tuple(value) if isinstance(value, Sequence) and not isinstance(value, str) else value for value in values]
