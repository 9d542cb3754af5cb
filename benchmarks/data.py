"""genlab's DataModules against torchvision's data sets and PIL with transforms in a DataLoader: images/s and memory.

    python benchmarks/data.py           every source, then an epoch of a full-size CelebA
    python benchmarks/data.py --rounds 9

The rival of each source is what one would write with torchvision: its data set or PIL, its transforms, and a DataLoader
that shuffles, with two persistent workers or with none, whichever is faster. In each round, genlab and the rivals take
turns in this process; speeds are medians over the rounds, ratios are medians of the ratios within rounds. genlab is
timed without workers, its default, and with two. Starting workers is not timed. Batches are float images in [0, 1] on
both sides; for sources with a cache, reading its bytes alone is timed as well.

Data sets are read from GENLAB_DATA_DIR, else from ./data; missing ones are left out. CelebA's files may have any size,
and the rival spends its time on decoding, so copies of the official size, 178 x 218 pixels, are timed too.

Memory is what one epoch adds to this process: its own (RssAnon), and pages of the cached file that the system may drop
(RssFile). The full CelebA is the available images repeated to 202,599, 2.5 GB in a temporary file.
"""

import argparse
import contextlib
import logging
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import DataLoader, Dataset
from torchvision import datasets
from torchvision import transforms as T

from genlab.data import (
    MNIST,
    BatchDataModule,
    CelebA,
    DegradedPairs,
    Digits,
    Edges,
    FreyFaces,
    ImageFolder,
    SideBySidePairs,
)
from genlab.data.batches.tensors import ImageTensors
from genlab.errors import GenlabError

SECONDS = 0.5
"""Minimum time in seconds for which genlab's batches are counted in a round."""


class Files(Dataset[Tensor]):
    """Image files, opened with PIL and transformed one by one."""

    def __init__(self, paths: Sequence[Path], transform: Callable[[Image.Image], Tensor]) -> None:
        self.paths, self.transform = paths, transform

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> Tensor:
        with Image.open(self.paths[index]) as image:
            return self.transform(image.convert("RGB"))


class Arrays(Dataset[Tensor]):
    """Arrays that are turned into PIL images and transformed one by one, as torchvision's MNIST does."""

    def __init__(self, images: np.ndarray) -> None:
        self.images, self.transform = images, T.ToTensor()

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> Tensor:
        return self.transform(Image.fromarray(self.images[index]))


