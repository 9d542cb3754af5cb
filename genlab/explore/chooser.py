"""Runs as the chooser of the page shows them."""

from typing import Any

from genlab.explore.entries import Entry
from genlab.explore.training import last_picture


def described(entry: Entry) -> dict[str, Any]:
    """Describe an entry of the chooser, with its date."""
    summary = entry.summary
    found: dict[str, Any] = {"key": entry.key, "name": entry.key.removeprefix("runs/"), "opens": entry.opens}
    if summary is None or entry.run is None:
        return found | {"model": "", "data": "", "epochs": None, "metric": None, "picture": False, "date": 0.0}
    best = summary.best
    return found | {
        "model": summary.model,
        "data": summary.data,
        "epochs": summary.epochs,
        "metric": None if best is None else {"name": summary.metric, "value": best},
        "picture": last_picture(entry.run) is not None,
        "date": summary.date.timestamp(),
    }
