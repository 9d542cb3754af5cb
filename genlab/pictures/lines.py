"""Lines of text as a picture."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from genlab.pictures.drawing import DPI, save

LINE = 0.22
"""Height of a line in inches."""
CHARACTER = 0.088
"""Width of a character in inches."""
NARROWEST = 5.0
"""Minimum width of a picture in inches."""


@dataclass(frozen=True)
class Lines:
    """A titled list of texts, one per line.

    Args:
        lines: the texts.
        title: what they are.
        subject: the model that wrote them: its class, data and epoch.

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
            scale: has no effect, since text has no pixels.
            labels: False leaves out the title.
            dpi: dots per inch.
        """
        head = " · ".join(filter(None, [self.title, self.subject])) if labels else ""
        rows = len(self.lines) + (2 if head else 1)
        longest = max(map(len, [head, *self.lines]))
        width, height = max(NARROWEST, CHARACTER * (longest + 4)), LINE * rows
        figure = Figure((width, height), dpi=dpi)
        plain = partial(figure.text, LINE / width, size=10, va="center", parse_math=False)  # a $ is plain text
        for row, line in enumerate(self.lines, 2 if head else 1):
            plain(1 - (row - 0.5) * LINE / height, line, family="monospace")
        if head:
            plain(1 - 0.6 * LINE / height, head, weight="bold")
        return figure

    def arrays(self) -> dict[str, Any]:
        """Return the lines, title and subject."""
        return {"lines": list(self.lines), "title": self.title, "subject": self.subject}

    def save(self, path: str | Path, *, labels: bool = True, dpi: int = DPI) -> None:
        """Write the figure, the arrays for `.npz`, or the lines for `.txt`; see `genlab.pictures.drawing.save`."""
        save(self, Path(path), labels=labels, dpi=dpi)


def in_blocks(labels: Sequence[str], blocks: Sequence[Sequence[str]], **options: Any) -> Lines:
    """Arrange texts in blocks of labelled lines, such as the steps of walks.

    Args:
        labels: labels of the lines in every block, such as "input" and "output".
        blocks: the texts of each block, one per label.
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
