"""Speed of genlab's vae_celeba.yaml, 64 x 64 in batches of 64, against a hand-written PyTorch loop.

    python benchmarks/vae_celeba.py

For the method, see `rounds.py` beside this file; a round has 30 batches of each. The bare loop has the decoded images
in memory. CelebA, or a part of it, is read from GENLAB_DATA_DIR, else from ./data, and downloaded if missing.
"""

import argparse
import logging
import tempfile
from pathlib import Path

import rounds
import torch
from torch import Tensor, nn

import genlab
from genlab.cli.process import quieten

CONFIG = str(Path(__file__).parents[1] / "configs" / "vae_celeba.yaml")
BATCH = 64
BATCHES = 30


class BareVAE(nn.Module):
    """The VAE of vae_celeba.yaml as one would write it without a library."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Conv2d(3, 32, 4, stride=2, padding=1),
            nn.LeakyReLU(),
            nn.Conv2d(32, 64, 4, stride=2, padding=1),
            nn.LeakyReLU(),
            nn.Conv2d(64, 128, 4, stride=2, padding=1),
            nn.LeakyReLU(),
            nn.Conv2d(128, 256, 4, stride=2, padding=1),
            nn.LeakyReLU(),
            nn.Flatten(),
            nn.Linear(256 * 4 * 4, 256),
        )
        self.decoder = nn.Sequential(
            nn.Linear(128, 256 * 4 * 4),
            nn.Unflatten(1, (256, 4, 4)),
            nn.LeakyReLU(),
            nn.ConvTranspose2d(256, 128, 4, stride=2, padding=1),
            nn.LeakyReLU(),
            nn.ConvTranspose2d(128, 64, 4, stride=2, padding=1),
            nn.LeakyReLU(),
            nn.ConvTranspose2d(64, 32, 4, stride=2, padding=1),
            nn.LeakyReLU(),
            nn.ConvTranspose2d(32, 3, 4, stride=2, padding=1),
            nn.Sigmoid(),
        )

    def loss(self, x: Tensor) -> Tensor:
        x = torch.where(torch.rand(len(x), 1, 1, 1) < 0.5, x.flip(3), x)
        mean, log_variance = self.encoder(x).chunk(2, 1)
        z = mean + (0.5 * log_variance).exp() * torch.randn_like(mean)
        reconstruction = (self.decoder(z) - x).square().sum() / (2 * 0.4**2)
        kl = -0.5 * (1 + log_variance - mean.square() - log_variance.exp()).sum()
        return (reconstruction + kl) / len(x)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, default=13, help="rounds, and two for warming up; default 13")
    given = parser.parse_args()
    quieten()
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    data = genlab.CelebA()
    data.prepare_data()
    data.setup("fit")
    images = data.train_set.images[: BATCH * BATCHES]
    rivals = {
        "bare loop": rounds.bare_rival(images, BareVAE(), BATCH),
        "bare loop, fused Adam as in the config": rounds.bare_rival(images, BareVAE(), BATCH, fused=True),
    }
    limits = [f"--trainer.limit_train_batches={BATCHES}", "--trainer.limit_val_batches=1"]
    with tempfile.TemporaryDirectory() as folder:
        rounds.speed(CONFIG, given.epochs, folder, rivals, BATCH * BATCHES, *limits)


if __name__ == "__main__":
    main()
