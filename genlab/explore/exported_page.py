"""The page as a single file that browsers can open from disk, where they refuse to load modules from other files.

Modules become data: URLs in the import map. The policy lets nothing be loaded from elsewhere, except onnxruntime-web if
it is not in the folder.
"""

import base64
import json
import re
from pathlib import Path

from genlab.explore.page_files import FOLDER, INDEX, inline_hashes
from genlab.explore.runtime import ADDRESS

SERVED = "/page/"
"""URL of the page's files on the server."""
BACKEND = "genlab/backend.js"
IMPORT_MAP = re.compile(r'(?<=<script type="importmap">).*?(?=</script>)', re.DOTALL)
MAIN = '<script type="module" src="/page/app.js"></script>'
HEAD = '<meta charset="utf-8">'
POLICY = (
    "default-src 'none'; script-src 'self' file: data: blob: 'wasm-unsafe-eval'{scripts}; connect-src data:{runtime}; "
    "style-src 'self' file: 'unsafe-inline'; img-src 'self' file: data: blob:; base-uri 'none'; form-action 'none'"
)
"""Content-Security-Policy of the page; `file:` is there because 'self' excludes files beside it in some browsers."""


def write_page(folder: Path, *, online: bool) -> None:
    """Write the page, with its style and icon beside it.

    Args:
        folder: folder to write to.
        online: whether the page may load onnxruntime-web from its pinned URL.
    """
    page = (FOLDER / INDEX).read_text(encoding="utf-8")
    modules = json.loads(IMPORT_MAP.findall(page)[0])["imports"] | {BACKEND: f"{SERVED}exported.js"}
    for path in sorted((FOLDER / "exported").glob("*.js")):
        modules[f"genlab/exported/{path.name}"] = f"{SERVED}exported/{path.name}"
    addresses = {name: _data_address(_file(address)) for name, address in modules.items()}
    page = IMPORT_MAP.sub(lambda _: json.dumps({"imports": addresses}, indent=0), page)
    page = page.replace(MAIN, '<script type="module">import "genlab/app.js";</script>')
    for address in re.findall(rf'(?<=href="){SERVED}[^"]+', page):
        name = address.removeprefix(SERVED)
        (folder / name).write_bytes(_file(address).read_bytes())
        page = page.replace(address, name)
    policy = POLICY.format(scripts=inline_hashes(page), runtime=f" {ADDRESS}/" if online else "")
    page = page.replace(HEAD, f'{HEAD}\n<meta http-equiv="Content-Security-Policy" content="{policy}">', 1)
    (folder / INDEX).write_text(page, encoding="utf-8")


def _file(address: str) -> Path:
    return FOLDER / address.removeprefix(SERVED)


def _data_address(path: Path) -> str:
    return f"data:text/javascript;base64,{base64.b64encode(path.read_bytes()).decode()}"
