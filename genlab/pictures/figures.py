"""Matplotlib figures as files and as pixels."""

from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import ExifTags, Image

from genlab.atomic import picture_format, whole_file

PIXELS = {"png": "PNG", "jpg": "JPEG"}
"""Pillow's names of pixel formats."""
UNDATED = {"svg": "Date", "pdf": "CreationDate"}
"""Metadata entry with a file's date, by format."""
DESCRIPTION = {"svg": "Description", "pdf": "Subject"}
"""Metadata entry with a description of the picture, by format."""
TEXT_AS_TEXT: dict[Any, Any] = {"svg.fonttype": "none", "pdf.fonttype": 42, "svg.hashsalt": "genlab"}
"""Settings of matplotlib for searchable text and reproducible files."""


def write_figure(figure: Figure, path: Path, description: str = "") -> None:
    """Write a figure in the format of the file's suffix, completely or not at all; `.pdf` and `.svg` are vectors.

    Equal figures give equal files, whose metadata have the description, if there is one.

    Raises:
        GenlabError: for another suffix, and when the file cannot be written.
    """
    kind = picture_format(path)
    with whole_file(path) as part, matplotlib.rc_context(TEXT_AS_TEXT):
        if kind in PIXELS:
            resolution, exif = (figure.dpi, figure.dpi), described(description)
            Image.fromarray(rgb(figure)).save(part, PIXELS[kind], dpi=resolution, quality=95, exif=exif)
        else:
            metadata = {UNDATED[kind]: None} | ({DESCRIPTION[kind]: description} if description else {})
            figure.savefig(part, format=kind, dpi=figure.dpi, metadata=metadata)


def described(description: str) -> Image.Exif:
    """Return EXIF metadata with a description of an image, if there is one."""
    exif = Image.Exif()
    if description:
        exif[ExifTags.Base.ImageDescription] = description
    return exif


def rgb(figure: Figure) -> NDArray[np.uint8]:
    """Render a figure to pixels, (height, width, 3)."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()
