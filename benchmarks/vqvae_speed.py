"""Speed of genlab's VQ-VAEs against hand-written PyTorch loops, and of its quantizer against vector-quantize-pytorch's.

    python benchmarks/vqvae_speed.py autoencoder    stage 1 of vqvae_mnist.yaml, 10 batches of 128 per round
    python benchmarks/vqvae_speed.py prior          stage 2 of vqvae_frey.yaml, an epoch per round, on cached codes
    python benchmarks/vqvae_speed.py quantizer      8 maps of 64 x 64 vectors, 512 codes, with peak memory

For how training is timed, see `rounds.py` beside this file. The hand-written loops have the same networks; the first
has an EMA codebook without k-means initialization or revival. vector-quantize-pytorch takes part if it is installed;
each quantizer runs in its own process. Data are read from GENLAB_DATA_DIR, else from ./data, and downloaded if missing.
"""

import argparse
import logging
import multiprocessing
import resource
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import rounds
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import genlab
from genlab.cli.process import quieten
from genlab.networks import EMACodebook, GatedPixelCNN, StridedDecoder, StridedEncoder

CONFIGS = Path(__file__).parents[1] / "configs"
BATCHES, BATCH = 10, 128
SHAPE, SIZE, CODES = (1, 28, 28), 32, 256
MAPS, SIDE, WIDE, MANY = 8, 64, 64, 512


class Bare(nn.Module):
    """The autoencoder of vqvae_mnist.yaml in as few lines as possible."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = StridedEncoder(SHAPE, SIZE, channels=64)
        self.decoder = StridedDecoder(SHAPE, SIZE, channels=64)
        self.register_buffer("book", torch.randn(CODES, SIZE))
        self.register_buffer("counts", torch.ones(CODES))
        self.register_buffer("sums", self.book.clone())

    book: Tensor
    counts: Tensor
    sums: Tensor

    def loss(self, x: Tensor) -> Tensor:
        z = self.encoder(x).movedim(1, -1)
        flat = z.detach().reshape(-1, SIZE)
        nearest = torch.addmm(self.book.square().sum(1), flat, self.book.T, alpha=-2).argmin(1)
        e = self.book[nearest].view(z.shape)
        logits = self.decoder((z + (e - z).detach()).movedim(-1, 1))
        self.counts.lerp_(nearest.bincount(minlength=CODES).float(), 0.01)
        self.sums.lerp_(torch.zeros_like(self.sums).index_add_(0, nearest, flat), 0.01)
        self.book.copy_(self.sums / (self.counts + 1e-5)[:, None])
        error = F.binary_cross_entropy_with_logits(logits, x, reduction="none").sum((1, 2, 3))
        return (error + 0.25 * (z - e).square().sum((1, 2, 3))).mean()


def prior_rival(images: int, batch: int) -> Iterator[float]:
    """Yield the seconds of each epoch of a hand-written loop on codes in memory, random ones, which cost the same."""
    codes = torch.randint(64, (images, 1, 7, 5))
    network = GatedPixelCNN((1, 7, 5), 64, channels=32, layers=4)
    adam = torch.optim.Adam(network.parameters(), lr=1e-3, fused=True)
    while True:
        began = time.perf_counter()
        for index in torch.randperm(images).split(batch)[: images // batch]:
            loss = F.cross_entropy(network(codes[index]), codes[index], reduction="none").flatten(1).sum(1).mean()
            adam.zero_grad()
            loss.backward()
            adam.step()
        yield time.perf_counter() - began


def quantizer_of(name: str) -> Any:
    if name == "genlab":
        return EMACodebook(WIDE, MANY)
    from vector_quantize_pytorch import VectorQuantize

    return VectorQuantize(
        WIDE,
        MANY,
        decay=0.99,
        commitment_weight=0.25,
        kmeans_init=True,
        threshold_ema_dead_code=1,
        accept_image_fmap=True,
    )


def quantizing(name: str, device: str, answers: Any) -> None:
    """Time training steps of a quantizer, forward and backward, and report their memory in MB."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    quantizer = quantizer_of(name).train().to(device)
    z = torch.randn(MAPS, WIDE, SIDE, SIDE, device=device, requires_grad=True)
    quantizer(z)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    seconds = []
    for _ in range(20):
        began = time.perf_counter()
        vectors, _, loss = quantizer(z)
        (vectors.sum() + loss.sum()).backward()
        if device != "cpu":
            torch.cuda.synchronize()
        seconds.append(time.perf_counter() - began)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    if device != "cpu":
        before, peak = 0.0, torch.cuda.max_memory_allocated() / 2**20
    answers.put((seconds, before, peak))


def quantizers(times: int = 3) -> None:
    """Time quantizers in turn, each in its own process, and print medians."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    spawn = multiprocessing.get_context("spawn")
    rivals = ["genlab"]
    try:
        import vector_quantize_pytorch  # noqa: F401

        rivals.append("vector-quantize-pytorch")
    except ImportError:
        print("vector-quantize-pytorch is not installed")
    found: dict[str, list[tuple[list[float], float, float]]] = {name: [] for name in rivals}
    for _ in range(times):
        for name in rivals:
            answers = spawn.Queue()
            process = spawn.Process(target=quantizing, args=(name, device, answers))
            process.start()
            found[name].append(answers.get())
            process.join()
    print(f"{MAPS} maps of {SIDE} x {SIDE} vectors of {WIDE} numbers, {MANY} codes, on {device}, one thread")
    for name, runs in found.items():
        step = statistics.median(second for seconds, _, _ in runs for second in seconds)
        before, peak = (statistics.median(run[part] for run in runs) for part in (1, 2))
        print(f"{name:25} {1000 * step:7.1f} ms a step, peak memory {peak:,.0f} MB, {peak - before:,.0f} of it new")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["autoencoder", "prior", "quantizer"])
    parser.add_argument("--epochs", type=int, default=9, help="rounds, and two for warming up; default 9")
    given = parser.parse_args()
    quieten()
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    if given.what == "quantizer":
        quantizers()
        return
    data = genlab.MNIST() if given.what == "autoencoder" else genlab.FreyFaces()
    data.prepare_data()
    data.setup("fit")
    options = ["--trainer.limit_val_batches=1", "--pictures.every_n_epochs=0"]
    if given.what == "autoencoder":
        config, images = "vqvae_mnist.yaml", BATCH * BATCHES
        rivals = {"bare loop": rounds.bare_rival(data.train_set.images[:images], Bare(), fused=True)}
        stages = {"autoencoder": given.epochs, "prior": 0}
        options += [f"--trainer.limit_train_batches={BATCHES}", "--model.conditional=false"]
    else:  # the first round is stage 1, and the second computes the codes
        config, batch = "vqvae_frey.yaml", data.batch_size
        images = len(data.train_set) // batch * batch
        rivals = {"bare loop": prior_rival(len(data.train_set), batch)}
        stages = {"autoencoder": 1, "prior": given.epochs}
    for name, epochs in stages.items():
        options.append(f"--model.{name}=[{f'{{epochs: {epochs}, lr: 1.0e-3}}' if epochs else ''}]")
    with tempfile.TemporaryDirectory() as folder:
        rounds.speed(str(CONFIGS / config), given.epochs, folder, rivals, images, *options)


if __name__ == "__main__":
    main()
