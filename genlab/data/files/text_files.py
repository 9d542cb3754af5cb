"""Text files with one sentence per line, and the words of a line."""

import re
from pathlib import Path

from genlab.errors import GenlabError
from genlab.regular import exists, is_folder, read_regular

LARGEST = 2**30
"""Maximum size of a file in bytes."""
WORDS = re.compile(r"\d+(?:[.,:]\d+)*|(?<=\w)'\w+|\w+|[^\w\s]")
"""Words, numbers, endings after an apostrophe, and single punctuation marks."""


def words_of(line: str, *, lower_case: bool = False, tokenize: bool = False) -> str:
    """Return the words of a line, separated by single spaces.

    Args:
        line: text, which is split at spaces.
        lower_case: convert it to lower case.
        tokenize: split it into words and punctuation marks: `I don't.` has the words `I`, `don`, `'t` and `.`.
    """
    line = line.lower() if lower_case else line
    found = WORDS.findall(line.replace("\N{RIGHT SINGLE QUOTATION MARK}", "'")) if tokenize else line.split()
    return " ".join(found)


def read_lines(path: Path) -> list[str]:
    """Read the non-blank lines of a UTF-8 file.

    Raises:
        GenlabError: for a missing file, one that is not UTF-8 text, and one without such lines.
    """
    if not exists(path) or is_folder(path):
        raise GenlabError(
            f"there is no file {path}; pass --data.folder, a folder or a text file, one sentence per line"
        )
    content = read_regular(path, LARGEST)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise GenlabError(
            f"{path} is not UTF-8 (line {line:,}); convert it: iconv -f LATIN1 -t UTF-8 {path.name} > utf8.txt"
        ) from None
    if "\0" in text:
        line = text[: text.index("\0")].count("\n") + 1
        raise GenlabError(f"{path} is not text: line {line:,} holds zero bytes")
    lines = [line for line in text.split("\n") if line.strip()]
    if not lines:
        raise GenlabError(f"{path} is empty; it must hold sentences, one per line")
    return lines
