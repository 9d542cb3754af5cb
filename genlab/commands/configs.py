"""`genlab configs`: list the configs that come with genlab. Imports nothing heavy, so that it starts at once."""

import argparse
from pathlib import Path

from genlab.configs import find_config, shipped_configs


def description(config: Path) -> str:
    """Return a config's first comment."""
    with config.open() as lines:
        return next(line for line in lines if line.startswith("# ")).removeprefix("#").strip()


def main(args: argparse.Namespace) -> None:
    """List the shipped configs, or print one."""
    name = args.name
    if name:
        print(find_config(name).read_text(), end="")
        return
    shipped = shipped_configs()
    width = max(map(len, shipped))
    for config_name, path in shipped.items():
        print(f"{config_name:{width}}  {description(path)}")
