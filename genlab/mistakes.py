"""A parser that says in one line what is wrong with a command line or a config, and suggests the nearest right name."""

import difflib
import inspect
import re
from typing import NoReturn

import torch.optim
from lightning.pytorch.cli import LightningArgumentParser

import genlab.data
import genlab.losses
import genlab.models
import genlab.networks
from genlab.errors import GenlabError

UNKNOWN_NAME = re.compile(
    r"Option '(?P<key>[\w.]+)' is not accepted"
    r"|does not accept option '(?P<section>[\w.]+)'"
    r"|unrecognized arguments: (?P<argument>\S+)"
    r"|dot import path string: (?P<class>\S+)"
)

LACKING = re.compile(
    r"""Parser key "([\w.]+)".*class_path '([\w.]+)':\s+the following arguments are required: (\w+(?:, \w+)*)""",
    re.DOTALL,
)


class ExplainingParser(LightningArgumentParser):
    """Lightning's parser, whose errors are GenlabErrors of one line."""

    def error(self, message: str, ex: Exception | None = None) -> NoReturn:
        """Raise a GenlabError for what jsonargparse found."""
        if not self.exit_on_error:  # a parser of one value, whose errors its parent sums up
            super().error(message, ex)
        raise GenlabError(explain(message, self)) from None


def explain(message: str, parser: LightningArgumentParser) -> str:
    """One line for jsonargparse's many."""
    lacking = LACKING.search(message)
    if lacking:
        key, name, arguments = lacking.groups()
        return (
            f"{name.rpartition('.')[2]} needs {arguments}: --{key}.{arguments.split(',')[0]}, or init_args in a config"
        )
    if "arguments are required" in message:
        return "say what to train and on what: --config NAME (`genlab configs` lists them), or --model and --data"
    unknown = UNKNOWN_NAME.search(message)
    if unknown is None:
        return _wrong_value(message) or " ".join(message.split())
    kind, name = next((kind, name) for kind, name in unknown.groupdict().items() if name)
    hint = _nearest(name.lstrip("-").partition("=")[0], parser) or "--print_config shows what there is"
    return f"there is no {kind} {name}; {hint}"


def _wrong_value(message: str) -> str | None:
    keys = re.findall(r'Parser key "([\w.]+)"', message)
    types = re.findall(r"Expected an? (.+?)(?:\. Got|$)", message, re.MULTILINE)
    values = re.findall(r"(?:Got value|Given value): (.+)", message)
    if not (keys and types and values):
        return None
    wanted = [re.sub(r"<class '([\w.]+)'>|typing\.Literal\[(.+)\]", r"\1\2", name) for name in types]
    return f"{keys[-1]} takes {' or '.join(name for name in wanted if name != 'NoneType')}, not {values[0]}"


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
