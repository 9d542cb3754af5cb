"""The arguments of every tool command. Imports nothing heavy, so that help and misspelt options are answered at once.

Each function declares the arguments of the tool that it is named after; its docstring is the description in the help.
"""

import argparse
import functools
from collections.abc import Callable

from genlab.cli.tools import look, manage, measure, styles
from genlab.cli.tools.parser import ToolParser

LISTINGS = {
    "models": ("models", "VAE"),
    "datasets": ("data sets", "CelebA"),
    "networks": ("networks", "ConvEncoder"),
    "losses": ("losses, likelihoods and penalties", "Gaussian"),
    "schedules": ("schedules of learning rates", "Cosine"),
}
"""The commands of `genlab.commands.listings`: what each of them lists, and an example of a name."""


def parser_of(tool: str) -> ToolParser:
    """Build the parser of a tool command."""
    declare: Callable[[argparse.ArgumentParser], None]
    if tool in LISTINGS:
        things, example = LISTINGS[tool]
        description = f"List the {things} that come with genlab, or explain one: its arguments, configs, an example."
        declare = functools.partial(_of_listing, command=tool, example=example)
    else:
        declare = next(vars(module)[tool] for module in (look, styles, measure, manage) if tool in vars(module))
        description = declare.__doc__ or ""
    parser = ToolParser(prog=f"genlab {tool}", description=description, allow_abbrev=False)
    declare(parser)
    return parser


def _of_listing(parser: argparse.ArgumentParser, command: str, example: str) -> None:
    parser.add_argument("name", nargs="?", help=f"the one to explain, such as {example}; without it, all are listed")
    parser.set_defaults(listing=command)
