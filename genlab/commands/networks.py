"""`genlab networks`: list the networks that come with genlab, or explain one."""

import argparse

from genlab.commands.listings import show


def main(args: argparse.Namespace) -> None:
    """List the networks, or print the page of one."""
    show("networks", args.name)
