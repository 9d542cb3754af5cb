"""onnxruntime-web, which runs models in the browser: from an installed npm package, or from a pinned URL."""

from pathlib import Path

from genlab.errors import GenlabError
from genlab.regular import read_regular

ADDRESS = "https://cdn.jsdelivr.net/npm/onnxruntime-web@1.30.0/dist"
LARGEST = 64 * 2**20
"""Maximum size of a file in bytes."""
FILES = {
    "onnxruntime": (
        "ort.wasm.bundle.min.mjs",
        "sha384-PLWz+nHEVHpjwBsO0YVdvQj6n5814Iv8E3b8FG0Rp/uIAtjFMCKOpP66iPzedrIG",
    ),
    "onnxruntime-wasm": (
        "ort-wasm-simd-threaded.wasm",
        "sha384-vjBJ1z7qrhkTyYsNqKeF6c7N+nOJSU94czEo+tvZcu8G75JparGq9kB+kTnEUNVM",
    ),
}
"""The package's files, by their names in an exported page, each with its hash in the pinned version."""


def pinned() -> list[dict[str, str]]:
    """Return the files' URLs, and the hashes that browsers must verify."""
    return [{"url": f"{ADDRESS}/{name}", "integrity": integrity} for name, integrity in FILES.values()]


def installed(package: Path) -> dict[str, bytes]:
    """Read the files of an installed package, by their names in the page.

    Args:
        package: the package's folder, or the folder whose node_modules contains it.

    Raises:
        GenlabError: if it is not there.
    """
    for folder in (package / "node_modules" / "onnxruntime-web", package):
        paths = {name: folder / "dist" / file for name, (file, _) in FILES.items()}
        if all(path.is_file() for path in paths.values()):
            return {name: read_regular(path, LARGEST) for name, path in paths.items()}
    raise GenlabError(f"there is no onnxruntime-web in {package}: npm install onnxruntime-web, and give its folder")
