"""Speed of genlab's GANs against a hand-written PyTorch loop and a straightforward Lightning script.

    python benchmarks/gan_speed.py mlp      gan_mlp_mnist.yaml, without its penalty, in batches of 128
    python benchmarks/gan_speed.py dcgan    gan_celeba.yaml, 64 x 64 in batches of 64, 10 batches per round

For the method, see `rounds.py` beside this file. The hand-written loop shares one batch of generated images between
both players, as good examples do, and keeps no average of the generator; a second one keeps it as genlab does. The
Lightning script is the usual one: torchvision's MNIST in a DataLoader, new codes and images for each player, and every
metric logged with every batch.

    python benchmarks/gan_speed.py mlp --measures

compares hand-written loops, each of which lacks one of the measures that make genlab's steps fast, with genlab and
with a loop that has all of them.

Data are read from GENLAB_DATA_DIR, else from ./data, and downloaded if missing.
"""

import argparse
import copy
import logging
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import rounds
import torch
import torch.nn.functional as F
from lightning.pytorch import LightningModule
from lightning.pytorch.loggers import CSVLogger
from torch import Tensor, nn
from vae_mnist import lightning_rival, torchvision_loader

import genlab
from genlab.cli.process import quieten

CONFIGS = Path(__file__).parents[1] / "configs"
BATCHES = 10


def mlp_players() -> tuple[nn.Module, nn.Module]:
    generator = nn.Sequential(
        nn.Linear(100, 256), nn.ReLU(), nn.Linear(256, 512), nn.ReLU(), nn.Linear(512, 784), nn.Tanh()
    )
    discriminator = nn.Sequential(
        nn.Flatten(),
        nn.Linear(784, 512),
        nn.LeakyReLU(0.2),
        nn.Dropout(0.3),
        nn.Linear(512, 256),
        nn.LeakyReLU(0.2),
        nn.Dropout(0.3),
        nn.Linear(256, 1),
    )
    return nn.Sequential(generator, nn.Unflatten(1, (1, 28, 28))), discriminator


def dcgan_players() -> tuple[nn.Module, nn.Module]:
    generator: list[nn.Module] = [
        nn.Linear(100, 256 * 16),
        nn.Unflatten(1, (256, 4, 4)),
        nn.BatchNorm2d(256),
        nn.ReLU(),
    ]
    discriminator: list[nn.Module] = [nn.Conv2d(3, 32, 4, 2, 1), nn.LeakyReLU(0.2)]
    for width in (128, 64, 32):
        generator += [nn.ConvTranspose2d(2 * width, width, 4, 2, 1), nn.BatchNorm2d(width), nn.ReLU()]
    for width in (32, 64, 128):
        discriminator += [nn.Conv2d(width, 2 * width, 4, 2, 1), nn.BatchNorm2d(2 * width), nn.LeakyReLU(0.2)]
    generator += [nn.ConvTranspose2d(32, 3, 4, 2, 1), nn.Tanh()]
    discriminator += [nn.Flatten(), nn.Linear(256 * 16, 1)]
    return nn.Sequential(*generator), nn.Sequential(*discriminator)


