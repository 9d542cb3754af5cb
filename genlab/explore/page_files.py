"""The files of the page, and the policy with which it is served."""

import base64
import hashlib
import re
from pathlib import Path

from genlab.explore.entries import NotThere
from genlab.explore.guard import POLICY

FOLDER = Path(__file__).with_name("page")
INDEX = "index.html"
TYPES = {
    ".html": "text/html",
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
}
INLINE = re.compile(r"<script(?![^>]*\ssrc=)[^>]*>(.*?)</script>", re.DOTALL)
"""Inline scripts of a page, such as its import map."""


def file_of(name: str) -> tuple[bytes, str]:
    """Return a file of the page and its media type; the name is its path in the page's folder, such as panels/map.js.

    Raises:
        NotThere: for any other name.
    """
    for path in FOLDER.rglob("*"):
        if path.relative_to(FOLDER).as_posix() == name and path.suffix in TYPES:
            return path.read_bytes(), TYPES[path.suffix]
    raise NotThere(f"the page has no file {name[:100]}")


def index() -> tuple[bytes, str]:
    """Return the page, and the Content-Security-Policy that lets the browser run its inline scripts and no others."""
    content, _ = file_of(INDEX)
    return content, POLICY.format(scripts=inline_hashes(content.decode()))


def inline_hashes(page: str) -> str:
    """Return the hashes with which a policy lets the browser run a page's inline scripts."""
    hashes = [hashlib.sha256(script.encode()).digest() for script in INLINE.findall(page)]
    return "".join(f" 'sha256-{base64.b64encode(each).decode()}'" for each in hashes)
