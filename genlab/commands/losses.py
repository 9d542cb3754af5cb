"""`genlab losses`: list the losses, likelihoods and penalties that come with genlab, or explain one."""

import argparse

from genlab.commands.listings import show


def main(args: argparse.Namespace) -> None:
    """List the losses, likelihoods and penalties, or print the page of one."""
    show("losses", args.name)
