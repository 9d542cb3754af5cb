"""genlab's vae_mnist.yaml against the same training by other means: speed and quality.

    python benchmarks/vae_mnist.py speed    images/s while training
    python benchmarks/vae_mnist.py quality  ELBO on MNIST's official test set, three seeds each

Speed: after every epoch of `genlab fit --config vae_mnist.yaml`, run as users run it (files, progress bar), each rival
trains for one epoch on the same images, in the same process; a figure is the median of the ratios within such rounds.
Only training batches are timed; what genlab does between epochs (validation, checkpoints, pictures) is told apart.
The rivals in the process profit from genlab's flushing of denormal numbers, which a script of their own would not.

MNIST is looked for in GENLAB_DATA_DIR, else in ./data, and downloaded when missing. To have pythae as a rival, install
it in an environment of its own with the same torch and name its interpreter: --pythae PYTHON. It runs in a process of
its own, in turn with the others.

The network is 784-500-20-500-784 with ReLU, a Bernoulli likelihood and Adam, batches of 128 (Kingma & Welling 2013).
"""

import argparse
import contextlib
import logging
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from lightning.pytorch import Callback, LightningModule, Trainer, seed_everything
from lightning.pytorch.loggers import CSVLogger
from torch import Tensor, nn
from torch.utils.data import DataLoader, Subset
from torchvision import datasets, transforms

import genlab
from genlab.training import TrainerCLI, quieten

BATCH = 128
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


def bare_epoch(images: Tensor, model: BareVAE, optimizer: torch.optim.Optimizer) -> None:
    """The hand-written loop, on uint8 images."""
    for index in torch.randperm(len(images)).split(BATCH)[: len(images) // BATCH]:
        loss = model.loss(images[index] / 255)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def bare_rival(images: Tensor, **adam: Any) -> Iterator[float]:
    model = BareVAE()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, **adam)
    while True:
        began = time.perf_counter()
        bare_epoch(images, model, optimizer)
        yield time.perf_counter() - began


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
    optimizer = model.configure_optimizers()
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


class InTurn(Callback):
    """Lets each rival train for an epoch after each of the trainer's."""

    def __init__(self, rivals: dict[str, Iterator[float]]) -> None:
        self.rivals = rivals
        self.rounds: list[dict[str, float]] = []
        self.between: list[float] = []

    def on_validation_start(self, trainer: Trainer, model: LightningModule) -> None:
        self.ended = time.perf_counter()

    def on_train_epoch_start(self, trainer: Trainer, model: LightningModule) -> None:
        now = time.perf_counter()
        if trainer.current_epoch > 0:
            self.between.append(now - self.ended)
            genlabs = self.ended - self.began
            with contextlib.redirect_stdout(None):
                self.rounds.append({"genlab": genlabs} | {name: next(rival) for name, rival in self.rivals.items()})
        self.began = time.perf_counter()


def speed(epochs: int, pythae: str | None) -> None:
    data = genlab.MNIST()
    data.prepare_data()
    data.setup("fit")
    images = data.train_set.images
    per_epoch = len(images) // BATCH * BATCH
    with tempfile.TemporaryDirectory() as folder:
        rivals = {
            "bare loop": bare_rival(images),
            "bare loop, fused Adam as in the config": bare_rival(images, fused=True),
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
        in_turn = InTurn(rivals)

        class Measured(TrainerCLI):
            def instantiate_trainer(self, **kwargs: Any) -> Trainer:
                trainer = super().instantiate_trainer(**kwargs)
                trainer.callbacks.append(in_turn)
                return trainer

        with contextlib.redirect_stdout(None):
            Measured(
                ["fit", f"--config={CONFIG}", f"--trainer.max_epochs={epochs}", f"--trainer.default_root_dir={folder}"]
            )
        rounds = in_turn.rounds[2:]  # the first two warm up
        print(f"{len(rounds)} rounds of {per_epoch:,} images, {torch.get_num_threads()} threads")
        for name in rounds[0]:
            rate = statistics.median(per_epoch / r[name] for r in rounds)
            ratios = sorted(r[name] / r["genlab"] for r in rounds)
            low, high = ratios[len(ratios) // 4], ratios[-1 - len(ratios) // 4]
            print(
                f"{name:39} {rate:8,.0f} images/s   genlab is {statistics.median(ratios):.2f} times as fast "
                f"(quartiles {low:.2f} to {high:.2f})"
            )
        between = statistics.median(in_turn.between)
        print(f"genlab between epochs (validation, checkpoints, pictures): {between:.2f} s, median")
        for rival in rivals.values():
            rival.close()  # type: ignore[attr-defined]


def bare_test_elbo(seed: int, epochs: int, data: genlab.MNIST) -> float:
    seed_everything(seed, verbose=False)
    model = BareVAE()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    best, best_weights = float("inf"), model.state_dict()
    for _ in range(epochs):
        bare_epoch(data.train_set.images, model, optimizer)
        with torch.no_grad():
            loss = model.loss(data.val_set.images / 255).item()
        if loss < best:
            best, best_weights = loss, {k: v.clone() for k, v in model.state_dict().items()}
    model.load_state_dict(best_weights)
    with torch.no_grad():
        return -model.loss(data.test_set.images / 255).item()


def genlab_test_elbo(seed: int, epochs: int, folder: str) -> float:
    with contextlib.redirect_stdout(None):
        command_line = TrainerCLI(
            [
                "fit",
                f"--config={CONFIG}",
                f"--trainer.max_epochs={epochs}",
                f"--trainer.default_root_dir={folder}",
                f"--seed_everything={seed}",
                "--trainer.enable_progress_bar=false",
            ]
        )
        seed_everything(seed, verbose=False)
        (figures,) = command_line.trainer.test(datamodule=command_line.datamodule, ckpt_path="best", verbose=False)
    return figures["test/elbo"]


def quality(epochs: int) -> None:
    data = genlab.MNIST()
    data.prepare_data()
    data.setup()
    results: dict[str, list[float]] = {"genlab": [], "bare loop": []}
    seconds: dict[str, list[float]] = {"genlab": [], "bare loop": []}
    with tempfile.TemporaryDirectory() as folder:
        contenders: dict[str, Callable[[int], float]] = {
            "genlab": lambda seed: genlab_test_elbo(seed, epochs, folder),
            "bare loop": lambda seed: bare_test_elbo(seed, epochs, data),
        }
        for seed in range(3):
            for name, contender in contenders.items():
                began = time.perf_counter()
                results[name].append(contender(seed))
                seconds[name].append(time.perf_counter() - began)
    print(
        f"test ELBO in nats after {epochs} epochs on {len(data.train_set):,} images, best of the epochs by validation"
    )
    for name, elbos in results.items():
        print(
            f"{name:10} {statistics.mean(elbos):.2f} +- {statistics.stdev(elbos):.2f} "
            f"({', '.join(f'{elbo:.2f}' for elbo in elbos)}), {statistics.mean(seconds[name]):.0f} s a run"
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
