"""Completion of the user's arguments before Lightning's command line parses them."""

import argparse
import contextlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from genlab import runs, trust
from genlab.checkpoints import Checkpoint, read
from genlab.cli.tools.parser import ToolParser
from genlab.configs import find_config
from genlab.errors import GenlabError
from genlab.parsing import safe_yaml

CLASSES = ("model", "data")
"""Sections that take a class."""


def find_configs(arguments: list[str]) -> list[str]:
    """Replace every config name in the arguments by its path, and make the config of a run start a new run."""
    found = []
    rest = iter(arguments)
    for argument in rest:
        option, equals, value = argument.partition("=")
        if option not in ("-c", "--config"):
            found.append(argument)
            continue
        path = find_config(value if equals else next(rest, ""))
        found.append(f"--config={path}")
        if runs.is_config_of_run(path) and not any(a.partition("=")[0] == "--ckpt_path" for a in arguments):
            found.append("--ckpt_path=null")  # configs written by genlab 0.1.0 may name a checkpoint
    return found


def typed_classes(arguments: list[str]) -> tuple[str, ...]:
    """Return those of `CLASSES` that the arguments give a class for."""
    options = {argument.partition("=")[0] for argument in arguments}
    return tuple(section for section in CLASSES if options & {f"--{section}", f"--{section}.class_path"})


def complete_from_run(arguments: list[str]) -> list[str]:
    """Add the config of the run that --ckpt_path resumes to the arguments of `fit`, unless they name a config.

    Overlays are applied on top. `last` is the newest run with the given --name, or with the given model and data.

    Raises:
        GenlabError: for a checkpoint that is missing, not in a run, or in a run that is not known to be the user's own,
            since its config may import anything.
    """
    given = _known(arguments)
    if given is None or runs.config_name(given.config) or given.ckpt_path in (None, "null"):
        return arguments
    path = given.ckpt_path
    if path == "last":
        named = given.name or ("-".join(given.classes) if all(given.classes) else "*")
        path = runs.newest_run(given.root or runs.ROOT, named)
    checkpoint = runs.find_checkpoint(path, prefer="last")
    run = runs.run_of(checkpoint)
    if run is None:
        if all(given.classes):
            return arguments
        what = "is not in a run, whose config would say how to train it" if checkpoint.exists() else "does not exist"
        raise GenlabError(f"{checkpoint} {what}; give --config, or the path of a run")
    if not runs.is_own(checkpoint) and not trust.is_granted():
        raise GenlabError(
            f"{run} is not known to be yours, and its config may import anything; give --config, or --trust if you "
            "know where it comes from"
        )
    return [f"--config={run / runs.CONFIG}", *arguments, f"--ckpt_path={checkpoint}"]


def complete_from_checkpoint(arguments: list[str]) -> tuple[list[str], Checkpoint | None]:
    """Complete the arguments of `validate`, `test` and `predict` from the checkpoint's own description.

    Without --ckpt_path, the newest run is used (of the config, when one is given). Without --config and --model, the
    model and the data are those that the checkpoint was trained with.

    Returns:
        The arguments, and the checkpoint that was read, or None when the arguments ask for help.
    """
    given = _known(arguments)
    if given is None:
        return arguments, None
    name = runs.config_name(given.config)
    checkpoint = read(runs.find_checkpoint(given.ckpt_path or _newest(name, given)))
    described = []
    if name is None and given.model is None:
        described += _option("--model", checkpoint.hyperparameters)
        if given.data is None:
            described += _option("--data", checkpoint.trusted_data())
    return [*described, *arguments, f"--ckpt_path={checkpoint.path}"], checkpoint


def _known(arguments: list[str]) -> argparse.Namespace | None:
    """Parse the arguments about runs and checkpoints; None when they ask for help."""
    if {"-h", "--help"} & {*arguments} or any(argument.startswith("--print_config") for argument in arguments):
        return None
    parser = ToolParser(prog="genlab fit", add_help=False, allow_abbrev=False)
    parser.add_argument("--ckpt_path")
    parser.add_argument("--config", "-c", action="append", default=[])
    parser.add_argument("--name")
    parser.add_argument("--trainer.default_root_dir", dest="root", type=Path)
    for section in CLASSES:
        parser.add_argument(f"--{section}", f"--{section}.class_path")
    given, _ = parser.parse_known_args(arguments)
    given.classes = [runs.class_part(_class_path(getattr(given, section))) for section in CLASSES]
    return given


def _class_path(value: str | None) -> str:
    """Return the class that an argument gives, by name or as JSON with `class_path`."""
    with contextlib.suppress(GenlabError, yaml.YAMLError):
        described = safe_yaml.load(value or "")
        if isinstance(described, Mapping):
            return str(described.get("class_path", ""))
    return value or ""


def _newest(name: str | None, given: argparse.Namespace) -> Path:
    """Find the newest run of a config with the classes that override its own, or else of the config itself."""
    if name is None:
        return runs.newest_run()
    overridden = "-".join(filter(None, [name, *given.classes]))
    with contextlib.suppress(GenlabError):
        return runs.newest_run(name=overridden)
    return runs.newest_run(name=name)


def _option(name: str, hparams: dict[str, Any]) -> list[str]:
    if "_class_path" not in hparams:
        return []
    arguments = {key: value for key, value in hparams.items() if not key.startswith("_") and key != "image_shape"}
    return [f"{name}={json.dumps({'class_path': hparams['_class_path'], 'init_args': arguments})}"]
