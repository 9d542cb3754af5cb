"""Export of one model's page to a folder, in which the model runs in the browser."""

import argparse
from pathlib import Path

from genlab.atomic import whole_folder
from genlab.errors import GenlabError, listed
from genlab.explore import exported_data, runtime
from genlab.explore.entries import Entries, Entry
from genlab.explore.explored import Explored
from genlab.explore.exported_data import Packed
from genlab.explore.exported_page import write_page
from genlab.explore.graphs import graphs_of
from genlab.explore.onnx import Graph, require_exporter
from genlab.explore.opened import explored_at

DATA = "data"
"""Name of the folder with an exported page's data."""
WRITTEN = ("index.html", "style.css", "icon.svg", DATA, "pictures", "thumbnail.png", "*.onnx")
"""Files and folders of an exported page."""


def main(args: argparse.Namespace) -> None:
    """Write the page of a model to a folder, after checking that its graphs compute what PyTorch does."""
    require_exporter()
    require_free(args.export, args.force)
    files = runtime.installed(args.runtime) if args.runtime else {}
    entry = Entries(args.ckpt).chosen
    if entry is None:
        raise GenlabError("no run has a checkpoint yet; give --ckpt PATH")
    on_the_cpu = argparse.Namespace(**{**vars(args), "device": "cpu"})
    explored = explored_at(entry.checkpoint, on_the_cpu, styles=False)  # the page could not draw styles by itself
    graphs = graphs_of(explored)
    with whole_folder(args.export, replace=args.force) as folder:
        write(folder, entry, explored, graphs, files)
    difference = max(graph.difference for graph in graphs.values())
    print(f"{args.export / 'index.html'}: as ONNX the model is within {difference:.0e} of PyTorch")


def require_free(folder: Path, force: bool) -> None:
    """Check that a page may be written to a folder.

    Raises:
        GenlabError: if it already exists and `force` is not given, or if it is not an exported page and nothing else.
    """
    if not (folder.exists() or folder.is_symlink()):
        return
    if not force:
        raise GenlabError(f"{folder} already exists; give --force to replace it, or another --export")
    if not (folder / DATA / f"{exported_data.NAME}.js").is_file():
        raise GenlabError(f"{folder} is not an exported page, so it is not replaced; give another --export")
    if others := sorted(path.name for path in folder.iterdir() if not any(map(path.match, WRITTEN))):
        raise GenlabError(
            f"{folder} holds {listed(others)} too, which would be lost; move it, or give another --export"
        )


def write(folder: Path, entry: Entry, explored: Explored, graphs: dict[str, Graph], files: dict[str, bytes]) -> None:
    """Write a page.

    Args:
        folder: an empty folder to write to.
        entry: the run.
        explored: its model.
        graphs: the model's methods as graphs.
        files: files of onnxruntime-web; if empty, browsers load it from the web.
    """
    write_page(folder, online=not files)
    data = Packed(folder / DATA)
    for name, content in files.items():
        data.add(name, content)
    for graph in graphs.values():
        (folder / f"{graph.name}.onnx").write_bytes(graph.content)  # for other programs
        data.add(graph.name, graph.content)
    told = exported_data.gather(folder, data, entry, explored, graphs)
    data.add_json(exported_data.NAME, told | {"runtime": None if files else runtime.pinned()})
