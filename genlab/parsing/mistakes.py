"""Explanations of mistakes in a command line or a config, in one line, with the nearest valid name."""

import importlib
import inspect
import re
from textwrap import shorten

from lightning.pytorch.cli import LightningArgumentParser

from genlab.errors import nearest, suggestion
from genlab.parsing.own_code import DOTTED, not_found
from genlab.parsing.spelling import NOTHING_GIVEN

UNKNOWN_KEY = re.compile(r"Option '(?P<key>[\w.]+)' is not accepted|does not accept option '(?P<option>[\w.]+)'")
UNKNOWN_ARGUMENT = re.compile(r"unrecognized arguments: (\S+)")
UNKNOWN_CLASS = re.compile(r"dot import path string: (\S+)")
KEY = re.compile(r'Parser key "([\w.]+)"')
"""Each part of the path of a key in a config."""
OWNER = re.compile(r"given class_path '([\w.]+)'")
OWNER_AFTERWARDS = re.compile(r"\. Got value: Namespace\(class_path='([\w.]+)'")
"""The class that does not take a key, named before the key or right after it."""
NUMBER = re.compile(r"Expected a <class '(?:int|float)'>")
"""Part of a message about a value that can be a number as well as a class."""
TYPES = {
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "str": "a string",
    "tuple": "a list such as [28, 20]",
    "list": "a list such as [28, 20]",
    "dict": "names with values",
}
"""Types in words."""
MODULES = {
    "callbacks": ("lightning.pytorch.callbacks", "genlab.callbacks"),
    "logger": ("lightning.pytorch.loggers",),
    "optimizer": ("torch.optim", "genlab.optimizers"),
    "schedule": ("torch.optim.lr_scheduler",),
    "activation": ("torch.nn",),
    "normalization": ("torch.nn",),
    "noise": ("genlab.diffusion",),
    "prediction": ("genlab.diffusion",),
    "loss": ("genlab.diffusion",),
}
"""Modules of the classes and functions that are not in genlab's listings, by the end of their key."""
LACKING = re.compile(
    r"""Parser key "([\w.]+)".*class_path '([\w.]+)':\s+the following arguments are required: (\w+(?:, \w+)*)""",
    re.DOTALL,
)
LACKING_IN_FACTORY = re.compile(
    r"the following arguments are required: (\w+(?:, \w+)*)\. Got value: Namespace\(class_path='([\w.]+)'"
)
CLASS_OR_FUNCTION = re.compile(rf"(?:class_path(?:'?:? |=)|val=|Got value: |Given value: )'?({DOTTED.pattern})\b")
"""Import paths that occur as values in a message."""
LONGEST = 300
"""Maximum length in characters of a jsonargparse message that is passed on unexplained."""


def explain(message: str, parser: LightningArgumentParser) -> str:
    """Explain a long message of jsonargparse in one line."""
    if message.startswith("Unexpected config:"):
        return "a config must have sections, such as `model:` and `data:`; `genlab configs vae_digits.yaml` prints one"
    if lacking := LACKING.search(message):
        key, name, arguments = lacking.groups()
        return (
            f"{name.rpartition('.')[2]} needs {arguments}; give --{key}.{arguments.split(',')[0]}, or init_args in a "
            "config"
        )
    place = ".".join(KEY.findall(message))
    if lacking := LACKING_IN_FACTORY.search(message):
        return (
            f"{place}: {lacking[2].rpartition('.')[2]} needs {lacking[1]}; give that under init_args, beside class_path"
        )
    if "arguments are required" in message:
        return NOTHING_GIVEN
    if argument := UNKNOWN_ARGUMENT.search(message):
        return _unknown_argument(argument[1].partition("=")[0], parser)
    if unknown := UNKNOWN_KEY.search(message):
        return _unknown_key(unknown["key"] or unknown["option"], place, message, unknown, parser)
    if (unknown := UNKNOWN_CLASS.search(message)) and not NUMBER.search(message):
        return _unknown_class(unknown[1], place)
    if message.startswith("Invalid option"):
        return f"{message}; it takes skip_default or skip_unset"
    if alone := re.match(r"argument (--[\w.]+): expected", message):
        return f"{alone[1]} needs a value"
    return _wrong_value(message) or shorten(message, LONGEST)


