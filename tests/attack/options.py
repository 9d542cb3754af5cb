"""Odd values of every command-line option: each trains to finite metrics or is refused in one line."""

import csv
import itertools
import math
import random
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import yaml

from genlab.cli import tools
from tests.attack.runner import Case, run
from tests.attack.victims import FAMILIES, Victims, fit

HUGE = "1000000000000"
NUMBERS = ["0", "-1", "1", "nan", "inf", "-inf", "1e9", HUGE]
VALUES = [*NUMBERS, "", " ", "null", "true", "x" * 300, "[]", "{}", "../..", "ü", "[1, 2]", "{class_path: os.getcwd}"]
NOT_A_COUNT = ("0", "-1", "nan", "inf", "-inf", "ü")
NEGATIVE = ("-1", "nan", "-inf")
NONSENSE = {
    **dict.fromkeys(("code_size", "num_samples", "channels"), (*NOT_A_COUNT, HUGE)),
    **dict.fromkeys(("batch_size", "val_check_interval", "log_every_n_steps", "critic_steps"), NOT_A_COUNT),
    **dict.fromkeys(("count", "steps", "columns", "side", "units"), NOT_A_COUNT),
    **dict.fromkeys(("beta", "pool_size", "blocks", "gradient_clip_val", "every_n_epochs"), NEGATIVE),
    **dict.fromkeys(("lr", "ema_decay", "rate"), (*NEGATIVE, "inf")),
    **dict.fromkeys(("seed_everything", "num_workers"), (*NEGATIVE, HUGE)),
    "range": ("nan", "inf", "-inf"),
}
"""Nonsensical values, by the end of the option's name, which must be refused."""
ENDLESS = {*itertools.product(["--trainer.num_nodes"], ["1e9", HUGE]), ("--samples", HUGE), ("--draws", HUGE)}
"""Values that may well wait for other machines, or work for as long as they say."""
TOOLS = {
    **dict.fromkeys(("sample", "latent", "evaluate", "interpolate", "traverse", "edit", "project"), "vae"),
    **dict.fromkeys(("reconstruct", "probe", "features"), "autoencoder"),
    "translate": "pix2pix",
    "transfer": "cvae",
}
"""The family that each tool is tried with."""
QUICK = {
    "evaluate": ["--limit=10", "--samples=2"],
    "probe": ["--limit=60"],
    "edit": ["--attribute=Smiling"],
    "project": ["--steps=2"],
}


def cases(victims: Victims, chance: random.Random) -> list[Case]:
    """Every option with every value, alternating between nonsense and what may be valid."""
    options = [(tool, option) for tool in TOOLS for option in _of_tool(tool)]
    for family in FAMILIES:
        config = yaml.safe_load(next((victims.base / family).glob("runs/*/0/config.yaml")).read_text())
        options += [(family, f"--{name}") for name in _of_config(config) if name.startswith(("model", "data"))]
        shared = [name for name in _of_config(config) if not name.startswith(("model", "data"))]
    options += [(chance.choice(list(FAMILIES)), f"--{name}") for name in shared]
    tried = [(who, name, value) for who, name in options for value in VALUES if (name, value) not in ENDLESS]
    chance.shuffle(tried)
    means_nothing = [triple for triple in tried if _is_nonsense(*triple[1:])]
    may_be_right = [triple for triple in tried if not _is_nonsense(*triple[1:])]
    turns = [triple for pair in itertools.zip_longest(means_nothing, may_be_right) for triple in pair if triple]
    return [(f"{who}, {name}={value[:20]}", partial(_tried, victims, who, name, value)) for who, name, value in turns]


def _of_config(config: dict[str, Any], before: str = "") -> Iterator[str]:
    """Yield the names of all options in a config with all defaults."""
    for key, value in config.items():
        inner = value.get("init_args", {}) if isinstance(value, dict) and "class_path" in value else value
        if inner is not value or not isinstance(value, dict) or not value:
            yield before + key
        if isinstance(inner, dict):
            yield from _of_config(inner, f"{before}{key}.")


def _of_tool(tool: str) -> list[str]:
    """Return the options of a tool that take a value."""
    return [
        action.option_strings[-1]
        for action in tools.parser_of(tool)._actions
        if action.option_strings and action.nargs != 0
    ]


def _is_nonsense(option: str, value: str) -> bool:
    return any(value in values and option.endswith((f".{name}", f"--{name}")) for name, values in NONSENSE.items())


def _tried(victims: Victims, who: str, option: str, value: str) -> str | None:
    if who in TOOLS:
        ended = run(who, "--ckpt", str(victims.copy(TOOLS[who])), *QUICK.get(who, []), f"{option}={value}")
    else:
        drawn = ["--pictures.every_n_epochs=1"] if option.startswith("--pictures") else []
        ended = run(*fit(who, "--trainer.max_steps=2", *drawn, f"{option}={value}"))
    return ended.flaw_unless(lambda: not _is_nonsense(option, value) and _finite())


def _finite() -> bool:
    """Return whether all metrics are finite."""
    for path in Path().glob("runs/*/*/metrics.csv"):
        with path.open(newline="") as file:
            values = [value for row in csv.DictReader(file) for value in row.values() if value]
        if not all(map(math.isfinite, map(float, values))):
            return False
    return True