def bare_rival(
    images: Tensor,
    players: tuple[nn.Module, nn.Module],
    batch: int,
    flip: bool,
    average: bool = True,
    fused: bool = True,
    shared: bool = True,
    spared: bool = False,
    logged: bool = False,
) -> Iterator[float]:
    """Yield the seconds of each epoch on uint8 images.

    Args:
        images: training images.
        players: generator and discriminator.
        batch: number of images in a batch.
        flip: mirror half of the images.
        average: keep an average of the generator.
        fused: use fused Adam.
        shared: use the images that the discriminator saw in the generator's step too.
        spared: compute no gradients of the discriminator's weights in the generator's step.
        logged: convert both losses to numbers in every batch.
    """
    generator, discriminator = players
    kept = copy.deepcopy(generator).requires_grad_(False)
    adams = [
        torch.optim.Adam(p.parameters(), 2e-4, betas=(0.5, 0.999), fused=fused) for p in (discriminator, generator)
    ]
    ones, zeros = torch.ones(batch, 1), torch.zeros(batch, 1)
    while True:
        began = time.perf_counter()
        for index in torch.randperm(len(images)).split(batch)[: len(images) // batch]:
            real = images[index] / 127.5 - 1
            if flip:
                real = torch.where(torch.rand(len(real), 1, 1, 1) < 0.5, real.flip(3), real)
            fake = generator(torch.randn(batch, 100))
            loss = F.binary_cross_entropy_with_logits(discriminator(real), ones)
            loss = loss + F.binary_cross_entropy_with_logits(discriminator(fake.detach()), zeros)
            adams[0].zero_grad()
            loss.backward()
            adams[0].step()
            figures = [loss.item()] if logged else []
            if not shared:
                fake = generator(torch.randn(batch, 100))
            discriminator.requires_grad_(not spared)
            loss = F.binary_cross_entropy_with_logits(discriminator(fake), ones)
            adams[1].zero_grad()
            loss.backward()
            adams[1].step()
            discriminator.requires_grad_(True)
            if logged:
                figures.append(loss.item())
            if average:
                with torch.no_grad():
                    for old, new in zip(kept.parameters(), generator.parameters(), strict=True):
                        old.lerp_(new, 0.001)
        yield time.perf_counter() - began


class StraightforwardGAN(LightningModule):
    """The usual example script."""

    def __init__(self) -> None:
        super().__init__()
        self.generator, self.discriminator = mlp_players()
        self.automatic_optimization = False

    def training_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> None:
        real = 2 * batch[0] - 1
        generator_optimizer, discriminator_optimizer = self.optimizers()
        ones, zeros = torch.ones(len(real), 1), torch.zeros(len(real), 1)

        self.toggle_optimizer(generator_optimizer)
        loss = F.binary_cross_entropy_with_logits(self.discriminator(self.generator(torch.randn(len(real), 100))), ones)
        self.log("g_loss", loss, prog_bar=True)
        self.manual_backward(loss)
        generator_optimizer.step()
        generator_optimizer.zero_grad()
        self.untoggle_optimizer(generator_optimizer)

        self.toggle_optimizer(discriminator_optimizer)
        loss = F.binary_cross_entropy_with_logits(self.discriminator(real), ones)
        fake = self.generator(torch.randn(len(real), 100)).detach()
        loss = (loss + F.binary_cross_entropy_with_logits(self.discriminator(fake), zeros)) / 2
        self.log("d_loss", loss, prog_bar=True)
        self.manual_backward(loss)
        discriminator_optimizer.step()
        discriminator_optimizer.zero_grad()
        self.untoggle_optimizer(discriminator_optimizer)

    def configure_optimizers(self) -> Any:
        return [
            torch.optim.Adam(p.parameters(), 2e-4, betas=(0.5, 0.999)) for p in (self.generator, self.discriminator)
        ], []


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["mlp", "dcgan"])
    parser.add_argument("--measures", action="store_true", help="what each measure gains: loops that lack one")
    parser.add_argument("--epochs", type=int, default=13, help="rounds, and two for warming up; default 13")
    given = parser.parse_args()
    quieten()
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    data = genlab.MNIST() if given.what == "mlp" else genlab.CelebA()
    data.prepare_data()
    data.setup("fit")
    batch, players = (128, mlp_players) if given.what == "mlp" else (64, dcgan_players)
    images = data.train_set.images if given.what == "mlp" else data.train_set.images[: batch * BATCHES]
    flip = given.what == "dcgan"
    variants: dict[str, dict[str, bool]] = {
        "bare loop": {"average": False, "fused": False},
        "bare loop, average": {"fused": False},
        "bare loop, average, fused Adam": {},
    }
    if given.measures:
        variants = {
            "loop with all measures": {"spared": True},
            "without fused Adam": {"spared": True, "fused": False},
            "without sharing images": {"spared": True, "shared": False},
            "without sparing the discriminator": {},
            "with losses read every batch": {"spared": True, "logged": True},
        }
    rivals = {name: bare_rival(images, players(), batch, flip, **options) for name, options in variants.items()}
    with tempfile.TemporaryDirectory() as folder:
        if given.what == "mlp":
            for workers in () if given.measures else (0, 2):
                rivals[f"Lightning, torchvision, {workers} workers"] = lightning_rival(
                    StraightforwardGAN(), torchvision_loader(data, workers), logger=CSVLogger(folder)
                )
            options = ["--model.penalty=null", f"--data.batch_size={batch}"]
            count = len(images) // batch * batch
            rounds.speed(str(CONFIGS / "gan_mlp_mnist.yaml"), given.epochs, folder, rivals, count, *options)
        else:
            limits = [f"--trainer.limit_train_batches={BATCHES}", "--trainer.limit_val_batches=1"]
            rounds.speed(str(CONFIGS / "gan_celeba.yaml"), given.epochs, folder, rivals, BATCHES * batch, *limits)


if __name__ == "__main__":
    main()
