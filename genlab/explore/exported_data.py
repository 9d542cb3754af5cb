"""Data of an exported page, which replace the server: a run, its model and the gallery, as scripts."""

import base64
import contextlib
import gzip
import json
import shutil
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from genlab.data import DegradedPairs
from genlab.data.files.framing import Framing
from genlab.errors import GenlabError
from genlab.explore.description import describe
from genlab.explore.directions import attribute_direction
from genlab.explore.entries import Entry, NotThere
from genlab.explore.explored import FITTED, Explored
from genlab.explore.graphs import draws_normal, reconstructs_by_code
from genlab.explore.onnx import Graph
from genlab.explore.training import card_of, pictures_of, thumbnail_of, training_of
from genlab.explore.wire import bytes_of

NAME = "site"
"""Name of the script that describes the run and its model."""
PART = 24 * 2**20
"""Maximum compressed bytes of a string in a script, as browsers limit the length of strings."""
NO_GALLERY = "The data were not available when this page was exported: there are no test images."
LARGEST_CODE = 512
"""Largest size of codes whose densities are exported, as each component has a matrix of size times size."""


class Packed:
    """A folder of scripts, each with one piece of data: a page opened from disk can load nothing else.

    `page/exported/stored.js` reads them.

    Args:
        folder: the folder to create.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()

    def add(self, name: str, content: bytes | Tensor) -> None:
        """Write bytes, or a tensor as the bytes that the server would send."""
        packed = gzip.compress(bytes_of(content) if isinstance(content, Tensor) else content, 6, mtime=0)
        texts = [base64.b64encode(packed[start : start + PART]).decode() for start in range(0, len(packed), PART)]
        script = f"(globalThis.genlab ??= {{}})[{json.dumps(name)}] = {json.dumps(texts)};\n"
        (self.folder / f"{name}.js").write_text(script)

    def add_json(self, name: str, content: Any) -> None:
        """Write data that JSON can represent."""
        self.add(name, json.dumps(content).encode())


def gather(folder: Path, data: Packed, entry: Entry, explored: Explored, graphs: dict[str, Graph]) -> dict[str, Any]:
    """Gather the description of a run for its page.

    Args:
        folder: folder to which pictures are copied.
        data: scripts to which numbers and pixels are added.
        entry: the run.
        explored: its model.
        graphs: the model's methods that the page has, as graphs.
    """
    name = "/".join(entry.key.split("/")[-2:])  # does not disclose where it is on this machine
    description = describe(explored, name)
    densities = _add_densities(data, description["priors"], explored)
    description |= {
        "can": _can(explored, graphs),
        "priors": [*(["own"] if draws_normal(explored.model) else []), *densities],
        "attributes": _add_attributes(data, description["attributes"], explored),
        "notes": [] if explored.gallery else [NO_GALLERY],
    }
    _add_gallery(data, explored)
    return {
        "run": card_of(entry) | {"key": name, "name": name},
        "description": description,
        "densities": densities,
        "graphs": {name: _shapes(graph) for name, graph in graphs.items()},
        "framing": framing_of(explored),
        "training": _training(folder, entry),
    }


def _can(explored: Explored, graphs: dict[str, Graph]) -> dict[str, bool]:
    """Return which primitives the page has without a server."""
    draws = "decode" in graphs and draws_normal(explored.model)
    return {
        "encode": "encode" in graphs,
        "decode": "decode" in graphs,
        "draw": draws,
        "sample": draws,
        "reconstruct": "encode" in graphs and reconstructs_by_code(explored),
        "translate": any(direction in graphs for direction in getattr(explored.model, "directions", ())),
    }


def _shapes(graph: Graph) -> dict[str, Any]:
    return {"file": graph.name, "input": graph.input, "output": graph.output, "noise": graph.noise}


def _add_gallery(data: Packed, explored: Explored) -> None:
    gallery = explored.gallery
    if gallery is None:
        return
    for part, images in gallery.parts.items():
        data.add(f"gallery-{part}", images)
    if gallery.codes is not None:
        data.add("gallery-codes", gallery.codes)
    if gallery.conditions is not None and gallery.conditions.ndim < 4:  # condition images are already a part
        data.add("gallery-conditions", gallery.conditions)


def _add_attributes(data: Packed, names: list[str], explored: Explored) -> list[str]:
    """Add the directions of attributes, and return the names of attributes that have one."""
    found = {}
    for name in names:
        with contextlib.suppress(GenlabError):  # all images have the attribute, or none
            found[name] = attribute_direction(explored, name)
    if found:
        data.add("attributes", torch.stack([*found.values()]))
    return [*found]


def _add_densities(data: Packed, priors: list[str], explored: Explored) -> dict[str, Any]:
    """Add the densities fitted to codes, and return their components' weights."""
    found = {}
    for prior in FITTED:
        if prior in priors and (explored.code_size or 0) <= LARGEST_CODE:
            density = explored.density(prior)
            data.add(f"density-{prior}", torch.cat([density.means.flatten(), density.factors.flatten()]))
            found[prior] = {"weights": density.weights.tolist()}
    return found


def framing_of(explored: Explored) -> dict[str, Any]:
    """Describe how files become images of the gallery's parts, except for sources made by a degradation."""
    gallery, trained = explored.gallery, explored.trained
    degraded = isinstance(trained.unread_data, DegradedPairs)
    found = {}
    for part, images in gallery.parts.items() if gallery else ():
        channels, height, width = images.shape[1:]
        if channels in (1, 3) and not (degraded and part == "source"):
            found[part] = trained.framing() if part == "image" else Framing((channels, height, width))
    return {part: vars(framing) for part, framing in found.items()}


def _training(folder: Path, entry: Entry) -> dict[str, Any]:
    """Describe the training, and copy its pictures."""
    if entry.run is None:
        return {"live": False, "metrics": {}, "pictures": []}
    pictures = folder / "pictures"
    pictures.mkdir()
    for picture in pictures_of(entry.run):
        shutil.copyfile(picture.path, pictures / picture.path.name)
    with contextlib.suppress(NotThere):
        (folder / "thumbnail.png").write_bytes(thumbnail_of(entry.run))
    return training_of(entry.run) | {"live": False}