def _unknown_argument(name: str, parser: LightningArgumentParser) -> str:
    """Explain in one line that the parser does not have an option."""
    if not name.startswith("-"):
        return f"there is no option {name}; options begin with --, and their values follow them"
    group, _, last = name.lstrip("-").rpartition(".")
    keys = [key for key in dotted_keys(parser) if key.rpartition(".")[0] == group and not key.endswith("help")]
    return f"there is no option {name}; {suggestion(last, sorted(key.rpartition('.')[2] for key in keys))}"


def _unknown_key(name: str, place: str, message: str, found: re.Match[str], parser: LightningArgumentParser) -> str:
    """Explain in one line that a class does not have an argument."""
    after = OWNER_AFTERWARDS.match(message, found.end())
    before = OWNER.findall(message, 0, found.start())
    owner = after[1] if after else before[-1] if before else None
    if owner is None:
        return f"there is no key {name}; {suggestion(name, sorted(dotted_keys(parser)))}"
    module, _, short = owner.rpartition(".")
    if short in ("LightningModule", "LightningDataModule"):  # jsonargparse falls back on it if no class is given
        return f"{place} has no class; give --{place} NAME, or class_path in a config, with init_args beside it"
    known = [
        key for key in inspect.signature(getattr(importlib.import_module(module), short)).parameters if key != "params"
    ]
    return f"{place}: {short} has no argument {name}; {suggestion(name, known)}"


def _unknown_class(name: str, place: str) -> str:
    """Explain in one line that the parser does not find a class."""
    for end, modules in MODULES.items():
        if place.endswith(end):
            classes = {
                known: f"{module}.{known}"
                for module in reversed(modules)  # the first one takes precedence
                for known, thing in vars(importlib.import_module(module)).items()
                if inspect.isclass(thing) or inspect.isfunction(thing)
            }
            if found := nearest(name, classes):
                return f"{place}: there is no class {name} here; did you mean {classes[found]}?"
    if "/" in name:
        return (
            f"{place} does not take a path; for a trained model, give {{class_path: genlab.load, "
            f"init_args: {{path: {name}}}}}"
        )
    return f"{place}: there is no class {name} here; give one of your own by its import path, such as my_module.{name}"


def _wrong_value(message: str) -> str | None:
    keys = re.findall(r'Parser key "([\w.]+)"', message)
    types = re.findall(
        r"Expected an? (?:<class '([\w.]+)'>|typing\.Literal\[(.+?)\](?:\. Got|$)|)", message, re.MULTILINE
    )
    values = re.findall(r"(?:Got value|Given value): (.*?)(?:\. Got value|$)", message, re.MULTILINE)
    if not (keys and types and values):
        return None
    known = dict.fromkeys(TYPES.get(name, name) or choices.replace("'", "") for name, choices in types)
    wanted = " or ".join(name for name in known if name not in ("", "NoneType"))
    if not wanted:  # a class or a function
        missing = filter(None, map(not_found, dict.fromkeys(found[1] for found in CLASS_OR_FUNCTION.finditer(message))))
        if reason := next(missing, None):
            return f"{'.'.join(keys)}: {reason}"
        wanted = "a class, with init_args if need be"
    value = re.sub(r"NestedArg\(key='[\w.]+', val='?(.*?)'?\)$", r"\1", values[0])
    return f"{'.'.join(keys)} takes {wanted}, not {value or 'nothing'}"


def dotted_keys(parser: LightningArgumentParser) -> set[str]:
    """Return the keys that the parser and its subcommands take, such as trainer.max_epochs."""
    commands = parser._subcommands_action.choices.values() if parser._subcommands_action else []
    return {action.dest for action in parser._actions}.union(*map(dotted_keys, commands))
