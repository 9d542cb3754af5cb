"""Completion of the user's arguments before Lightning's command line parses them."""

import argparse
import json
from typing import Any

from genlab import runs
from genlab.commands.configs import find_config
from genlab.models.checkpoint import data_description, read


def find_configs(arguments: list[str]) -> list[str]:
    """Replace every config's name in the arguments by its path, and let the config of a run start a new one."""
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
            found.append("--ckpt_path=null")  # which configs that genlab 0.1.0 wrote may name
    return found


def complete_from_checkpoint(arguments: list[str]) -> list[str]:
    """Complete the arguments of `validate`, `test` and `predict` from what a checkpoint says of itself.

    Without --ckpt_path the newest run is meant (of the config, when one is given); without --config and --model, the
    model and the data are those that the checkpoint was trained with.
    """
    if {"-h", "--help"} & {*arguments} or any(argument.startswith("--print_config") for argument in arguments):
        return arguments
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--ckpt_path")
    parser.add_argument("--config", "-c", action="append", default=[])
    parser.add_argument("--model")
    parser.add_argument("--data")
    given, _ = parser.parse_known_args(arguments)
    name = runs.config_name(given.config)
    path = runs.find_checkpoint(given.ckpt_path or runs.newest_run(name=name or "*"))
    checkpoint = read(path)
    described = []
    if name is None and given.model is None:
        described += _option("--model", checkpoint["hyper_parameters"])
        if given.data is None:
            described += _option("--data", data_description(checkpoint, path))
    return [*described, *arguments, f"--ckpt_path={path}"]


def _option(name: str, hparams: dict[str, Any]) -> list[str]:
    if "_class_path" not in hparams:
        return []
    arguments = {key: value for key, value in hparams.items() if not key.startswith("_") and key != "image_shape"}
    return [f"{name}={json.dumps({'class_path': hparams['_class_path'], 'init_args': arguments})}"]
