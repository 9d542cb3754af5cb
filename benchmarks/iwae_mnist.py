"""VAE and IWAE on dynamically binarised MNIST, as in Burda et al. 2016, by genlab and by a hand-written loop.

    python benchmarks/iwae_mnist.py                hours: three seeds of six runs
    python benchmarks/iwae_mnist.py --seeds 1      one seed, to run several at once

NLL in nats of MNIST's official test set, by importance sampling with 5,000 codes for each image. The network is
784-200-200-50 with tanh (the paper's with one stochastic layer), trained with one code for each image (the VAE) or on
the importance-weighted bound with 5 or 50; batches of 20 and Adam, as in iwae_mnist.yaml. The paper reports 86.76,
85.54 and 84.78, with 60,000 training images and 3,280 epochs of decreasing learning rates.

The hand-written loop trains the same network on the same images, binarised again for every batch, for as many epochs;
for both, the best epoch counts, by the bound that is trained, on the validation images. Both are measured in the same
way, on the same binarised test images: genlab on all of them, both on the first 1,000.
"""

import argparse
import logging
import math
import tempfile
from collections.abc import Callable
from functools import partial
from itertools import pairwise
from pathlib import Path

import rounds
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import genlab
from genlab.cli.process import quieten
from genlab.losses.evidence import importance_sampled

CONFIG = str(Path(__file__).parents[1] / "configs" / "iwae_mnist.yaml")
BATCH = 20
SAMPLES = 5000
COMPARED = 1000


def tanh_network(*sizes: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for fan_in, fan_out in pairwise(sizes):
        layers += [nn.Linear(fan_in, fan_out), nn.Tanh()]
    return nn.Sequential(*layers[:-1])


class BareIWAE(nn.Module):
    """The model as one would write it without a library; with one code for each image, a VAE."""

    def __init__(self, k: int) -> None:
        super().__init__()
        self.k = k
        self.encoder = tanh_network(784, 200, 200, 100)
        self.decoder = tanh_network(50, 200, 200, 784)

    def log_prob(self, x: Tensor, z: Tensor) -> Tensor:
        target = x.flatten(1).expand(len(z), -1, -1)
        return -F.binary_cross_entropy_with_logits(self.decoder(z), target, reduction="none").sum(2)

    def loss(self, x: Tensor) -> Tensor:
        mean, log_variance = self.encoder(x.flatten(1)).chunk(2, 1)
        noise = torch.randn(self.k, *mean.shape)
        z = mean + (0.5 * log_variance).exp() * noise
        log_prob = self.log_prob(x, z)
        if self.k == 1:
            kl = 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum(1)
            return (kl - log_prob).mean()
        log_weights = log_prob - 0.5 * (z.square() - noise.square() - log_variance).sum(2)
        return -(log_weights.logsumexp(0) - math.log(self.k)).mean()


def bare_nll(k: int, epochs: int, data: genlab.MNIST, seed: int) -> Tensor:
    model = rounds.bare_trained(seed, epochs, data, partial(BareIWAE, k), BATCH, torch.bernoulli)

    def log_likelihood(x: Tensor, random: torch.Generator) -> Tensor:
        mean, log_variance = model.encoder(x.flatten(1)).chunk(2, 1)
        return importance_sampled(mean, log_variance, partial(model.log_prob, x), SAMPLES, 3, random)

    return nll(data.test_set.images[:COMPARED], log_likelihood)


def genlab_nll(k: int, epochs: int, data: genlab.MNIST, seed: int) -> Tensor:
    training = [f"--model.num_samples={k}", f"--model.importance_weighted={k > 1}"]
    with tempfile.TemporaryDirectory() as folder:
        trained = rounds.genlab_trained(CONFIG, seed, epochs, folder, *training)
        model = genlab.load(trained.run)
    return nll(data.test_set.images, lambda x, random: model.log_likelihood(x, SAMPLES, random))


@torch.no_grad()
def nll(images: Tensor, log_likelihood: Callable[[Tensor, torch.Generator], Tensor]) -> Tensor:
    """Return the negative log-likelihood of each image."""
    random = torch.Generator().manual_seed(0)
    return -torch.cat([log_likelihood(x / 255, random) for x in images.split(100)])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2], help="default 0 1 2")
    parser.add_argument("--epochs", type=int, default=40, help="default 40")
    given = parser.parse_args()
    quieten()
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    data = genlab.MNIST(binarize="dynamic")
    data.prepare_data()
    data.setup()
    print(f"test NLL in nats after {given.epochs} epochs on {len(data.train_set):,} images, best of them by validation")
    print(f"{'':8}  {'genlab':>8}  first {COMPARED:,}: {'genlab':>8}  {'bare loop':>9}")
    for seed in given.seeds:
        for name, k in {"VAE": 1, "IWAE 5": 5, "IWAE 50": 50}.items():
            ours = genlab_nll(k, given.epochs, data, seed)
            bare = bare_nll(k, given.epochs, data, seed)
            first = ours[:COMPARED].mean()
            print(f"{name:8}  {ours.mean():8.2f}  {first:21.2f}  {bare.mean():9.2f}   seed {seed}", flush=True)


if __name__ == "__main__":
    main()
