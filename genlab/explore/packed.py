"""Data as scripts, which a page that is opened by double click can load, and nothing else."""

import base64
import gzip
import json
from pathlib import Path
from typing import Any

from torch import Tensor

from genlab.explore.wire import bytes_of

PART = 24 * 2**20
"""Bytes, compressed, of a text in a script: browsers bound how long one is."""


class Packed:
    """A folder of scripts, each with one piece of data; `page/exported/stored.js` reads them.

    Args:
        folder: where they are written.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()

    def add(self, name: str, content: bytes | Tensor) -> None:
        """Write data, of tensors the bytes that the server sends."""
        packed = gzip.compress(bytes_of(content) if isinstance(content, Tensor) else content, 6, mtime=0)
        texts = [base64.b64encode(packed[start : start + PART]).decode() for start in range(0, len(packed), PART)]
        script = f"(globalThis.genlab ??= {{}})[{json.dumps(name)}] = {json.dumps(texts)};\n"
        (self.folder / f"{name}.js").write_text(script)

    def add_json(self, name: str, content: Any) -> None:
        """Write plain data."""
        self.add(name, json.dumps(content).encode())