def halves(image: Image.Image) -> Tensor:
    """pix2pix's pair: both halves jittered from 286 to 256 and mirrored together."""
    width, height = image.size
    jitter = T.Compose([T.Resize((286, 286), T.InterpolationMode.BICUBIC), T.RandomCrop(256), T.RandomHorizontalFlip()])
    pair = torch.cat(
        [T.ToTensor()(image.crop(box)) for box in ((0, 0, width // 2, height), (width // 2, 0, width, height))]
    )
    return jitter(pair)


Source = tuple[str, Callable[[], BatchDataModule], Callable[[Any], Dataset[Any]]]
"""Name, function that makes the DataModule, and function that makes the rival's data set from it."""


def sources(scratch: Path) -> list[Source]:
    to_tensor = T.ToTensor()
    with_edges = T.Compose([to_tensor, lambda image: torch.cat([Edges()(image[None])[0], image])])
    face = T.Compose([centre, T.Resize(64), to_tensor])
    wide = T.Compose([T.Resize((64, 128)), to_tensor])
    return [
        ("Digits 8 x 8", Digits, lambda data: Arrays(data.train_set.images[:, 0].numpy())),
        ("MNIST 28 x 28", MNIST, lambda data: datasets.MNIST(data.data_dir, transform=to_tensor)),
        ("Frey Faces 28 x 20", FreyFaces, lambda data: Arrays(data.train_set.images[:, 0].numpy())),
        ("CelebA 64 x 64, files as they are", CelebA, lambda data: Files(celeba_files(data), face)),
        ("CelebA 64 x 64, files 178 x 218", CelebA, lambda data: Files(enlarged(celeba_files(data), scratch), face)),
        (
            "MNIST edges to digits",
            lambda: DegradedPairs(MNIST(), Edges()),
            lambda data: datasets.MNIST(data.data.data_dir, transform=with_edges),
        ),
        (
            "facades 256 x 256, jittered pairs",
            lambda: SideBySidePairs("facades"),
            lambda data: Files(sorted(data.folder.glob("train/*.jpg")), halves),
        ),
        (
            "folder 64 x 128",
            lambda: ImageFolder("facades", image_size=(64, 128)),
            lambda data: Files(sorted(data.folder.glob("train/*.jpg")), wide),
        ),
    ]


def centre(image: Image.Image) -> Image.Image:
    """Crop to a square, 148 of 178 columns wide."""
    side = round(image.width * 148 / 178)
    return T.functional.center_crop(image, [side, side])


def celeba_files(data: CelebA) -> list[Path]:
    return sorted((data.data_dir / "celeba" / "img_align_celeba").iterdir())[: len(data.train_set)]


def enlarged(paths: Sequence[Path], folder: Path) -> list[Path]:
    """Save copies of images at CelebA's official size."""
    for path in paths:
        with Image.open(path) as image:
            image.resize((178, 218), Image.Resampling.BICUBIC).save(folder / path.name, quality=90)
    return [folder / path.name for path in paths]


def genlab_speed(data: BatchDataModule) -> Callable[[], float]:
    """Return a function that measures images (or pairs) per second."""
    loader = data.train_dataloader()
    next(iter(loader))  # starts the workers, if there are any

    def speed() -> float:
        count, began = 0, time.perf_counter()
        while time.perf_counter() - began < SECONDS:
            count += sum(len(next(iter(batch.values()))) for batch in loader)
        return count / (time.perf_counter() - began)

    return speed


def bytes_speed(images: ImageTensors, batch_size: int) -> float:
    """Measure images per second read from the cache as bytes, without converting them to floats."""
    count, began = 0, time.perf_counter()
    while time.perf_counter() - began < SECONDS:
        for rows in images.rows[torch.randperm(len(images))].split(batch_size):
            count += len(images.stored.index_select(0, rows))
    return count / (time.perf_counter() - began)


def rival(data: BatchDataModule, content: Dataset[Any], workers: int) -> Callable[[], float]:
    loader = DataLoader(
        content, data.batch_size, shuffle=True, drop_last=True, num_workers=workers, persistent_workers=workers > 0
    )
    next(iter(loader))  # starts the workers

    def speed() -> float:
        batches = iter(loader)
        next(batches)
        began = time.perf_counter()
        count = sum(1 for _ in batches)
        return count * data.batch_size / (time.perf_counter() - began)

    return speed


def compare(
    name: str, make_data: Callable[[], BatchDataModule], make_rival: Callable[[Any], Dataset[Any]], rounds: int
) -> None:
    data = make_data()
    data.prepare_data()
    data.setup()
    before, own = memory(), genlab_speed(data)
    own()
    added = [after - b for after, b in zip(memory(), before, strict=True)]
    data.num_workers = 2
    with_workers = genlab_speed(data)
    content = make_rival(data)
    rivals = {workers: rival(data, content, workers) for workers in (0, 2)}
    figures, parallel, as_bytes = [], [], []
    for _ in range(rounds):
        figures.append((own(), {workers: speed() for workers, speed in rivals.items()}))
        parallel.append(with_workers())
        if isinstance(data.train_set, ImageTensors) and data.train_set.mapped:
            as_bytes.append(bytes_speed(data.train_set, data.batch_size))
    medians = {workers: statistics.median(others[workers] for _, others in figures) for workers in rivals}
    best = max(medians, key=medians.__getitem__)
    ratios = {workers: statistics.median(ours / others[workers] for ours, others in figures) for workers in rivals}
    print(
        f"{name:34}{statistics.median(ours for ours, _ in figures):>10,.0f}{statistics.median(parallel):>11,.0f}"
        f"{medians[0]:>10,.0f}{medians[2]:>10,.0f}"
        f"{ratios[best]:>8.1f}x{ratios[2]:>8.1f}x{added[0]:>8.0f}{added[1]:>8.0f}",
        flush=True,
    )
    if as_bytes:
        speed = statistics.median(as_bytes)
        print(f"{'':4}bytes from the cache: {speed:,.0f} images/s, {speed / medians[best]:.0f}x the best rival")


def memory() -> tuple[float, float]:
    """Return this process's own memory and its pages of files, in MB."""
    lines = dict(line.split(":") for line in Path("/proc/self/status").read_text().splitlines())
    own, files = (float(lines[name].split()[0]) / 1024 for name in ("RssAnon", "RssFile"))
    return own, files


def full_celeba(scratch: Path) -> None:
    data = CelebA()
    data.setup()
    real = torch.cat([data.train_set.images, data.val_set.images, data.test_set.images]).numpy()
    path, count = scratch / "images.npy", 202_599
    with path.open("wb") as file:
        header = {"descr": "|u1", "fortran_order": False, "shape": (count, *real.shape[1:])}
        np.lib.format.write_array_header_1_0(file, header)
        for start in range(0, count, len(real)):
            file.write(real[: count - start].tobytes())
    data.train_set = ImageTensors(torch.from_numpy(np.load(path, mmap_mode="c")))
    before, began = memory(), time.perf_counter()
    images = sum(len(batch["image"]) for batch in data.train_dataloader())
    seconds = time.perf_counter() - began
    own, files = (after - b for after, b in zip(memory(), before, strict=True))
    print(
        f"\nAn epoch of a full CelebA, {count:,} images of 64 x 64 ({path.stat().st_size / 1e9:.1f} GB): "
        f"{images / seconds:,.0f} images/s, own memory {own:+.0f} MB, pages of the file {files:+.0f} MB"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    print(f"{'':34}{'genlab':>10}{'2 workers':>11}{'rival':>10}{'2 workers':>10}", end="")
    print(f"{'/ best':>9}{'/ 2 w.':>9}{'own MB':>8}{'file MB':>8}")
    with tempfile.TemporaryDirectory() as scratch:
        for source in sources(Path(scratch)):
            try:
                compare(*source, rounds)
            except GenlabError as error:
                print(f"{source[0]}: left out, {error}")
    with tempfile.TemporaryDirectory() as scratch, contextlib.suppress(GenlabError):
        full_celeba(Path(scratch))


if __name__ == "__main__":
    main()
