"""A parser that says in one line what is wrong with a command line or a config, and suggests the nearest right name."""

import difflib
import inspect
import re
from textwrap import shorten
from typing import Any, NoReturn

import torch.optim
import yaml
from jsonargparse import Namespace, get_loader, set_loader
from lightning.pytorch.cli import LightningArgumentParser

import genlab.data
import genlab.losses
import genlab.models
import genlab.networks
from genlab.errors import GenlabError
from genlab.own_code import DOTTED, not_found
from genlab.ranges import LARGEST_SEED, above, at_least, between, if_given
from genlab.safe_yaml import require_sane

UNKNOWN_NAME = re.compile(
    r"Option '(?P<key>[\w.]+)' is not accepted"
    r"|does not accept option '(?P<section>[\w.]+)'"
    r"|unrecognized arguments: (?P<argument>\S+)"
    r"|dot import path string: (?P<class>\S+)"
)

NUMBER = re.compile(r"Expected a <class '(?:int|float)'>")
"""Part of a message that says that a number could be given in place of a class."""

LACKING = re.compile(
    r"""Parser key "([\w.]+)".*class_path '([\w.]+)':\s+the following arguments are required: (\w+(?:, \w+)*)""",
    re.DOTALL,
)

CLASS_OR_FUNCTION = re.compile(rf"(?:class_path(?:'?:? |=)|val=|Got value: |Given value: )'?({DOTTED.pattern})\b")
"""Import paths that a message has as values."""


_load = get_loader("yaml")


def load_sane(text: str) -> Any:
    """Load YAML as jsonargparse does: configs, the files that they name, variables and values."""
    require_sane(text)
    return _load(text)


set_loader("yaml", load_sane, exceptions=(yaml.YAMLError,))


NUMBERS = {"int": "a whole number", "float": "a number", "tuple": "a list such as [28, 20]"}
"""What types are called."""
DEVICES = re.compile(r"^(auto|-1|[\[\(]?\s*\d+(\s*,\s*\d+)*\s*[\]\)]?)$")
"""What Lightning's trainer takes as devices."""
MOST_PROCESSES = 1024
"""Maximum number of processes on one machine: each device has one."""
FROM_0 = ("min_epochs", "min_steps", "gradient_clip_val")
FROM_1 = ("accumulate_grad_batches", "check_val_every_n_epoch", "log_every_n_steps", "num_nodes")
"""Options of Lightning's trainer."""
LONGEST = 300
"""Characters of what jsonargparse says, where it is not known."""


class ExplainingParser(LightningArgumentParser):
    """Lightning's parser, whose errors are GenlabErrors of one line."""

    def error(self, message: str, ex: Exception | None = None) -> NoReturn:
        """Raise a GenlabError for what jsonargparse found."""
        if not self.exit_on_error:  # a parser of one value, whose errors its parent sums up
            super().error(message, ex)
        raise GenlabError(explain(message, self)) from None


def explain(message: str, parser: LightningArgumentParser) -> str:
    """One line for jsonargparse's many."""
    if message.startswith("Unexpected config:"):
        return "a config has sections, such as `model:` and `data:`; `genlab configs vae_digits.yaml` prints one"
    lacking = LACKING.search(message)
    if lacking:
        key, name, arguments = lacking.groups()
        return (
            f"{name.rpartition('.')[2]} needs {arguments}: --{key}.{arguments.split(',')[0]}, or init_args in a config"
        )
    if "arguments are required" in message:
        return "say what to train and on what: --config NAME (`genlab configs` lists them), or --model and --data"
    unknown = UNKNOWN_NAME.search(message)
    if unknown is None or (unknown["class"] and NUMBER.search(message)):
        return _wrong_value(message) or shorten(message, LONGEST)
    kind, name = next((kind, name) for kind, name in unknown.groupdict().items() if name)
    hint = _nearest(name.lstrip("-").partition("=")[0], parser) or "--print_config shows what there is"
    return f"there is no {kind} {name}; {hint}"


def _wrong_value(message: str) -> str | None:
    keys = re.findall(r'Parser key "([\w.]+)"', message)
    types = re.findall(
        r"Expected an? (?:<class '([\w.]+)'>|typing\.Literal\[(.+?)\](?:\. Got|$)|)", message, re.MULTILINE
    )
    values = re.findall(r"(?:Got value|Given value): (.*?)(?:\. Got value|$)", message, re.MULTILINE)
    if not (keys and types and values):
        return None
    known = dict.fromkeys(name or choices for name, choices in types)
    wanted = " or ".join(NUMBERS.get(name, name) for name in known if name not in ("", "NoneType"))
    if not wanted:  # a class or a function
        missing = filter(None, map(not_found, dict.fromkeys(found[1] for found in CLASS_OR_FUNCTION.finditer(message))))
        if reason := next(missing, None):
            return f"{keys[-1]}: {reason}"
        wanted = "a class, with init_args if need be"
    value = re.sub(r"NestedArg\(key='[\w.]+', val='?(.*?)'?\)$", r"\1", values[0])
    return f"{keys[-1]} takes {wanted}, not {value or 'nothing'}"


def require_possible(config: Namespace) -> None:
    """Raise GenlabError for numbers that Lightning takes and then cannot work with."""
    if not isinstance(config.seed_everything, bool):
        between(0, LARGEST_SEED, **if_given(seed_everything=config.seed_everything))
    for least, names in ((-1, ("num_sanity_val_steps",)), (0, FROM_0), (1, FROM_1)):
        at_least(least, **if_given(**{name: config.trainer[name] for name in names}))
    if config.trainer.barebones:
        raise GenlabError("barebones goes without metrics and checkpoints, which every run has; leave it out")
    devices = str(config.trainer.devices)
    if not DEVICES.match(devices):
        raise GenlabError(f"trainer.devices is {devices}; give a number, a list such as [0, 2], -1 for all, or auto")
    if str(config.trainer.devices).isdecimal():
        between(1, MOST_PROCESSES, devices=int(config.trainer.devices))
    if isinstance(config.trainer.val_check_interval, int | float):  # else a time
        above(0, val_check_interval=config.trainer.val_check_interval)


def _nearest(name: str, parser: LightningArgumentParser) -> str | None:
    keys = dotted_keys(parser)
    sections = {key.partition(".")[0] for key in keys}
    inner = {part for key in keys for part in key.split(".")} | class_and_argument_names()
    section, *rest = name.split(".")
    for part, known in [(section, sections), *((part, inner) for part in [section, *rest])]:
        nearest = difflib.get_close_matches(part, known, n=1)
        if nearest and part not in sections | inner:
            return f"did you mean {nearest[0]}?"
    return None


def dotted_keys(parser: LightningArgumentParser) -> set[str]:
    """The keys that the parser and its subcommands take, such as trainer.max_epochs."""
    commands = parser._subcommands_action.choices.values() if parser._subcommands_action else []
    return {action.dest for action in parser._actions}.union(*map(dotted_keys, commands))


def class_and_argument_names() -> set[str]:
    """The names of genlab's classes and functions, of torch's optimizers, and of what they take."""
    names = set()
    for module in (genlab.models, genlab.data, genlab.networks, genlab.losses, torch.optim):
        for name, thing in vars(module).items():
            if inspect.isclass(thing) or inspect.isfunction(thing):
                names |= {name, *inspect.signature(thing).parameters}
    return names
