"""Speed of genlab's RBM with 500 hidden units against hand-written PyTorch loops and scikit-learn's BernoulliRBM.

    python benchmarks/rbm_speed.py    CD-1 on binary MNIST, 100 batches of 100 per round

For how training is timed, see `rounds.py` beside this file. The bare loop uses autograd on free energies and an
optimizer; the other one adds Hinton's gradient to the weights itself, without either. scikit-learn's machine takes one
Gibbs step of persistent chains per batch, as much work as CD-1, in float32 and in float64. Data are read from
GENLAB_DATA_DIR, else from ./data, and downloaded if missing.
"""

import argparse
import logging
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import rounds
import torch
from sklearn.neural_network import BernoulliRBM
from torch import Tensor

import genlab
from genlab.cli.process import quieten

CONFIG = Path(__file__).parents[1] / "configs" / "rbm_mnist.yaml"
BATCHES, BATCH, HIDDEN = 100, 100, 500


def bare_rival(images: Tensor) -> Iterator[float]:
    """Yield the seconds of each epoch of a hand-written loop on uint8 images, with autograd and SGD."""
    layer, visible = torch.nn.Linear(784, HIDDEN), torch.nn.Parameter(torch.zeros(784))
    torch.nn.init.normal_(layer.weight, std=0.01)
    optimizer = torch.optim.SGD([*layer.parameters(), visible], lr=0.05)
    while True:
        began = time.perf_counter()
        for index in torch.randperm(len(images)).split(BATCH):
            v = images[index].float().div_(255).flatten(1)
            with torch.no_grad():
                h = layer(v).sigmoid()
                mean = ((torch.rand_like(h) < h).float() @ layer.weight + visible).sigmoid()
                both = torch.cat([v, (torch.rand_like(mean) < mean).float()])
            energy = -both @ visible - torch.nn.functional.softplus(layer(both)).sum(1)
            loss = energy[:BATCH].mean() - energy[BATCH:].mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        yield time.perf_counter() - began


@torch.no_grad()
def updating_rival(images: Tensor) -> Iterator[float]:
    """Yield the seconds of each epoch of a loop that adds the gradient of Hinton's formula to the weights."""
    weight, hidden, visible = 0.01 * torch.randn(HIDDEN, 784), torch.zeros(HIDDEN), torch.zeros(784)
    while True:
        began = time.perf_counter()
        for index in torch.randperm(len(images)).split(BATCH):
            v = images[index].float().div_(255).flatten(1)
            h = torch.addmm(hidden, v, weight.T).sigmoid()
            drawn = (torch.rand_like(h) < h).float()
            mean = torch.addmm(visible, drawn, weight).sigmoid()
            v_negative = (torch.rand_like(mean) < mean).float()
            h_negative = torch.addmm(hidden, v_negative, weight.T).sigmoid()
            weight.addmm_(h.T, v, alpha=0.05 / BATCH).addmm_(h_negative.T, v_negative, alpha=-0.05 / BATCH)
            hidden += 0.05 * (h.mean(0) - h_negative.mean(0))
            visible += 0.05 * (v.mean(0) - v_negative.mean(0))
        yield time.perf_counter() - began


def sklearn_rival(images: Tensor, dtype: torch.dtype) -> Iterator[float]:
    """Yield the seconds of each epoch of scikit-learn's machine."""
    machine = BernoulliRBM(HIDDEN, learning_rate=0.05, batch_size=BATCH, n_iter=1, random_state=0)
    pixels = images.flatten(1).to(dtype).div(255).numpy()
    while True:
        began = time.perf_counter()
        machine.fit(pixels)  # an epoch, with new weights; `partial_fit` would convert each batch to float64
        yield time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, default=9, help="rounds, and two for warming up; default 9")
    given = parser.parse_args()
    quieten()
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    data = genlab.MNIST(binarize="fixed")
    data.prepare_data()
    data.setup("fit")
    images = data.train_set.images[: BATCH * BATCHES]
    rivals = {
        "bare loop": bare_rival(images),
        "loop without autograd": updating_rival(images),
        "scikit-learn, float32": sklearn_rival(images, torch.float32),
        "scikit-learn, float64": sklearn_rival(images, torch.float64),
    }
    options = [
        "--model.chains=0",
        "--model.gibbs_steps=1",
        "--data.binarize=fixed",
        f"--trainer.limit_train_batches={BATCHES}",
        "--trainer.limit_val_batches=1",
        "--pictures.every_n_epochs=0",
    ]
    with tempfile.TemporaryDirectory() as folder:
        rounds.speed(str(CONFIG), given.epochs, folder, rivals, BATCHES * BATCH, *options)


if __name__ == "__main__":
    main()
