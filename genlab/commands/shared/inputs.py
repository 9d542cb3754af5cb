"""Image files of --input: find them, and turn them into images that a model takes."""

import glob
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from tqdm import tqdm

from genlab.data.batches.tensors import ImageTensors
from genlab.data.files.framing import Framing, attempt
from genlab.data.files.image_files import LARGEST, FolderFiles, is_image
from genlab.errors import GenlabError, counted, listed
from genlab.regular import exists, is_folder, read_regular


def named_paths(texts: Sequence[str], output: Path | None = None) -> list[tuple[str, Path]]:
    """Find the image files of paths and patterns, each once, with its name; in a folder, its path relative to that.

    Args:
        texts: files, folders, and patterns, which match only images.
        output: folder whose files are left out, if it is inside one of these folders.

    Raises:
        GenlabError: for a path that does not exist, and for a pattern that matches nothing.
    """
    found: dict[Path, tuple[str, Path]] = {}
    for text in texts:
        if not text:
            raise GenlabError("an --input is empty; give files, folders or patterns")
        if is_folder(Path(text)):
            paths = [(name, Path(text, name)) for name in FolderFiles(Path(text)).names]
            if output and real(Path(text)) in real(output).parents:
                paths = [(name, path) for name, path in paths if not real(path).is_relative_to(real(output))]
        elif exists(Path(text)):
            paths = [(Path(text).name, Path(text))]
        else:
            matching = sorted(glob.glob(text, recursive=True))  # noqa: PTH207 - Path.glob takes no absolute patterns
            paths = [(path.name, path) for path in map(Path, matching) if is_image(path.name)]
        if not paths:
            raise GenlabError(f"there is no {text}; give image files, folders or patterns")
        for name, path in paths:
            found.setdefault(real(path), (name, path))
    return list(found.values())


def framed(paths: Sequence[Path], framing: Framing) -> tuple[ImageTensors, tuple[str, ...]]:
    """Read images, cropped and resized, with their paths; unreadable files are left out and reported.

    Raises:
        GenlabError: when no file can be read.
    """

    def image_of(path: Path) -> NDArray[np.uint8] | str:
        return attempt(lambda: framing.decode(read_regular(path, LARGEST)))

    with ThreadPoolExecutor(os.cpu_count()) as threads:  # Pillow releases the GIL to decode and resize
        decoded = threads.map(image_of, paths)
        images = list(tqdm(decoded, "Reading", len(paths), unit=" images", disable=None if len(paths) > 100 else True))
    unreadable = [f"{path}: {why}" for path, why in zip(paths, images, strict=True) if isinstance(why, str)]
    if len(unreadable) == len(paths):
        raise GenlabError(f"none of the images can be read: {listed(unreadable, separator='; ')}")
    tell_unreadable(unreadable)
    readable = {str(path): image for path, image in zip(paths, images, strict=True) if not isinstance(image, str)}
    return ImageTensors(torch.from_numpy(np.stack([*readable.values()]))), tuple(readable)


def tell_unreadable(unreadable: Sequence[str]) -> None:
    """Print the files that could not be read, if any, with the reason for each."""
    if unreadable:
        print(f"{counted(len(unreadable), 'image')} could not be read: {listed(unreadable, separator='; ')}")


def real(path: Path) -> Path:
    """Resolve the links in a path, as far as possible."""
    return Path(os.path.realpath(path))  # Path.resolve raises for a link to itself
