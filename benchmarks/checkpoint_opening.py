"""Cost of verifying the checksums of a checkpoint: opening one of 1 GB, with genlab and without checksums.

    python benchmarks/checkpoint_opening.py                 a minute
    python benchmarks/checkpoint_opening.py --gigabytes 0.1

Reading is compared with `torch.load` of the same file. Rebuilding the model with `genlab.load` is compared with what it
did before checksums were verified: `torch.load`, to find the class, and Lightning's `load_from_checkpoint`. Contenders
take turns in one process; the median ratio over all turns is printed.
"""

import argparse
import statistics
import tempfile
import time
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import lightning
import torch
from lightning.pytorch import LightningModule

import genlab
from genlab.checkpoints import read
from genlab.networks import MLPDecoder, MLPEncoder


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gigabytes", type=float, default=1.0, help="size of the checkpoint (default 1)")
    parser.add_argument("--turns", type=int, default=7, help="after the first, which warms up (default 7)")
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as folder:
        path = write(Path(folder, "large.ckpt"), given.gigabytes)
        print(f"{path.stat().st_size / 1e9:.2f} GB, {torch.get_num_threads()} threads")
        compare("read", lambda: read(path), lambda: read_without_checksums(path), given.turns)
        compare("genlab.load", lambda: genlab.load(path), lambda: load_without_checksums(path), given.turns)


def write(path: Path, gigabytes: float) -> Path:
    """Write the checkpoint of a VAE whose hidden layers are wide enough for the size."""
    width = int((gigabytes * 1e9 / 4 / 2) ** 0.5)
    wide = {"hidden": (width, width)}
    encoder, decoder = partial(MLPEncoder, **wide), partial(MLPDecoder, **wide)
    model = genlab.VAE((1, 8, 8), encoder=encoder, decoder=decoder)
    content = {"state_dict": model.state_dict(), "hyper_parameters": dict(model.hparams)}
    torch.save(content | {"pytorch-lightning_version": lightning.__version__}, path)
    return path


def read_without_checksums(path: Path) -> Any:
    return torch.load(path, map_location="cpu", weights_only=True)


def load_without_checksums(path: Path) -> LightningModule:
    read_without_checksums(path)["hyper_parameters"]["_class_path"]
    return LightningModule.load_from_checkpoint(path, map_location="cpu", weights_only=True).eval()


def compare(name: str, ours: Callable[[], object], reference: Callable[[], object], turns: int) -> None:
    """Print the median seconds of both, and the median ratio."""
    seconds = [(timed(ours), timed(reference)) for _ in range(turns + 1)][1:]
    own, others = (statistics.median(column) for column in zip(*seconds, strict=True))
    ratio = statistics.median(a / b for a, b in seconds)
    print(f"{name:12} {own:.2f} s, without checksums {others:.2f} s: {ratio:.2f} times as long")


def timed(action: Callable[[], object]) -> float:
    began = time.perf_counter()
    action()
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
