"""Speed of genlab's PixelCNN against a hand-written PyTorch loop, and of its samples with and without the cache.

    python benchmarks/pixelcnn_speed.py train     pixelcnn_mnist.yaml, 10 batches of 64 per round
    python benchmarks/pixelcnn_speed.py sample    binary images of 28 x 28

For how training is timed, see `rounds.py` beside this file. The hand-written loop has the same network. Samples are
from an untrained network, which costs the same. Data are read from GENLAB_DATA_DIR, else from ./data, and downloaded if
missing.
"""

import argparse
import logging
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import rounds
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import genlab
from genlab.cli.process import quieten
from genlab.networks import GatedPixelCNN, sample_grids

CONFIG = Path(__file__).parents[1] / "configs" / "pixelcnn_mnist.yaml"
BATCHES, BATCH = 10, 64
SHAPE = (1, 28, 28)


def bare_rival(images: Tensor) -> Iterator[float]:
    """Yield the seconds of each epoch of a hand-written loop on binary uint8 images."""
    network = GatedPixelCNN(SHAPE, 2)
    adam = torch.optim.Adam(network.parameters(), lr=2e-3, fused=True)
    while True:
        began = time.perf_counter()
        for index in torch.randperm(len(images)).split(BATCH):
            x = (images[index] > 127).long()
            loss = F.cross_entropy(network(x), x, reduction="sum") / len(x)
            adam.zero_grad()
            loss.backward()
            adam.step()
        yield time.perf_counter() - began


class Uncached(nn.Module):
    """The same network, of which the sampler sees only the logits."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, grid: Tensor, condition: Tensor | None, map: Tensor | None) -> Tensor:
        logits: Tensor = self.network(grid, condition, map)
        return logits


def sampling() -> None:
    torch.manual_seed(0)
    network = GatedPixelCNN(SHAPE, 2).eval()
    for count in (1, 16, 64):
        taken, samples = {}, {}
        for name, each in {"cache": network, "no cache": Uncached(network)}.items():
            began = time.perf_counter()
            samples[name] = sample_grids(each, SHAPE, count, generator=torch.Generator().manual_seed(0))
            taken[name] = time.perf_counter() - began
        differ = (samples["cache"] != samples["no cache"]).sum().item()
        seconds = ", ".join(f"{name} {value:.2f} s" for name, value in taken.items())
        print(f"{count:3} images: {seconds}, {taken['no cache'] / taken['cache']:.0f} times as fast; {differ} differ")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["train", "sample"])
    parser.add_argument("--epochs", type=int, default=9, help="rounds, and two for warming up; default 9")
    given = parser.parse_args()
    quieten()
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    if given.what == "sample":
        sampling()
        return
    data = genlab.MNIST(binarize="fixed")
    data.prepare_data()
    data.setup("fit")
    rivals = {"bare loop": bare_rival(data.train_set.images[: BATCH * BATCHES])}
    limits = [
        f"--trainer.limit_train_batches={BATCHES}",
        "--trainer.limit_val_batches=1",
        "--pictures.every_n_epochs=0",
    ]
    with tempfile.TemporaryDirectory() as folder:
        rounds.speed(str(CONFIG), given.epochs, folder, rivals, BATCHES * BATCH, *limits)


if __name__ == "__main__":
    main()
