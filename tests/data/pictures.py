"""Small image files with known content, for tests."""

from pathlib import Path
from typing import Any

import numpy as np
import scipy.io
import torch
from PIL import Image
from torch import Tensor

from genlab.data.celeba import ATTRIBUTES
from genlab.data.files.framing import Framing


def write_image(path: Path, seed: int = 0, size: tuple[int, int] = (20, 16), mode: str = "RGB") -> Path:
    """Write a smooth random image, (width, height), in the format that the path's suffix names."""
    path.parent.mkdir(parents=True, exist_ok=True)
    coarse = np.random.default_rng(seed).integers(0, 256, (4, 4, 3), np.uint8)
    Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC).convert(mode).save(path)
    return path


def write_images(folder: Path, count: int, ending: str = "jpg", **options: object) -> list[Path]:
    """Write images 0, 1, ... to a folder."""
    return [write_image(folder / f"{i}.{ending}", seed=i, **options) for i in range(count)]  # type: ignore[arg-type]


def write_celeba(folder: Path, count: int, size: tuple[int, int] = (44, 54), skip: tuple[int, ...] = ()) -> None:
    """Write the official layout with images 1 to `count` except those to skip; every fifth is for evaluation.

    Attribute k of image i is bit k modulo 8 of i. Person 1 is on image 1, person 2 on images 2 and 3, person 3 on
    images 4 to 7, and so on.
    """
    names = [f"{i:06}.jpg" for i in range(1, count + 1)]
    for i, name in enumerate(names, 1):
        if i not in skip:
            write_image(folder / "img_align_celeba" / name, seed=i, size=size)
    rows = [name + "".join(f"{1 if i >> (k % 8) & 1 else -1:3}" for k in range(40)) for i, name in enumerate(names, 1)]
    lines = [str(count), " ".join(ATTRIBUTES) + " ", *rows]
    (folder / "list_attr_celeba.txt").write_text("\n".join(lines) + "\n")
    parts = [0 if i % 5 else 1 + i // 5 % 2 for i in range(1, count + 1)]
    lines = [f"{name} {part}" for name, part in zip(names, parts, strict=True)]
    (folder / "list_eval_partition.txt").write_text("\n".join(lines) + "\n")
    lines = [f"{name} {i.bit_length()}" for i, name in enumerate(names, 1)]
    (folder / "identity_CelebA.txt").write_text("\n".join(lines) + "\n")


def write_frey(path: Path, name: str = "ff", frames: int = 1965) -> Path:
    """Write a MATLAB file like Frey Faces: a bright bar that sinks from frame to frame, in the left column only."""
    film = np.zeros((frames, 28, 20), np.uint8)
    film[np.arange(frames), np.arange(frames) % 28, 0] = 200
    path.parent.mkdir(parents=True, exist_ok=True)
    scipy.io.savemat(path, {name: film.reshape(frames, 560).T})
    return path


def framed(*paths: Path | str, shape: tuple[int, int, int] = (1, 8, 8), **options: Any) -> Tensor:
    """Return the images in these files as a model of a given image shape should see them."""
    pixels = [Framing(shape, **options).decode(Path(path).read_bytes()) for path in paths]
    return torch.from_numpy(np.stack(pixels)) / 255
