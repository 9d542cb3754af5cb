"""MNIST (LeCun et al. 1998)."""

import gzip
import math
import struct
import zlib
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from genlab.data.base import ImageDataModule
from genlab.data.batches.tensors import ImageTensors
from genlab.data.files.downloads import RemoteFile, fetch
from genlab.data.files.framing import height_and_width, resized
from genlab.data.files.places import data_folder
from genlab.errors import GenlabError
from genlab.regular import exists, require_regular
from genlab.types import Shape

FOLDER = "MNIST/raw"
SOURCES = (
    "https://ossci-datasets.s3.amazonaws.com/mnist",
    "https://storage.googleapis.com/cvdf-datasets/mnist",
    "http://yann.lecun.com/exdb/mnist",
)
MD5 = {
    "train-images-idx3-ubyte": "f68b3c2dcbeaaa9fbdd348bbdeb94873",
    "train-labels-idx1-ubyte": "d53e105ee54ea40749a09fcbcd1e9432",
    "t10k-images-idx3-ubyte": "9fb629c4189551a2d022fa330f9573f3",
    "t10k-labels-idx1-ubyte": "ec29112dd5afa0611ce80d1b7f02629c",
}
"""Checksums of the compressed files."""
SIDE = 28
"""Height and width of the official images in pixels."""
UNSIGNED_BYTES = 8
"""IDX's code for entries of type unsigned byte."""
LARGEST = 1 << 30
"""Maximum number of entries in a file; EMNIST's files have half as many."""


class MNIST(ImageDataModule):
    """Grey 28 x 28 images of ten digits: 60,000 for training and the official 10,000 for testing.

    A tenth of the training images, drawn by `seed`, is for validation. The four IDX files, compressed (.gz) or not, are
    in `data_dir`/MNIST/raw, as torchvision stores them, and are downloaded when missing.

    Args:
        data_dir: folder of data sets; by default the environment variable GENLAB_DATA_DIR, else ./data.
        image_size: height and width in pixels, or one number for a square; for sizes other than 28, the largest centred
            box of these proportions is resized (bicubic). 32 suits networks that halve images five times.
        batch_size: images per batch and process.
        num_workers: number of processes that assemble batches; 0 is fastest.
        binarize: "dynamic" draws each training pixel as black or white, again in each batch, with its grey value as the
            probability of white (Salakhutdinov & Murray 2008); validation and test images are drawn once, by `seed`, so
            that metrics are comparable. "fixed" draws training images once too.
        seed: seed of the validation split, of the order of batches, and of binarised images that are drawn once.

    Raises:
        GenlabError: for numbers out of range.
    """

    num_classes = 10
    class_names = tuple("0123456789")

    def __init__(
        self,
        data_dir: str | None = None,
        image_size: int | tuple[int, int] = SIDE,
        batch_size: int = 128,
        num_workers: int = 0,
        binarize: Literal["none", "dynamic", "fixed"] = "none",
        seed: int = 0,
    ) -> None:
        super().__init__(batch_size, num_workers, seed)
        self.save_hyperparameters(logger=False)
        self.data_dir = data_folder(data_dir)
        self.image_shape: Shape = (1, *height_and_width(image_size))
        self.binarize = binarize

    def prepare_data(self) -> None:
        """Download missing files."""
        for name, md5 in MD5.items():
            if not exists(self.data_dir / FOLDER / name):
                urls = tuple(f"{source}/{name}.gz" for source in SOURCES)
                fetch(RemoteFile(f"{FOLDER}/{name}.gz", urls, b"\x1f\x8b", md5), self.data_dir)

    def setup(self, stage: str | None = None) -> None:
        """Read the splits of a stage: "fit" or "validate", "test" or "predict", or all for None."""
        if stage in ("fit", "validate", None):
            train_set, val_set = self.split(self._read("train"), 1)
            dynamic = self.binarize == "dynamic"
            self.train_set = train_set.transformed(torch.bernoulli) if dynamic else self._drawn_once(train_set)
            self.val_set = self._drawn_once(val_set)
        if stage in ("test", "predict", None):
            self.test_set = self._drawn_once(self._read("t10k"))

    def _read(self, part: str) -> ImageTensors:
        images = read_idx(self.data_dir / FOLDER / f"{part}-images-idx3-ubyte", 3)
        labels = read_idx(self.data_dir / FOLDER / f"{part}-labels-idx1-ubyte", 1)
        if images.shape[1:] != (SIDE, SIDE) or len(images) != len(labels):
            raise GenlabError(
                f"MNIST's {part} files in {self.data_dir / FOLDER} do not match each other or are not MNIST: images "
                f"{tuple(images.shape)}, labels {tuple(labels.shape)}; delete them to have them downloaded again"
            )
        return ImageTensors(resized(images[:, None], self.image_shape), {"label": labels.long()})

    def _drawn_once(self, grey: ImageTensors) -> ImageTensors:
        if self.binarize == "none":
            return grey
        pixels = torch.bernoulli(grey.images / 255, generator=torch.Generator().manual_seed(self.seed))
        return ImageTensors(pixels.byte() * 255, {"label": grey.facts["label"][grey.rows]})


def read_idx(path: Path, dimensions: int) -> Tensor:
    """Read the array in an IDX file of bytes, or in the same file with .gz added to its name.

    Raises:
        GenlabError: for a file that is missing, broken or of another kind.
    """
    path = path if exists(path) else path.with_name(f"{path.name}.gz")
    header = struct.Struct(f">HBB{dimensions}I")
    try:
        require_regular(path)
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            zeros, kind, count, *sizes = header.unpack(file.read(header.size))
            size = min(math.prod(sizes), LARGEST)
            entries = file.read(size + 1)  # limits decompression even if the file expands further
    except FileNotFoundError:
        raise GenlabError(f"there is no {path}; `genlab data prepare mnist` downloads it") from None
    except (OSError, EOFError, zlib.error, struct.error) as error:
        reason = getattr(error, "strerror", None) or error
        raise GenlabError(f"{path} cannot be read ({reason}); delete it to have it downloaded again") from None
    if (zeros, kind, count) != (0, UNSIGNED_BYTES, dimensions) or math.prod(sizes) != len(entries):
        raise GenlabError(
            f"{path} is not an IDX file of bytes with {dimensions} dimensions: its header is corrupt or it is cut "
            "short; delete it to have it downloaded again"
        )
    return torch.from_numpy(np.frombuffer(entries, np.uint8).reshape(sizes).copy())
