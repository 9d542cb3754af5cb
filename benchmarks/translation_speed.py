"""Speed and memory of genlab's pix2pix and CycleGAN against hand-written PyTorch loops of the same networks.

    python benchmarks/translation_speed.py pix2pix     facades at 128 x 128, batch 1, 32 channels, 60 batches per round
    python benchmarks/translation_speed.py cyclegan    CelebA at 32 x 32, batch 4, 16 channels, 60 batches per round

For how speed is timed, see `rounds.py` beside this file. One loop translates separately for each player; the other
shares translations and skips the discriminators' gradients in the generators' step, as genlab does. Both read the same
batches from memory, jittered or mirrored, and log nothing.

    python benchmarks/translation_speed.py pix2pix --memory genlab|shared|anew

trains one of them for 30 batches and prints the largest growth of the process since before the first one.
"""

import argparse
import itertools
import logging
import resource
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import rounds
import torch
import torch.nn.functional as F
from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor, nn

import genlab
from genlab.cli.process import quieten
from genlab.models.shared.replay import ImagePool
from genlab.networks import PatchDiscriminator, ResNetGenerator, UNet

CONFIGS = Path(__file__).parents[1] / "configs"
BATCHES = 60
OPTIONS = {
    "pix2pix": ["--data.image_size=128", "--model.generator.channels=32", "--model.discriminator.channels=32"],
    "cyclegan": [
        "--data.data.image_size=32",
        "--model.generator=ResNetGenerator",
        "--model.generator.channels=16",
        "--model.identity_weight=5",
    ],
}
Step = Callable[[dict[str, Tensor]], None]


def adam(*networks: nn.Module, fused: bool = True) -> torch.optim.Optimizer:
    parameters = itertools.chain.from_iterable(network.parameters() for network in networks)
    return torch.optim.Adam(parameters, 2e-4, betas=(0.5, 0.999), fused=fused)


def frozen(networks: list[nn.Module], learns: bool) -> None:
    for network in networks:
        network.requires_grad_(learns)


def stepped(optimizer: torch.optim.Optimizer, loss: Tensor) -> None:
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()


def cross_entropy(logits: Tensor, real: bool) -> Tensor:
    return F.binary_cross_entropy_with_logits(logits, torch.full_like(logits, float(real)))


def pix2pix_step(share: bool) -> Step:
    """Return a step of the hand-written algorithm: D on (x, y) and (x, G(x)), then G with D and 100 L1."""
    generator, discriminator = UNet((3, 128, 128), 3, 32), PatchDiscriminator((6, 128, 128), 1, 32)
    of_generator, of_discriminator = adam(generator), adam(discriminator)

    def step(batch: dict[str, Tensor]) -> None:
        x, y = 2 * batch["source"] - 1, 2 * batch["target"] - 1
        fake = generator(x).tanh()
        on_real, on_fake = discriminator(torch.cat([x, y], 1)), discriminator(torch.cat([x, fake.detach()], 1))
        stepped(of_discriminator, (cross_entropy(on_real, True) + cross_entropy(on_fake, False)) / 2)
        if not share:
            fake = generator(x).tanh()
        frozen([discriminator], share is False)
        adversarial = cross_entropy(discriminator(torch.cat([x, fake], 1)), True)
        stepped(of_generator, adversarial + 100 * F.l1_loss(fake, y))
        frozen([discriminator], True)

    return step


