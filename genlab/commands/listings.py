"""`genlab models`, `datasets`, `networks`, `losses` and `schedules`: list what exists. Imports nothing heavy."""

import argparse

from genlab import catalogue
from genlab.catalogue.groups import GROUPS, group_of
from genlab.catalogue.pages import listing, page
from genlab.errors import GenlabError, suggestion


def main(args: argparse.Namespace) -> None:
    """List all entries of a kind, or print the page of one.

    Raises:
        GenlabError: for an unknown name.
    """
    if args.name is None:
        print(listing(args.listing))
        return
    entry = catalogue.find(args.name)
    if entry is None or group_of(entry.name) is None:
        names = [known for group in GROUPS[args.listing]() for known in group.names]
        raise GenlabError(f"genlab {args.listing} has no {args.name}; {suggestion(args.name, names)}")
    print(page(entry))
