"""The parser of configs and of the training commands' options."""

import argparse
import copy
import inspect
import re
from collections.abc import Sequence
from typing import Any, NoReturn

import yaml
from jsonargparse import Namespace, get_loader, set_loader
from lightning.pytorch.cli import LightningArgumentParser

from genlab import renames
from genlab.errors import GenlabError
from genlab.parsing.mistakes import explain
from genlab.parsing.safe_yaml import require_sane

_load = get_loader("yaml")


def load_sane(text: str) -> Any:
    """Load YAML as jsonargparse does (configs, files that they name, variables and values), and update old names."""
    require_sane(text)
    return renames.translated(_load(text))


set_loader("yaml", load_sane, exceptions=(yaml.YAMLError,))


MOST_CLASSES = 50
"""Maximum number of classes that help lists for an argument."""
KNOWN_CLASSES = re.compile(r"known\s+subclasses:\s+([\w.,\s]+)(?=\))")
"""The list of classes in a help text, where a line may break within a name."""


def _shortened(found: re.Match[str]) -> str:
    """Return a list of classes, or what to give instead if the list is long."""
    count = found[1].count(",") + 1
    return (
        found[0]
        if count <= MOST_CLASSES
        else f"any of {count} known\n{' ' * 24}classes, or another, by its import path"
    )


def _class_of(value: Any) -> str | None:
    """Return the path of the class that an argument names, if it is one with arguments of its own."""
    return value.get("class_path") if isinstance(value, Namespace | dict) else None


class ExplainingParser(LightningArgumentParser):
    """Lightning's parser, but with GenlabErrors of one line as errors; it also takes old names of arguments."""

    _parsed: type | None = None
    """The class whose arguments are parsed, if it is itself an argument of another parser."""
    _given: Sequence[Any] = ()
    """The configs whose values take the place of defaults."""

    def add_class_arguments(self, theclass: Any, nested_key: str | None = None, *args: Any, **kwargs: Any) -> Any:
        """Note the class, if all arguments of the parser belong to it."""
        if nested_key is None:
            self._parsed = theclass
        return super().add_class_arguments(theclass, nested_key, *args, **kwargs)

    def add_function_arguments(self, *args: Any, linked_targets: Any = None, **kwargs: Any) -> Any:
        """Add a factory's arguments without `linked_targets`: links lead to its model's, and jsonargparse sets both."""
        return super().add_function_arguments(*args, **kwargs)

    def parse_object(self, obj: Any, namespace: Namespace | None = None, *args: Any, **kwargs: Any) -> Namespace:
        """Parse arguments in a config."""
        for old, new in self._renamed().items():
            if old in obj and new not in obj:
                obj = copy.copy(obj)
                obj[new] = obj.pop(old)
        self._given = (obj, namespace or {})
        try:
            parsed: Namespace = super().parse_object(obj, namespace, *args, **kwargs)
        finally:
            self._given = ()
        return parsed

    def get_defaults(self, *args: Any, **kwargs: Any) -> Namespace:
        """Return the default arguments, without those of default classes in whose place others are given.

        jsonargparse would pass them on: `--model.decoder=ConvDecoder` would have the channels of a GAN's generator.
        """
        defaults: Namespace = super().get_defaults(*args, **kwargs)
        for name, default in defaults.items(branches=True, nested=False):
            replaced = _class_of(default)
            given = next(filter(None, (_class_of(config.get(name)) for config in self._given)), None)
            if replaced and given and not f".{replaced}".endswith(f".{given}"):
                default.pop("init_args", None)
        return defaults

    def parse_args(self, args: Sequence[str] | None = None, *more: Any, **kwargs: Any) -> Namespace:  # type: ignore[override]
        """Parse arguments of a command line."""
        for old, new in self._renamed().items():
            args = [re.sub(rf"^--{old}(?=[.=+]|$)", f"--{new}", argument) for argument in args or []]
        return super().parse_args(args, *more, **kwargs)

    def _renamed(self) -> dict[str, str]:
        """Map the old names of arguments to the new ones."""
        names = renames.inherited_now(self._parsed) if inspect.isclass(self._parsed) else {}
        return {old: new for old, new in names.items() if f"--{old}" not in self._option_string_actions}

    def error(self, message: str, ex: Exception | None = None) -> NoReturn:
        """Raise an error of jsonargparse as a GenlabError."""
        if not self.exit_on_error:  # a parser of a single value, whose errors its parent sums up
            super().error(message, ex)
        raise GenlabError(explain(message, self)) from None

    def format_help(self, formatter: argparse.HelpFormatter | None = None) -> str:
        """Return the help without lists of hundreds of classes."""
        return KNOWN_CLASSES.sub(_shortened, super().format_help(formatter))