def cyclegan_step(share: bool) -> Step:
    """Return a step of the hand-written algorithm: both generators, then both discriminators, with pools."""
    g, f = (ResNetGenerator((3, 32, 32), 3, 16) for _ in range(2))
    d_a, d_b = (PatchDiscriminator((3, 32, 32), 1, 32) for _ in range(2))
    of_generators, of_discriminators = adam(g, f), adam(d_a, d_b)
    pools = ImagePool(50), ImagePool(50)

    def step(batch: dict[str, Tensor]) -> None:
        a, b = 2 * batch["a"] - 1, 2 * batch["b"] - 1
        frozen([d_a, d_b], share is False)
        fake_b, fake_a = g(a).tanh(), f(b).tanh()
        loss = (d_b(fake_b) - 1).square().mean() + (d_a(fake_a) - 1).square().mean()
        loss = loss + 10 * (F.l1_loss(f(fake_b).tanh(), a) + F.l1_loss(g(fake_a).tanh(), b))
        loss = loss + 5 * (F.l1_loss(f(a).tanh(), a) + F.l1_loss(g(b).tanh(), b))
        stepped(of_generators, loss)
        frozen([d_a, d_b], True)
        if not share:
            fake_b, fake_a = g(a).tanh(), f(b).tanh()
        loss = torch.zeros(())
        for discriminator, pool, real, fake in ((d_a, pools[0], a, fake_a), (d_b, pools[1], b, fake_b)):
            old = pool(fake.detach())
            loss = loss + 0.5 * (discriminator(real) - 1).square().mean() + 0.5 * discriminator(old).square().mean()
        stepped(of_discriminators, loss)

    return step


STEPS = {"pix2pix": pix2pix_step, "cyclegan": cyclegan_step}


def data_of(what: str) -> Any:
    if what == "pix2pix":
        data: Any = genlab.data.SideBySidePairs("facades", direction="BtoA", image_size=128)
    else:
        data = genlab.data.AttributeDomains(genlab.CelebA(image_size=32, flip=True, batch_size=4), "Smiling")
    data.prepare_data()
    data.setup("fit")
    return data


def resident() -> float:
    """Return the resident memory of this process in MB."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() / 1e6


class FirstBatch(Callback):
    """Stores the memory of the process before the first batch."""

    def on_train_batch_start(self, trainer: Trainer, model: LightningModule, batch: Any, batch_idx: int) -> None:
        if batch_idx == 0:
            self.before = resident()


def bare(data: Any, step: Step) -> Iterator[float]:
    """Train with a hand-written step, and yield the seconds of each round."""
    while True:
        began = time.perf_counter()
        for batch in itertools.islice(data.train_dataloader(), BATCHES):
            step(batch)
        yield time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=STEPS)
    parser.add_argument("--epochs", type=int, default=13, help="rounds, and two for warming up; default 13")
    parser.add_argument("--memory", choices=["genlab", "shared", "anew"], help="print the memory of one of them")
    given = parser.parse_args()
    quieten()
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    config, options = (
        str(CONFIGS / f"{given.what}_{'facades' if given.what == 'pix2pix' else 'celeba'}.yaml"),
        OPTIONS[given.what],
    )
    with tempfile.TemporaryDirectory() as folder:
        if given.memory == "genlab":
            first = FirstBatch()
            length = ["--trainer.max_steps=30", "--trainer.num_sanity_val_steps=0"]
            rounds.watched(first, f"--config={config}", f"--trainer.default_root_dir={folder}", *options, *length)
            before = first.before
        elif given.memory:
            step, batches = STEPS[given.what](given.memory == "shared"), data_of(given.what).train_dataloader()
            before = resident()
            for batch in itertools.islice(batches, 30):
                step(batch)
        else:
            rivals = {
                "bare loop": bare(data_of(given.what), STEPS[given.what](False)),
                "bare loop, shared passes": bare(data_of(given.what), STEPS[given.what](True)),
            }
            limits = [f"--trainer.limit_train_batches={BATCHES}", "--trainer.limit_val_batches=1"]
            batch = 1 if given.what == "pix2pix" else 4
            rounds.speed(config, given.epochs, folder, rivals, BATCHES * batch, *options, *limits)
    if given.memory:
        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
        print(f"{given.memory}: {before:.0f} MB before the first batch, {most - before:.0f} MB more at most")


if __name__ == "__main__":
    main()
