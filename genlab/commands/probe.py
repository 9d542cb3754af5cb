"""`genlab probe`: what a trained model's codes are worth."""

import argparse
import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from sklearn.decomposition import PCA
from sklearn.metrics import roc_auc_score
from tqdm import tqdm

from genlab.commands.common import Trained, attribute_of, batched, some
from genlab.commands.tables import aligned, metrics_table, with_error
from genlab.data import ImageDataModule, WithoutClass
from genlab.data.tensors import ImageTensors
from genlab.latent.clusters import METHODS, NEIGHBOURS, agreement, cluster
from genlab.metrics.probes import Array, few_label_accuracy
from genlab.models.capabilities import Encodes, Reconstructs
from genlab.outputs import whole_file

Split = tuple[Array, Array]
"""What belongs to the training images and to the test images."""
Table = dict[str, dict[str, Any]]
"""Figures by row and column."""


def main(args: argparse.Namespace) -> None:
    """Measure a model's codes, beside those of PCA; print and write the tables."""
    trained = Trained(args)
    encoder = trained.able_to(Encodes)  # type: ignore[type-abstract]
    path = trained.out("probe.json")
    torch.manual_seed(args.seed)  # of augmentation
    data = trained.data("fit")
    splits = [some(images, args.limit, args.seed) for images in (data.train_set, trained.test_images())]
    found: dict[str, Any] = {
        "model": type(trained.model).__name__,
        "checkpoint": str(trained.checkpoint),
        "data": type(data).__name__,
        "code_size": encoder.code_size,
        "training_images": len(splits[0]),
        "test_images": len(splits[1]),
        "seed": args.seed,
    }
    print(metrics_table(found))
    for name, title, table in measured(encoder, data, splits, args):
        found[name] = table
        print(f"\n{title}\n{as_text(table)}", flush=True)
    with whole_file(path) as part:
        part.write_text(json.dumps(found, indent=1))
    print(f"\n{path}")


def measured(
    model: Encodes, data: ImageDataModule, splits: list[ImageTensors], args: argparse.Namespace
) -> Iterator[tuple[str, str, Table]]:
    """Everything that can be measured, one after the other: a name, a title, and figures."""
    train, test = (images[torch.arange(len(images))]["image"] for images in splits)
    pixels = train.flatten(1).numpy(), test.flatten(1).numpy()
    pca = PCA(min(model.code_size, *pixels[0].shape), random_state=args.seed).fit(pixels[0])
    linear = f"PCA-{pca.n_components_}"
    codes = {
        "codes": (batched(model.encode, train).numpy(), batched(model.encode, test).numpy()),
        linear: (pca.transform(pixels[0]), pca.transform(pixels[1])),
    }

    restored = {linear: pca.inverse_transform(codes[linear][1])}
    if isinstance(model, Reconstructs):
        restored = {"codes": batched(model.reconstruct, test).flatten(1).numpy()} | restored
    errors = {name: np.square(images - pixels[1]).sum(1) for name, images in restored.items()}
    rows: Table = {name: {"squared error": mean_error(error)} for name, error in errors.items()}
    yield "reconstruction", "reconstructions of test images, ± standard error", rows

    train_labels, test_labels = (classes(images, data, args.attribute) for images in splits)
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


def classes(images: ImageTensors, data: ImageDataModule, attribute: str | None) -> Array | None:
    """The classes of images, (N,): their labels, or whether they have an attribute; None when there are neither."""
    if attribute:
        return attribute_of(images, data, attribute).numpy()
    return None if images.labels is None else images.labels.numpy()


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


def as_text(table: Table) -> str:
    """A table with a line for each row and the columns' names above."""
    columns = list(dict.fromkeys(column for row in table.values() for column in row))
    return aligned(
        [["", *columns]] + [[name, *(_cell(row[column]) for column in columns)] for name, row in table.items()]
    )


def _cell(value: Any) -> str:
    return with_error(value["mean"], value.get("standard_error")) if isinstance(value, dict) else f"{value:.3f}"
