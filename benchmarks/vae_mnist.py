"""genlab's vae_mnist.yaml against the same training by other means: speed and quality.

    python benchmarks/vae_mnist.py speed    training images/s
    python benchmarks/vae_mnist.py quality  ELBO on MNIST's official test set, three seeds each

Speed: after every epoch of `genlab fit --config vae_mnist.yaml`, run as users run it (files, progress bar), each rival
trains for one epoch on the same images, in the same process; results are medians of the ratios within such rounds.
Only training batches are timed; genlab's work between epochs (validation, checkpoints, pictures) is reported apart.
The rivals in the process benefit from genlab's flushing of denormal numbers, unlike in a script of their own.

MNIST is read from GENLAB_DATA_DIR, else from ./data, and downloaded if missing. To have pythae as a rival, install it
in its own environment with the same torch and name its interpreter: --pythae PYTHON. It runs in its own process, taking
turns with the others.

The network is 784-500-20-500-784 with ReLU, a Bernoulli likelihood and Adam, batches of 128 (Kingma & Welling 2013).
"""

import argparse
import logging
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import rounds
import torch
import torch.nn.functional as F
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.loggers import CSVLogger
from rounds import BATCH
from torch import Tensor, nn
from torch.utils.data import DataLoader, Subset
from torchvision import datasets, transforms

import genlab
from genlab.cli.process import quieten

CONFIG = str(Path(__file__).parents[1] / "configs" / "vae_mnist.yaml")


class BareVAE(nn.Module):
    """The VAE of vae_mnist.yaml as one would write it without a library."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Sequential(nn.Flatten(), nn.Linear(784, 500), nn.ReLU(), nn.Linear(500, 40))
        self.decoder = nn.Sequential(nn.Linear(20, 500), nn.ReLU(), nn.Linear(500, 784))

    def loss(self, x: Tensor) -> Tensor:
        mean, log_variance = self.encoder(x).chunk(2, 1)
        z = mean + (0.5 * log_variance).exp() * torch.randn_like(mean)
        reconstruction = F.binary_cross_entropy_with_logits(self.decoder(z), x.flatten(1), reduction="sum")
        kl = -0.5 * (1 + log_variance - mean.square() - log_variance.exp()).sum()
        return (reconstruction + kl) / len(x)


class StraightforwardVAE(LightningModule):
    """The usual example script."""

    def __init__(self) -> None:
        super().__init__()
        self.vae = BareVAE()

    def training_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> Tensor:
        loss = self.vae.loss(batch[0])
        self.log("train_loss", loss, prog_bar=True)
        return loss

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.Adam(self.parameters(), lr=1e-3)


class Stopwatch(Callback):
    """Times the training batches of the last epoch."""

    def on_train_epoch_start(self, trainer: Trainer, model: LightningModule) -> None:
        self.began = time.perf_counter()

    def on_train_epoch_end(self, trainer: Trainer, model: LightningModule) -> None:
        self.seconds = time.perf_counter() - self.began


def lightning_rival(model: LightningModule, loader: DataLoader[Any], **options: Any) -> Iterator[float]:
    stopwatch = Stopwatch()
    while True:
        Trainer(
            max_epochs=1, enable_checkpointing=False, enable_model_summary=False, callbacks=[stopwatch], **options
        ).fit(model, loader)
        yield stopwatch.seconds


def torchvision_loader(data: genlab.MNIST, workers: int) -> DataLoader[Any]:
    files = datasets.MNIST(data.data_dir, transform=transforms.ToTensor())
    images = Subset(files, range(len(data.train_set)))
    return DataLoader(images, BATCH, shuffle=True, drop_last=True, num_workers=workers, persistent_workers=workers > 0)


def genlab_vae() -> genlab.VAE:
    return genlab.VAE((1, 28, 28), optimizer=partial(torch.optim.Adam, lr=1e-3, fused=True))


def genlab_bare_rival(data: genlab.MNIST) -> Iterator[float]:
    model = genlab_vae()
    optimizer = model.configure_optimizers()["optimizer"]
    while True:
        began = time.perf_counter()
        for batch in data.train_dataloader():
            loss = model.evidence(model.images(batch))["loss"]
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        yield time.perf_counter() - began


def pythae_rival(python: str, images: Tensor, folder: str) -> Iterator[float]:
    path = Path(folder, "images.npy")
    np.save(path, images.numpy())
    with subprocess.Popen(
        [python, str(Path(__file__).with_name("pythae_epochs.py")), str(path), folder],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        bufsize=1,
    ) as process:
        assert process.stdin
        assert process.stdout
        try:
            while True:
                process.stdin.write("\n")
                yield float(process.stdout.readline())
        finally:
            process.stdin.close()


def speed(epochs: int, pythae: str | None) -> None:
    data = genlab.MNIST()
    data.prepare_data()
    data.setup("fit")
    images = data.train_set.images
    per_epoch = len(images) // BATCH * BATCH
    with tempfile.TemporaryDirectory() as folder:
        rivals = {
            "bare loop": rounds.bare_rival(images, BareVAE()),
            "bare loop, fused Adam as in the config": rounds.bare_rival(images, BareVAE(), fused=True),
            "genlab's model and data, bare loop": genlab_bare_rival(data),
            "the same, Trainer without logs, bar": lightning_rival(
                genlab_vae(), data.train_dataloader(), logger=False, enable_progress_bar=False
            ),
            **{
                f"Lightning, torchvision, {workers} workers": lightning_rival(
                    StraightforwardVAE(), torchvision_loader(data, workers), logger=CSVLogger(folder)
                )
                for workers in (0, 2)
            },
        }
        if pythae:
            rivals["pythae"] = pythae_rival(pythae, images, folder)
        rounds.speed(CONFIG, epochs, folder, rivals, per_epoch)


def quality(epochs: int) -> None:
    data = genlab.MNIST()
    data.prepare_data()
    data.setup()
    print(
        f"test ELBO in nats after {epochs} epochs on {len(data.train_set):,} images, best of the epochs by validation"
    )
    with tempfile.TemporaryDirectory() as folder:
        rounds.quality(
            {
                "genlab": lambda seed: rounds.genlab_test_metrics(CONFIG, seed, epochs, folder)["test/elbo"],
                "bare loop": lambda seed: -rounds.bare_test_loss(seed, epochs, data, BareVAE),
            }
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["speed", "quality"])
    parser.add_argument("--epochs", type=int, help="default: 23 for speed, 50 for quality")
    parser.add_argument("--pythae", metavar="PYTHON", help="interpreter of an environment with pythae")
    given = parser.parse_args()
    quieten()
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    if given.what == "speed":
        speed(given.epochs or 23, given.pythae)
    else:
        quality(given.epochs or 50)
    sys.stdout.flush()


if __name__ == "__main__":
    main()
