"""Classes and arguments that were renamed: old names still work, with a warning in configs and on command lines.

Imports nothing heavy.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

CLASSES: dict[str, str] = {
    "genlab.models.Schedule": "genlab.models.StageSchedule",
    "genlab.callbacks.SafeWandbLogger": "genlab.loggers.SafeWandbLogger",
}
"""Old public paths of classes, and the new ones."""
ARGUMENTS: dict[str, dict[str, str]] = {
    f"genlab.networks.{network}": {"width": "channels"}
    for network in (
        "ConvDecoder",
        "ConvEncoder",
        "DCGANDiscriminator",
        "DCGANGenerator",
        "PatchDiscriminator",
        "ResNetGenerator",
        "UNet",
        "UpsamplingDecoder",
    )
}
"""Old names of arguments, and the new ones, by the public path of a class such as "genlab.networks.UNet"."""

NAMING = ("class_path", "_class_path", "model", "data")
"""Keys whose value names a class."""


def class_now(name: str) -> str | None:
    """Return the new path of a class that is given by its old path or old name alone; None for any other."""
    package, _, short = name.rpartition(".")
    for old, new in CLASSES.items():
        above, _, last = old.rpartition(".")
        if last == short and (not package or f"{package}.".startswith(f"{above}.")):  # whichever file it was in
            return new
    return None


def arguments_now(class_path: str) -> dict[str, str]:
    """Map the old names of a class's arguments to the new ones.

    Args:
        class_path: a class of genlab's, by any of its paths or by its name alone.
    """
    package, _, name = class_path.rpartition(".")
    if package.partition(".")[0] not in ("", "genlab"):
        return {}
    return next((names for path, names in ARGUMENTS.items() if path.rpartition(".")[2] == name), {})


def inherited_now(cls: type) -> dict[str, str]:
    """Map old names of arguments to new ones, for a class that may inherit one of genlab's constructors."""
    bases = [base for base in cls.__mro__ if base.__module__.startswith("genlab.")]
    return {old: new for base in bases for old, new in arguments_now(base.__name__).items()}


def translated(description: Any, names_of: Callable[[str], Mapping[str, str]] = arguments_now) -> Any:
    """Translate plain data that describe objects: a config, or a checkpoint's hyperparameters.

    Args:
        description: nested dicts and lists.
        names_of: maps the old names of the arguments of a class, by its path, to the new ones.
    """
    if isinstance(description, list | tuple):
        return [translated(value, names_of) for value in description]
    if isinstance(description, str):
        return ("." in description and class_now(description)) or description
    if not isinstance(description, Mapping):
        return description
    found = {key: translated(value, names_of) for key, value in description.items()}
    for key in NAMING:
        if isinstance(name := found.get(key), str):
            found[key] = class_now(name) or name
    if isinstance(name := found.get("_class_path"), str):
        found = with_new_keys(found, names_of(name))
    if isinstance(name := found.get("class_path"), str):
        for key in ("init_args", "dict_kwargs"):
            if isinstance(arguments := found.get(key), dict):
                found[key] = with_new_keys(arguments, names_of(name))
    return found


def with_new_keys(arguments: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """Rename the keys of arguments; an old key beside its new one is kept, so that the constructor refuses it."""
    return {
        names[key] if key in names and names[key] not in arguments else key: value for key, value in arguments.items()
    }


def old_classes(config: Any, key: str = "") -> Iterator[str]:
    """Find the old paths and names of classes in a config, or in the value of its `key`."""
    if isinstance(config, Mapping):
        for name, value in config.items():
            yield from old_classes(value, name)
    elif isinstance(config, list):
        for value in config:
            yield from old_classes(value, key)
    elif isinstance(config, str) and ("." in config or key in NAMING) and class_now(config):
        yield config
