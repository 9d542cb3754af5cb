"""Lines of text as a picture."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from genlab.pictures.drawing import DPI, save

LINE = 0.22
"""Inches from a line to the next."""
CHARACTER = 0.088
"""Inches that a character takes."""
NARROWEST = 5.0
"""Inches of a picture's width at least."""


@dataclass(frozen=True)
class Lines:
    """A titled list of texts, one a line.

    Args:
        lines: the texts.
        title: what they are.
        subject: which model wrote them: its class, data and epoch.

    Example:
        >>> Lines(["a cat sat", "a dog ran"], title="Samples").save("samples.pdf")
    """

    lines: Sequence[str]
    title: str = ""
    subject: str = ""

    @property
    def text(self) -> str:
        """The lines, without title and subject."""
        return "\n".join(self.lines)

    def of(self, subject: str) -> "Lines":
        """Return the lines with another subject."""
        return replace(self, subject=subject)

    def figure(self, *, scale: int | None = None, labels: bool = True, dpi: int = DPI) -> Figure:
        """Draw the lines below each other.

        Args:
            scale: without an effect: text has no pixels.
            labels: False leaves out the title.
            dpi: dots per inch.
        """
        head = " · ".join(filter(None, [self.title, self.subject])) if labels else ""
        rows = len(self.lines) + (2 if head else 1)
        longest = max(map(len, [head, *self.lines]))
        width, height = max(NARROWEST, CHARACTER * (longest + 4)), LINE * rows
        figure = Figure((width, height), dpi=dpi)
        plain = partial(figure.text, LINE / width, size=10, va="center", parse_math=False)  # a $ is a word
        for row, line in enumerate(self.lines, 2 if head else 1):
            plain(1 - (row - 0.5) * LINE / height, line, family="monospace")
        if head:
            plain(1 - 0.6 * LINE / height, head, weight="bold")
        return figure

    def arrays(self) -> dict[str, Any]:
        """Return the lines, title and subject."""
        return {"lines": list(self.lines), "title": self.title, "subject": self.subject}

    def save(self, path: str | Path, *, labels: bool = True, dpi: int = DPI) -> None:
        """Write the figure, for `.npz` the arrays, for `.txt` the lines; see `genlab.pictures.drawing.save`."""
        save(self, Path(path), labels=labels, dpi=dpi)


def in_blocks(labels: Sequence[str], blocks: Sequence[Sequence[str]], **options: Any) -> Lines:
    """Texts in blocks of as many labelled lines each, such as the steps of walks.

    Args:
        labels: of the lines of every block, such as "input" and "output".
        blocks: the texts.
        options: those of `Lines`.

    Example:
        >>> print(in_blocks(["input", "output"], [["a cat", "a dog"], ["it sat", "it sat"]]).text)
        input   a cat
        output  a dog
        <BLANKLINE>
        input   it sat
        output  it sat
    """
    width = max(map(len, labels))
    lines: list[str] = []
    for texts in blocks:
        lines += [""] * bool(lines)
        lines += [f"{label:{width}}  {text}".rstrip() for label, text in zip(labels, texts, strict=True)]
    return Lines(lines, **options)
