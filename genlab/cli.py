"""The command line's front door: `main(arguments)`. Imports nothing heavy before it knows what is wanted."""

import argparse
import importlib
import sys
import warnings
from collections.abc import Sequence

import genlab
from genlab.errors import GenlabError, suggestion

TRAINER_COMMANDS = {
    "fit": "train a model",
    "validate": "figures on the validation images",
    "test": "figures on the test images",
    "predict": "codes and reconstructions of the test images, to a file",
}
TOOL_COMMANDS = {
    "sample": "draw new images from a trained model",
    "reconstruct": "test images beside their reconstructions",
    "latent": "a map of the codes of the test images, and the manifold of a 2-D prior",
    "evaluate": "how good a model is: likelihood, samples or translations of test images",
    "probe": "what the codes of a model are worth: few labels, clusters, outliers, beside PCA",
    "features": "what the first layer's units look for",
    "interpolate": "from one image to another through the space of codes",
    "traverse": "what single units of a code do",
    "edit": "change an attribute of images, such as make someone smile",
    "translate": "images of one domain to another: test images, or files and folders of any size",
    "transfer": "images under other conditions: the style stays",
    "data": "download and decode a data set ahead of time, or check it",
    "doctor": "what this machine has, on one page for a bug report",
    "configs": "list the shipped configs, or print one",
}


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command; `arguments` are those of the shell by default.

    A GenlabError ends the program with its message and exit status 1, without a traceback.
    """
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    command = _parser().parse_args(arguments[:1]).command
    trains = command in TRAINER_COMMANDS
    module = importlib.import_module("genlab.training" if trains else f"genlab.commands.{command}")
    warnings.formatwarning = _in_a_line  # type: ignore[assignment]  # which Lightning has changed too
    try:
        module.main(arguments if trains else arguments[1:])
    except (GenlabError, ValueError) as error:
        mistake: BaseException | None = error
        while mistake and not isinstance(mistake, GenlabError):  # jsonargparse wraps what a constructor raises
            mistake = mistake.__cause__
        if mistake is None:
            raise
        sys.exit(f"genlab: {mistake}")


def _parser() -> argparse.ArgumentParser:
    commands = TRAINER_COMMANDS | TOOL_COMMANDS
    width = max(map(len, commands))
    parser = argparse.ArgumentParser(
        prog="genlab",
        description="Train generative models, look at them and use them.",
        epilog="\n".join(
            [
                "commands:",
                *(f"  {name:{width}}  {meaning}" for name, meaning in commands.items()),
                "",
                "`genlab COMMAND --help` explains one. Start with: genlab fit --config vae_digits.yaml",
            ]
        ),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"genlab {genlab.__version__}")
    parser.add_argument("command", metavar="COMMAND", type=_known_command, help="what to do; see below")
    return parser


def _in_a_line(message: Warning | str, *place: object) -> str:
    """A warning without the line of code that it is from; a line of its own, whatever a progress bar has written."""
    return f"\nwarning: {message}\n"


def _known_command(name: str) -> str:
    commands = [*TRAINER_COMMANDS, *TOOL_COMMANDS]
    if name in commands:
        return name
    raise argparse.ArgumentTypeError(f"there is no command {name}; {suggestion(name, commands)}")
