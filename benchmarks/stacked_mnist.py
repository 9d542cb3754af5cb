"""Benefit of greedy layer-wise pretraining, on MNIST with stacked_mnist.yaml's network, 784-1000-500-250-30.

    python benchmarks/stacked_mnist.py quality   errors on the official test set, three seeds each
    python benchmarks/stacked_mnist.py cache     seconds per epoch with and without cached codes of frozen layers

Quality, as in Hinton & Salakhutdinov 2006 and Bengio et al. 2007:
- squared error of a reconstructed test image: PCA, and the deep autoencoder with and without pretraining, each with the
  config's fine-tuning;
- error with ten labels per class: logistic regression on pixels and on codes; the network with a classifier on top,
  trained from scratch, and fine-tuned from the autoencoder;
- error with all labels: the network with a classifier on top, from scratch and fine-tuned, at the best epoch by
  validation.

MNIST is read from GENLAB_DATA_DIR, else from ./data, and downloaded if missing.
"""

import argparse
import contextlib
import logging
import statistics
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import rounds
import torch
from lightning.pytorch import Callback, LightningModule, Trainer, seed_everything
from lightning.pytorch.callbacks import ModelCheckpoint
from sklearn.decomposition import PCA
from torch import nn

import genlab
from genlab.cli.process import quieten
from genlab.metrics import few_label_accuracy
from genlab.metrics.probes import draw
from genlab.models import StackedAutoencoder, StageSchedule
from genlab.networks import DenseLayer

CONFIG = str(Path(__file__).parents[1] / "configs" / "stacked_mnist.yaml")
LABELS = 10
"""Number of labels per class when there are few."""


def network(**stages: Any) -> StackedAutoencoder:
    """Return the config's network, with other stages."""
    layers = [partial(DenseLayer, size=size, activation=nn.ELU) for size in (1000, 500, 250)]
    layers.append(partial(DenseLayer, size=30, activation=nn.Identity))
    optimizer = partial(torch.optim.Adam, fused=True, weight_decay=1e-5)
    return StackedAutoencoder((1, 28, 28), layers, num_classes=10, optimizer=optimizer, **{"pretraining": (), **stages})


def trainer(*callbacks: Callback, **options: Any) -> Trainer:
    quiet = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False, "num_sanity_val_steps": 0}
    return Trainer(max_epochs=-1, enable_checkpointing=bool(callbacks), callbacks=[*callbacks], **quiet, **options)


def classifier_error(
    seed: int, data: genlab.MNIST, start: StackedAutoencoder | None, schedule: StageSchedule, folder: str
) -> float:
    """Return the percentage of wrong test labels of the network with a classifier on top, initialized from `start`."""
    seed_everything(seed, verbose=False)
    model = network(classifier_fine_tuning=[schedule])
    if start is not None:
        model.stack.load_state_dict(start.stack.state_dict())
    best = ModelCheckpoint(folder, monitor="val/classifier_fine_tuning/error_rate", enable_version_counter=True)
    training = trainer(best)
    training.fit(model, data)
    return 100 * training.test(model, data, ckpt_path="best", weights_only=True, verbose=False)[0]["test/error_rate"]


class FewLabels(genlab.MNIST):
    """MNIST with a few labelled training images of each class."""

    def __init__(self, seed: int) -> None:
        super().__init__(batch_size=10 * LABELS)
        self.draw_seed = seed

    def setup(self, stage: str | None = None) -> None:
        super().setup(stage)
        if stage in ("fit", None):
            chosen = draw(self.train_set.labels.numpy(), LABELS, self.draw_seed)
            self.train_set = self.train_set.subset(torch.from_numpy(chosen))


def quality() -> None:
    data = genlab.MNIST()
    data.prepare_data()
    data.setup()
    train, test = (images.images.flatten(1).numpy() / np.float32(255) for images in (data.train_set, data.test_set))
    labels = data.train_set.labels.numpy(), data.test_set.labels.numpy()
    pca = PCA(30, random_state=0).fit(train)
    squared = float(np.square(pca.inverse_transform(pca.transform(test)) - test).sum(1).mean())
    print(f"{len(train):,} training images; squared error of a test image: PCA-30 {squared:.2f}", flush=True)
    found: dict[str, list[float]] = {}

    def keep(seed: int, name: str, value: float, began: float) -> None:
        found.setdefault(name, []).append(value)
        print(f"seed {seed}: {name} {value:.2f}, {time.perf_counter() - began:.0f} s", flush=True)

    with tempfile.TemporaryDirectory() as folder:
        for seed in range(3):
            for name, options in {"pretrained": [], "not pretrained": ["--model.pretraining=[]"]}.items():
                began = time.perf_counter()
                metrics = rounds.genlab_test_metrics(CONFIG, seed, -1, folder, *options)
                keep(seed, f"squared error, {name}", metrics["test/reconstruction"], began)
                if name == "pretrained":
                    start = genlab.load(sorted(Path(folder).glob("stacked_mnist/*"), key=lambda run: int(run.name))[-1])
            with torch.no_grad():
                codes = [start.encode(torch.from_numpy(x).view(-1, 1, 28, 28)).numpy() for x in (train, test)]
            for name, views in {"pixels": (train, test), "codes": codes}.items():
                began = time.perf_counter()
                accuracy = few_label_accuracy(views[0], labels[0], views[1], labels[1], LABELS, seed)
                keep(seed, f"error with {LABELS} labels a class, linear on {name} (%)", 100 - 100 * accuracy, began)
            for origin, first in {"from scratch": None, "fine-tuned": start}.items():
                for amount, source, schedule in (
                    (f"{LABELS} labels a class", FewLabels(seed), StageSchedule(100, 3e-4)),
                    ("all labels", data, StageSchedule(30, 3e-4)),
                ):
                    began = time.perf_counter()
                    error = classifier_error(seed, source, first, schedule, folder)
                    keep(seed, f"error with {amount}, network {origin} (%)", error, began)
    print()
    for name, values in found.items():
        print(f"{name:55} {statistics.mean(values):.2f} +- {statistics.stdev(values):.2f}")


class EpochTimes(Callback):
    """Return the seconds of the training epochs of each stage."""

    def __init__(self) -> None:
        self.seconds: dict[str, list[float]] = {}

    def on_train_epoch_start(self, trainer: Trainer, model: LightningModule) -> None:
        self.began = time.perf_counter()

    def on_train_epoch_end(self, trainer: Trainer, model: StackedAutoencoder) -> None:
        self.seconds.setdefault(model.stage.name, []).append(time.perf_counter() - self.began)


def cache() -> None:
    times = {"kept": EpochTimes(), "computed each epoch": EpochTimes()}
    for _ in range(5):
        for name, watch in times.items():
            memory = 4.0 if name == "kept" else 0.0
            stages = {"pretraining": [StageSchedule(4)], "classifier": [StageSchedule(4)], "code_memory": memory}
            trainer(watch, limit_val_batches=0).fit(network(**stages), genlab.MNIST())
    for stage in times["kept"].seconds:
        kept, anew = (statistics.median(watch.seconds[stage]) for watch in times.values())
        print(f"{stage:10} {kept:.3f} s an epoch with codes kept, {anew:.3f} s without: {anew / kept:.1f} times")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["quality", "cache"])
    quieten()
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    torch.set_flush_denormal(True)
    with contextlib.redirect_stderr(None):
        {"quality": quality, "cache": cache}[parser.parse_args().what]()


if __name__ == "__main__":
    main()
