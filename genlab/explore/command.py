"""Start of `genlab explore`: checks what is installed, then serves the page or writes it to a folder."""

import argparse
import importlib
import importlib.util

from genlab.errors import GenlabError

SERVING = ("starlette", "uvicorn")
EXPORTING = ("onnxscript", "onnxruntime")


def main(args: argparse.Namespace) -> None:
    """Serve the page, or write it to a folder."""
    if args.runtime and not args.export:
        raise GenlabError("--runtime is for an exported page: give --export DIR too")
    require_installed(EXPORTING if args.export else SERVING)
    module = importlib.import_module(f"genlab.explore.{'export' if args.export else 'server'}")
    module.main(args)


def require_installed(packages: tuple[str, ...]) -> None:
    """Raise GenlabError if packages are missing."""
    if not all(map(importlib.util.find_spec, packages)):
        raise GenlabError(f"genlab explore needs {' and '.join(packages)}: pip install 'genlab[explore]'")
