"""`genlab datasets`: list the data sets that come with genlab, or explain one."""

import argparse

from genlab.commands.listings import show


def main(args: argparse.Namespace) -> None:
    """List the data sets, or print the page of one."""
    show("datasets", args.name)
