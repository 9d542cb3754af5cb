"""What `genlab models`, `datasets`, `networks` and `losses` share. Imports nothing heavy: they answer at once."""

from genlab import catalogue
from genlab.catalogue.pages import GROUPS, group_of, listing, page
from genlab.errors import GenlabError, suggestion


def show(command: str, name: str | None) -> None:
    """Print what there is, or the page of one.

    Raises GenlabError for an unknown name.
    """
    if name is None:
        print(listing(command))
        return
    entry = catalogue.find(name)
    if entry is None or group_of(entry.name) is None:
        names = [known for group in GROUPS[command]() for known in group.names]
        raise GenlabError(f"genlab {command} knows no {name}; {suggestion(name, names)}")
    print(page(entry))
