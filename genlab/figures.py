"""Matplotlib figures as files."""

from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.figure import Figure

from genlab.errors import GenlabError
from genlab.outputs import whole_file

FORMATS = ("png", "pdf", "svg")
TEXT_AS_TEXT: dict[Any, Any] = {"svg.fonttype": "none", "pdf.fonttype": 42, "svg.hashsalt": "genlab"}
"""Settings of matplotlib for files whose text can be searched, and that are the same each time."""


def require_format(path: Path) -> str:
    """The format that a file's ending says; raises GenlabError for an unknown ending."""
    kind = path.suffix.lower().removeprefix(".")
    if kind not in FORMATS:
        raise GenlabError(f"{path} has no ending of a picture; give one of .{', .'.join(FORMATS)}")
    return kind


def write_figure(figure: Figure, path: Path) -> None:
    """Write a figure in the format that the file's ending says, whole or not at all; pdf and svg are vectors.

    Raises GenlabError for another ending, and when the file cannot be written.
    """
    kind = require_format(path)
    dates = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}  # so that equal figures give equal files
    with whole_file(path) as part, matplotlib.rc_context(TEXT_AS_TEXT):
        figure.savefig(part, format=kind, dpi=figure.dpi, metadata=dates.get(kind))
