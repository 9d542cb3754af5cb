"""genlab's autoencoder_mnist.yaml against the same training in a hand-written PyTorch loop: speed and quality.

    python benchmarks/autoencoder_mnist.py speed    training images/s, taking turns in one process
    python benchmarks/autoencoder_mnist.py quality  squared error on MNIST's official test set, three seeds each

For the method, see `rounds.py` beside this file. MNIST is read from GENLAB_DATA_DIR, else from ./data, and downloaded
if missing.
"""

import argparse
import logging
import tempfile
from pathlib import Path

import rounds
from torch import Tensor, nn

import genlab
from genlab.cli.process import quieten

CONFIG = str(Path(__file__).parents[1] / "configs" / "autoencoder_mnist.yaml")


class BareAutoencoder(nn.Module):
    """The autoencoder of autoencoder_mnist.yaml as one would write it without a library."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Conv2d(1, 32, 4, stride=2, padding=1),
            nn.BatchNorm2d(32),
            nn.ReLU(),
            nn.Conv2d(32, 64, 4, stride=2, padding=1),
            nn.BatchNorm2d(64),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(64 * 7 * 7, 32),
        )
        self.decoder = nn.Sequential(
            nn.Linear(32, 64 * 7 * 7),
            nn.Unflatten(1, (64, 7, 7)),
            nn.BatchNorm2d(64),
            nn.ReLU(),
            nn.ConvTranspose2d(64, 32, 4, stride=2, padding=1),
            nn.BatchNorm2d(32),
            nn.ReLU(),
            nn.ConvTranspose2d(32, 1, 4, stride=2, padding=1),
            nn.Sigmoid(),
        )

    def loss(self, x: Tensor) -> Tensor:
        return (self.decoder(self.encoder(x)) - x).square().sum() / len(x)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["speed", "quality"])
    parser.add_argument("--epochs", type=int, default=13, help="default 13")
    given = parser.parse_args()
    quieten()
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    data = genlab.MNIST()
    data.prepare_data()
    data.setup()
    images = data.train_set.images
    with tempfile.TemporaryDirectory() as folder:
        if given.what == "speed":
            rivals = {
                "bare loop": rounds.bare_rival(images, BareAutoencoder()),
                "bare loop, fused Adam as in the config": rounds.bare_rival(images, BareAutoencoder(), fused=True),
            }
            per_epoch = len(images) // rounds.BATCH * rounds.BATCH
            rounds.speed(CONFIG, given.epochs, folder, rivals, per_epoch)
            return
        print(f"squared error of a test image, {given.epochs} epochs on {len(images):,} images, best by validation")
        rounds.quality(
            {
                "genlab": lambda seed: rounds.genlab_test_metrics(CONFIG, seed, given.epochs, folder)["test/loss"],
                "bare loop": lambda seed: rounds.bare_test_loss(seed, given.epochs, data, BareAutoencoder),
            }
        )


if __name__ == "__main__":
    main()
