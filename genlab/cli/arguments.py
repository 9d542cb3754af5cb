"""Arguments that genlab adds to Lightning's training commands, and checks of their values."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from jsonargparse import Namespace
from lightning.pytorch import LightningDataModule
from lightning.pytorch.cli import LightningArgumentParser

from genlab import trust
from genlab.callbacks import BestCheckpoint, LastCheckpoint, Pictures
from genlab.errors import GenlabError
from genlab.facts import FACTS
from genlab.ranges import LARGEST_SEED, above, at_least, between, if_given

DEFAULTS = {
    "trainer.enable_autolog_hparams": False,  # trackers get the whole config
    "best_checkpoint.filename": "best",
    "best_checkpoint.monitor": "val/loss",
    "best_checkpoint.enable_version_counter": False,  # each checkpoint replaces the previous one
    "last_checkpoint.filename": "last",
    "last_checkpoint.enable_version_counter": False,
}
"""Defaults that differ from Lightning's."""
DEVICES = re.compile(r"^(auto|-1|[\[\(]?\s*\d+(\s*,\s*\d+)*\s*[\]\)]?)$")
"""Values that Lightning's trainer accepts as devices."""
MOST_PROCESSES = 1024
"""Maximum number of processes on one machine, one for each device."""
FROM_0 = ("min_epochs", "min_steps", "gradient_clip_val")
FROM_1 = ("accumulate_grad_batches", "check_val_every_n_epoch", "log_every_n_steps", "num_nodes")
"""Options of Lightning's trainer that are at least 0, or at least 1."""


def add_sections(parser: LightningArgumentParser, fact_for_model: Callable[[LightningDataModule, str], Any]) -> None:
    """Link the facts that the data know to the model, and add genlab's callbacks as sections of the config.

    Args:
        parser: the parser of any command.
        fact_for_model: gets a fact from the data, already built, for the model, which is not built yet.
    """
    for fact in FACTS:

        def told(data: LightningDataModule, fact: str = fact) -> Any:
            return fact_for_model(data, fact)

        told.__name__ = fact  # the name that help shows
        parser.link_arguments("data", f"model.init_args.{fact}", compute_fn=told, apply_on="instantiate")
    parser.add_argument(
        "--trust",
        action="store_true",
        help="import the classes that a checkpoint names, even if it is not from a run of yours",
    )
    parser.add_lightning_class_args(Pictures, "pictures")
    parser.add_lightning_class_args(BestCheckpoint, "best_checkpoint")
    parser.add_lightning_class_args(LastCheckpoint, "last_checkpoint")
    parser.set_defaults(DEFAULTS)


def add_of_command(parser: LightningArgumentParser, command: str) -> None:
    """Add the arguments that only one of the commands takes."""
    if command == "fit":
        parser.add_argument(
            "--name",
            type=str | None,
            default=None,
            help="name of the run; by default the name of the config, followed by --model and --data if given",
        )
    if command == "predict":
        parser.add_argument("--out", type=Path | None, default=None, help="file ending in .npz; default in the run")
        parser.add_argument("--force", action="store_true", help="replace a file that already exists")


def require_possible(config: Namespace) -> None:
    """Raise GenlabError for values that Lightning accepts but cannot use, and for trust not given on a command line."""
    if not isinstance(config.seed_everything, bool):
        between(0, LARGEST_SEED, **if_given(seed_everything=config.seed_everything))
    for least, names in ((-1, ("num_sanity_val_steps",)), (0, FROM_0), (1, FROM_1)):
        at_least(least, **if_given(**{name: config.trainer[name] for name in names}))
    if config.trainer.barebones:
        raise GenlabError("trainer.barebones turns off metrics and checkpoints, which every run has; leave it out")
    devices = str(config.trainer.devices)
    if not DEVICES.match(devices):
        raise GenlabError(f"trainer.devices is {devices}; give a number, a list such as [0, 2], -1 for all, or auto")
    if str(config.trainer.devices).isdecimal():
        between(1, MOST_PROCESSES, devices=int(config.trainer.devices))
    if isinstance(config.trainer.val_check_interval, int | float):  # otherwise a time
        above(0, val_check_interval=config.trainer.val_check_interval)
    for section in ("best_checkpoint", "last_checkpoint"):
        for name in ("filename", "dirpath"):
            if config[section][name] != DEFAULTS.get(f"{section}.{name}"):
                raise GenlabError(
                    f"{section}.{name} cannot be changed, as genlab finds checkpoints by it; leave it out"
                )
    if config.trust and not trust.is_granted():
        raise GenlabError("a config or an environment variable cannot grant trust; give --trust on the command line")
