"""Entry point of the command line: `main(arguments)`. Nothing heavy is imported before the command is known."""

import argparse
import importlib
import io
import os
import sys
import warnings
from collections.abc import Sequence

import genlab
from genlab.cli.tools import LISTINGS, parser_of
from genlab.cli.tools.parser import ToolParser
from genlab.errors import GenlabError, in_one_line, suggestion
from genlab.parsing import own_code

TRAINER_COMMANDS = ("fit", "validate", "test", "predict")
COMMANDS = {
    "train": {
        "fit": "train a model",
        "runs": "a table of all runs: how they differ, how long they trained, how good they are",
        "curves": "loss curves of one or several runs",
    },
    "look": {
        "explore": "play with a model in the browser: codes, sliders, samples, translations",
        "sample": "draw new images from a trained model",
        "reconstruct": "test images beside their reconstructions",
        "latent": "a map of the codes of the test images, and the manifold of a 2-D prior",
        "features": "what the first layer's units look for",
        "interpolate": "from one image to another through the space of codes",
        "traverse": "what single units of a code do",
        "edit": "change an attribute of images, for instance make someone smile",
        "mix": "images with the styles of two codes, for a StyleGAN",
        "noise": "the same styles with other noise, for a StyleGAN",
        "project": "the codes of images, found by a search, even for models without an encoder",
        "translate": "images of one domain to another: test images, or files and folders of any size",
        "transfer": "images under other conditions, in the same style",
    },
    "measure": {
        "evaluate": "how good a model is: likelihood, samples, translations or reconstructions",
        "probe": "how useful a model's codes are: few labels, clusters, outliers, compared with PCA",
        "validate": "metrics on the validation images",
        "test": "metrics on the test images",
        "predict": "codes and reconstructions of the test images, or of those of --input, to a file",
    },
    "listings": {
        "configs": "the shipped configs, or one of them",
        "models": "the models, or the arguments of one",
        "datasets": "the data sets, or the arguments of one",
        "networks": "the networks, or the arguments of one",
        "losses": "the losses, likelihoods and penalties, or the arguments of one",
        "schedules": "the schedules of learning rates, or the arguments of one",
    },
    "data and machine": {
        "data": "download and decode a data set ahead of time, or check it",
        "doctor": "what this machine has, on one page for a bug report",
    },
}
"""Descriptions of the commands, grouped by purpose."""
PLACES = {"explore": "genlab.explore.command"}
"""Modules of tools that are not in `genlab.commands`."""
TOOL_COMMANDS = [name for group in COMMANDS.values() for name in group if name not in TRAINER_COMMANDS]
DEBUG = "--debug"
"""Option of all commands: show tracebacks."""
CLOSED_PIPE = 128 + 13
"""Exit status of a program that SIGPIPE ends."""
INTERRUPTED = 128 + 2
"""Exit status of a program that SIGINT ends."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command; by default, `arguments` are those of the shell.

    Any error ends the program with one line and exit status 1, or with its traceback if `--debug` is given. A closed
    pipe, as in `genlab configs | head`, ends it silently. Ctrl-C ends it with one line too.
    """
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # like stderr, since file names may not be UTF-8
    try:
        try:
            _run([argument for argument in arguments if argument != DEBUG])
        finally:
            _flush()
    except KeyboardInterrupt:
        _end_progress_bars()
        if DEBUG in arguments:
            raise
        print("genlab: interrupted", file=sys.stderr)
        sys.exit(INTERRUPTED)
    except Exception as error:
        _end_progress_bars()
        if DEBUG in arguments:
            raise
        sys.exit(CLOSED_PIPE if isinstance(error, BrokenPipeError) else f"genlab: {in_one_line(error)}")


def _run(arguments: list[str]) -> None:
    warnings.formatwarning = _in_a_line  # type: ignore[assignment]
    first = arguments[0] if arguments else "--help"
    commands = [*TRAINER_COMMANDS, *TOOL_COMMANDS]
    if not first.startswith("-") and first not in commands:
        raise GenlabError(f"there is no command {first}; {suggestion(first, commands)}")
    command = _parser().parse_args([first]).command
    own_images = command == "predict" and any(argument.partition("=")[0] == "--input" for argument in arguments)
    trains = command in TRAINER_COMMANDS and not own_images
    given = arguments if trains else parser_of(command).parse_args(arguments[1:])
    if trains:
        page = importlib.import_module("genlab.cli.help").answer(command, arguments[1:])
        if page:
            print(page)
            return
        given = ["--help" if argument == "--help-all" else argument for argument in arguments]
    tool = "listings" if command in LISTINGS else command
    module = importlib.import_module("genlab.cli.trainer" if trains else PLACES.get(tool, f"genlab.commands.{tool}"))
    warnings.formatwarning = _in_a_line  # type: ignore[assignment]  # again, since Lightning changes it
    with own_code.importable():
        module.main(given)


def _end_progress_bars() -> None:
    """Start a new line for the error message below a progress bar that the error has stopped."""
    if tqdm := sys.modules.get("tqdm"):  # Lightning's bars are tqdm's too
        for bar in [*getattr(tqdm.tqdm, "_instances", ())]:
            bar.close()


def _flush() -> None:
    """Flush stdout now: if that fails at exit, for instance on a full disk, Python prints a traceback."""
    try:
        if sys.stdout is not None:  # None if the shell closed it
            sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # takes what is still in the buffer
        raise


def _parser() -> argparse.ArgumentParser:
    width = max(len(name) for group in COMMANDS.values() for name in group)
    lines = []
    for title, group in COMMANDS.items():
        lines += [f"{title}:", *(f"  {name:{width}}  {meaning}" for name, meaning in group.items())]
    parser = ToolParser(
        prog="genlab",
        usage="genlab COMMAND [OPTION ...]",
        description="Train generative models, look at them and use them.",
        epilog="\n".join(
            [
                *lines,
                "`genlab COMMAND --help` explains one; --debug shows the traceback of an error.",
                "Start with: genlab fit --config vae_digits.yaml",
            ]
        ),
        add_help=False,
        allow_abbrev=False,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("-h", "--help", action="help", help=argparse.SUPPRESS)
    parser.add_argument("--version", action="version", version=f"genlab {genlab.__version__}", help=argparse.SUPPRESS)
    parser.add_argument("command", nargs="?", help=argparse.SUPPRESS)
    return parser


def _in_a_line(message: Warning | str, *place: object) -> str:
    """Format a warning on its own line, below a progress bar, without the line of code that raised it."""
    return f"\nwarning: {message}\n"
