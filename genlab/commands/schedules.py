"""`genlab schedules`: list the schedules of learning rates that come with genlab, or explain one."""

import argparse

from genlab.commands.listings import show


def main(args: argparse.Namespace) -> None:
    """List the schedules of learning rates, or print the page of one."""
    show("schedules", args.name)
