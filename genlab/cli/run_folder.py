"""The folder of a run: its name, the process that holds it, and the trackers that write in it."""

import contextlib
from collections.abc import Collection
from pathlib import Path
from typing import Any

from jsonargparse import Namespace
from lightning.fabric.utilities.rank_zero import rank_zero_only

from genlab import runs
from genlab.cli import slurm
from genlab.errors import GenlabError


def run_name(config: Namespace, typed: Collection[str]) -> str:
    """Name a run: the user's name for it, else its config and the classes typed, else its model and data.

    Args:
        config: the command's config.
        typed: the sections for which the user typed a class.
    """
    if (name := config.get("name")) is not None:
        return runs.require_name(name)
    base = runs.config_name(config.config)
    sections = ("model", "data") if base is None else typed
    classes = (runs.class_part(config[section].class_path) for section in sections)
    return "-".join([*filter(None, [base]), *classes])


def claimed(resumed: Path | None, place: Path, asked: str | None, held: contextlib.ExitStack) -> Path:
    """Resume a run, or make a new one, which only the first process makes, knows and holds.

    Args:
        resumed: the folder of the run to resume, if any.
        place: the folder of all runs with the new run's name.
        asked: the name that the user asks for, if any.
        held: holds the run until it is closed.

    Returns:
        The run's folder.

    Raises:
        GenlabError: for a run that is resumed under another name, or that another process is training.
    """
    if resumed and asked and resumed.absolute().parent.name != asked:
        raise GenlabError(f"{resumed} keeps its name when it is resumed; leave --name out")
    run: Path = resumed or rank_zero_only(runs.claim_run, default=place)(place.parent, place.name)
    rank_zero_only(held.enter_context)(runs.training(run))
    rank_zero_only(runs.note_job)(run, slurm.step())
    return run


def with_trackers_in(run: Path, config: Namespace, command: str) -> Namespace:
    """Copy a config, changed so that trackers write to the run's folder, and W&B uses the run's name.

    The config itself stays as it is: `config.yaml` is written from it, starts a new run, and must not name this folder.
    """
    placed = config.clone()
    for tracker in as_list(placed[command].trainer.logger):
        if not isinstance(tracker, Namespace) or "init_args" not in tracker:
            continue
        arguments = tracker.init_args
        if arguments.get("save_dir") == ".":
            arguments.save_dir = str(run)
        if tracker.class_path.endswith("WandbLogger"):
            arguments.name = arguments.name or f"{run.parent.name}-{run.name}"
            arguments.id = arguments.id or runs.wandb_id(run)
    return placed


def as_list(value: Any) -> list[Any]:
    """Return a new list of a value that is a list, a single thing or None."""
    return [] if value is None else [*value] if isinstance(value, list) else [value]
