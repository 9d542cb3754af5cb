"""`genlab probe`: what a trained model's codes are worth."""

import argparse
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from lightning.pytorch import LightningDataModule
from sklearn.decomposition import PCA
from sklearn.metrics import roc_auc_score
from torch import Tensor
from tqdm import tqdm

from genlab.atomic import whole_file
from genlab.commands.shared.trained import BATCH, Trained, attribute_of
from genlab.data import WithoutClass
from genlab.data.batches.augmentation import unaugmented
from genlab.latent.clusters import METHODS, NEIGHBOURS, agreement, cluster
from genlab.metrics.probes import Array, few_label_accuracy
from genlab.models.capabilities import Encodes, Reconstructs
from genlab.tables import Table, as_text, metrics_table

Split = tuple[Array, Array]
"""What belongs to the training images and to the test images."""


def main(args: argparse.Namespace) -> None:
    """Measure a model's codes, beside those of PCA; print and write the tables."""
    trained = Trained(args)
    trained.require(Encodes)
    path = trained.out("probe.json")
    data = trained.data("fit")
    train, test = (seen(trained, images) for images in (unaugmented(data.train_set), trained.images()))
    found: dict[str, Any] = {
        "model": type(trained.model).__name__,
        "checkpoint": str(trained.checkpoint),
        "data": type(data).__name__,
        "code_size": trained.model.code_size,
        "training_images": len(train.pixels),
        "test_images" if trained.split == "test" else f"{trained.split}_images": len(test.pixels),
        "seed": args.seed,
    }
    print(metrics_table(found))
    for name, title, table in measured(data, train, test, args):
        found[name] = table
        print(f"\n{title}\n{as_text(table)}", flush=True)
    with whole_file(path) as part:
        part.write_text(json.dumps(found, indent=1))
    print(f"\n{path}")


@dataclass
class Seen:
    """Images, and what a model makes of them, each under its own condition if it knows any: arrays (N, ...)."""

    pixels: Array
    codes: Array
    reconstructions: Array | None
    """None of a model that does not reconstruct."""
    classes: Array | None
    """(N,): labels, or whether images have the attribute asked for; None when there are neither."""


@torch.no_grad()
def seen(trained: Trained, images: Any) -> Seen:
    """What the model makes of a data set, of at most --limit images drawn from it."""
    order = torch.randperm(len(images), generator=torch.Generator().manual_seed(trained.args.seed))
    rows = order[: trained.args.limit].sort().values
    parts: list[tuple[Tensor, ...]] = []
    for some in rows.split(BATCH):
        encoder, x = trained.able_to_with(images[some], Encodes)  # type: ignore[type-abstract]
        again = [encoder.reconstruct(x)] if isinstance(encoder, Reconstructs) else []
        parts.append((x.flatten(1), encoder.encode(x), *(y.flatten(1) for y in again)))
    pixels, codes, *restored = (torch.cat(part).numpy() for part in zip(*parts, strict=True))
    return Seen(pixels, codes, restored[0] if restored else None, classes(trained, images, rows))


def measured(
    data: LightningDataModule, train: Seen, test: Seen, args: argparse.Namespace
) -> Iterator[tuple[str, str, Table]]:
    """Everything that can be measured, one after the other: a name, a title, and figures."""
    pixels = train.pixels, test.pixels
    pca = PCA(min(train.codes.shape[1], *pixels[0].shape), random_state=args.seed).fit(pixels[0])
    linear = f"PCA-{pca.n_components_}"
    codes = {
        "codes": (train.codes, test.codes),
        linear: (pca.transform(pixels[0]), pca.transform(pixels[1])),
    }

    restored = {linear: pca.inverse_transform(codes[linear][1])}
    if test.reconstructions is not None:
        restored = {"codes": test.reconstructions} | restored
    errors = {name: np.square(images - pixels[1]).sum(1) for name, images in restored.items()}
    rows: Table = {name: {"squared error": mean_error(error)} for name, error in errors.items()}
    yield "reconstruction", "reconstructions of test images, ± standard error", rows

    train_labels, test_labels = train.classes, test.classes
    if train_labels is not None and test_labels is not None and len(np.unique(train_labels)) > 1:
        views = codes | {"pixels": pixels}
        rows = few_labels(views, (train_labels, test_labels), args.labels, args.draws)
        yield "few_labels", "accuracy of a linear classifier, by labels of each class, ± standard error", rows
    if test_labels is not None and len(test_labels) > NEIGHBOURS and len(np.unique(test_labels)) > 1:
        rows = clusters(codes, test_labels, args.seed)
        yield "clusters", "clusters of test images against their classes", rows
    if isinstance(data, WithoutClass) and len(np.unique(test_labels == data.label)) > 1:
        told = {name: {"AUROC": float(roc_auc_score(test_labels == data.label, e))} for name, e in errors.items()}
        yield "outliers", f"outliers: class {data.label}, which was left out, told by its squared error", told


def mean_error(errors: Array) -> dict[str, float]:
    """The mean of errors (N,), with its standard error, of more than one image."""
    found = {"mean": float(errors.mean())}
    if len(errors) > 1:
        found["standard_error"] = float(errors.std(ddof=1) / len(errors) ** 0.5)
    return found


def classes(trained: Trained, images: Any, rows: Tensor) -> Array | None:
    """The classes of images, (N,): their labels, or whether they have an attribute; None when there are neither."""
    if trained.args.attribute:
        found: Array = attribute_of(images, trained.data("fit"), trained.args.attribute)[rows].numpy()
        return found
    labels = getattr(images, "labels", None)
    return None if labels is None else labels[rows].numpy()


def few_labels(views: dict[str, Split], labels: Split, counts: list[int | None], draws: int) -> Table:
    """Accuracies by view and number of labels: means and standard deviations of draws, and the mean's standard error.

    That has a part from the draws of labels and a binomial one from the number of test images.
    """
    known = np.isin(labels[1], labels[0])  # a class that was left out cannot be learned
    smallest = np.unique(labels[0], return_counts=True)[1].min()
    fits = {count: range(1 if count is None else draws) for count in counts if count is None or count <= smallest}
    table: Table = {name: {} for name in views}
    with tqdm(total=len(views) * sum(map(len, fits.values())), desc="Classifying", unit=" fits") as bar:
        for name, (train, test) in views.items():
            for count, seeds in fits.items():
                accuracies = []
                for seed in seeds:
                    accuracies.append(few_label_accuracy(train, labels[0], test[known], labels[1][known], count, seed))
                    bar.update()
                table[name]["all" if count is None else str(count)] = mean_accuracy(accuracies, int(known.sum()))
    return table


def mean_accuracy(accuracies: list[float], test_images: int) -> dict[str, float]:
    """The mean of accuracies on as many test images, their standard deviation, and the mean's standard error."""
    mean = float(np.mean(accuracies))
    of_images = mean * (1 - mean) / test_images
    of_draws = float(np.var(accuracies, ddof=1)) / len(accuracies) if len(accuracies) > 1 else 0.0
    return {"mean": mean, "std": float(np.std(accuracies)), "standard_error": (of_images + of_draws) ** 0.5}


def clusters(codes: dict[str, Split], labels: Array, seed: int) -> Table:
    """How well clusters of the test images' codes agree with their classes, by method and codes."""
    count = len(np.unique(labels))
    table: Table = {}
    with tqdm(total=len(METHODS) * len(codes), desc="Clustering", unit=" fits") as bar:
        for method in METHODS:
            for name, (_, seen) in codes.items():
                table[f"{method} of {name}"] = agreement(cluster(seen, count, method, seed), labels)
                bar.update()
    return table
