"""`genlab models`: list the models that come with genlab, or explain one."""

import argparse

from genlab.commands.listings import show


def main(args: argparse.Namespace) -> None:
    """List the models, or print the page of one."""
    show("models", args.name)
