"""Quality of a model's codes: reconstructions, few labels, clusters and outliers, compared with PCA."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from sklearn.decomposition import PCA
from sklearn.metrics import roc_auc_score
from torch import Tensor
from tqdm import tqdm

from genlab.capabilities import KnowsWords, Reconstructs, can, seen_in
from genlab.latent.clusters import METHODS, NEIGHBOURS, agreement, cluster
from genlab.metrics.probes import Array, few_label_accuracy
from genlab.tables import Table
from genlab.vocabulary import END, PAD, START

AT_ONCE = 500
"""Number of images encoded together."""

Pair = tuple[Array, Array]
"""Arrays of the training images and the test images."""


@dataclass(frozen=True)
class Seen:
    """Images, their codes and reconstructions, each under its own condition if there is any: arrays (N, ...)."""

    pixels: Array
    """Pixels; for sentences, how often each word occurs."""
    codes: Array
    reconstructions: Array | None
    """None if the model does not reconstruct."""
    classes: Array | None
    """(N,): labels, or whether images have an attribute; None if neither is known."""
    names: tuple[str, str] = ("images", "pixels")
    """Names of the observations, and of the values in `pixels`, for messages."""


@torch.no_grad()
def seen(model: object, images: Any, rows: Tensor, classes: Tensor | None) -> Seen:
    """Encode and reconstruct images of a data set.

    Args:
        model: model that encodes; if it is conditional, it is given the images' conditions.
        images: the data set.
        rows: positions in it, (N,).
        classes: classes of all images of the data set, if they are known.
    """
    parts: list[tuple[Tensor, ...]] = []
    for some in rows.split(AT_ONCE):
        able, x = seen_in(model, images[some])
        again = [able.reconstruct(x)] if can(able, Reconstructs) else []
        flat = [counts_of_words(able, y) if can(able, KnowsWords) else y.flatten(1) for y in (x, *again)]
        parts.append((flat[0], able.encode(x), *flat[1:]))
    pixels, codes, *restored = (torch.cat(part).numpy() for part in zip(*parts, strict=True))
    return Seen(
        pixels,
        codes,
        restored[0] if restored else None,
        None if classes is None else classes[rows].numpy(),
        ("sentences", "counts of words") if can(model, KnowsWords) else ("images", "pixels"),
    )


def counts_of_words(model: KnowsWords, tokens: Tensor) -> Tensor:
    """Count the words of sentences (B, T), without start, end and padding: (B, size of the vocabulary), float32."""
    counts = torch.zeros(len(tokens), len(model.vocabulary)).scatter_add_(1, tokens, torch.ones(tokens.shape))
    counts[:, [PAD, START, END]] = 0
    return counts


def measured(
    train: Seen, test: Seen, *, counts: list[int | None], draws: int, left_out: int | None = None, seed: int = 0
) -> Iterator[tuple[str, str, Table]]:
    """Measure all that can be measured, and yield a name, a title and a table for each result.

    Args:
        train: training images, which linear classifiers and PCA learn from.
        test: test images.
        counts: numbers of labelled images per class; None for all.
        draws: how often few labels are drawn.
        left_out: the class that was left out of training, if any.
        seed: seed for PCA and clusters.
    """
    pixels = train.pixels, test.pixels
    pca = PCA(min(train.codes.shape[1], *pixels[0].shape), random_state=seed).fit(pixels[0])
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
    kind, view = test.names
    yield "reconstruction", f"reconstructions of test {kind}, ± standard error", rows

    train_labels, test_labels = train.classes, test.classes
    if train_labels is not None and test_labels is not None and can_be_learned(train_labels, test_labels):
        views = codes | {view: pixels}
        rows = few_labels(views, (train_labels, test_labels), counts, draws)
        yield "few_labels", "accuracy of a linear classifier, by labels of each class, ± standard error", rows
    if test_labels is not None and len(test_labels) > NEIGHBOURS and len(np.unique(test_labels)) > 1:
        rows = clusters(codes, test_labels, seed)
        yield "clusters", f"clusters of test {kind} against their classes", rows
    if left_out is not None and len(np.unique(test_labels == left_out)) > 1:
        told = {name: {"AUROC": float(roc_auc_score(test_labels == left_out, e))} for name, e in errors.items()}
        yield "outliers", f"outliers: class {left_out}, which was left out, told by its squared error", told


def can_be_learned(train: Array, test: Array) -> bool:
    """Tell whether there are several classes in training, and test images of any of them."""
    return len(np.unique(train)) > 1 and bool(np.isin(test, train).any())


def mean_error(errors: Array) -> dict[str, float]:
    """Return the mean of errors (N,), with its standard error if there is more than one image."""
    found = {"mean": float(errors.mean())}
    if len(errors) > 1:
        found["standard_error"] = float(errors.std(ddof=1) / len(errors) ** 0.5)
    return found


def few_labels(views: dict[str, Pair], labels: Pair, counts: list[int | None], draws: int) -> Table:
    """Return accuracies by view and number of labels: mean and deviation of draws, and the mean's standard error.

    This error combines that of the draws of labels with a binomial one for the number of test images.
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
    """Return the mean of accuracies on `test_images` images, their deviation, and the mean's standard error."""
    mean = float(np.mean(accuracies))
    of_images = mean * (1 - mean) / test_images
    of_draws = float(np.var(accuracies, ddof=1)) / len(accuracies) if len(accuracies) > 1 else 0.0
    return {"mean": mean, "std": float(np.std(accuracies)), "standard_error": (of_images + of_draws) ** 0.5}


def clusters(codes: dict[str, Pair], labels: Array, seed: int) -> Table:
    """Measure how well clusters of the test images' codes agree with their classes, by method and codes."""
    count = len(np.unique(labels))
    table: Table = {}
    with tqdm(total=len(METHODS) * len(codes), desc="Clustering", unit=" fits") as bar:
        for method in METHODS:
            for name, (_, seen) in codes.items():
                table[f"{method} of {name}"] = agreement(cluster(seen, count, method, seed), labels)
                bar.update()
    return table
