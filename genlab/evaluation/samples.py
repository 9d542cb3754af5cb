"""Samples, compared with images by a network's features."""

import warnings
from collections.abc import Iterable, Iterator
from typing import Any

import torch
from torch import Tensor
from tqdm import tqdm

from genlab.capabilities import Conditional, can, seen_in
from genlab.data import ImageDataModule
from genlab.data.batches.tensors import ImageTensors
from genlab.errors import GenlabError
from genlab.evaluation.extractors import Extractor, extractor
from genlab.evaluation.mixing import judge_mixing
from genlab.evaluation.path_length import path_lengths
from genlab.evaluation.rows import Row, rows_of
from genlab.evaluation.splits import Options, Splits
from genlab.metrics.sample_quality import (
    NEIGHBOURS,
    class_balance,
    distances,
    label_accuracy,
    precision_and_recall,
)

AT_ONCE = 500
"""Number of images that are sampled, or seen by the network, together."""
FEWEST = 10
ENOUGH = 2048
"""Number of images below which FID says little: the covariance of 2,048 features needs as many."""


def judge_samples(model: Any, splits: Splits, options: Options) -> list[Row]:
    """Measure FID, KID, precision, recall and class balance of as many samples as images.

    Unless the split is "train", distances of training images show the best that can be expected. A conditional model
    samples under the conditions of the images; if these are labels, and the network is a classifier of labels, the
    accuracy of samples tells how well they follow the labels.

    Raises:
        GenlabError: for one condition of all images, for data without single images, for too few images, and for a
            network that is not available.
    """
    if options.condition is not None:
        raise GenlabError(
            "samples are made under the conditions of test images, which they are compared with: leave out --condition"
        )
    data = splits.ready("fit")
    if not isinstance(data, ImageDataModule):
        raise GenlabError(f"samples are compared with single images, not with the batches of {type(data).__name__}")
    splits.ready("test")
    images = splits.images_for(model)
    count = min(options.limit, len(images))
    learned_from = splits.training_images()
    require_enough(min(count, len(learned_from)), min(len(images), len(learned_from)))
    network = extractor(options.network, data, data.image_shape, options.device)
    random = torch.Generator().manual_seed(options.seed)
    test = images.subset(torch.randperm(len(images), generator=random)[:count])
    train = learned_from.subset(torch.randperm(len(learned_from), generator=random)[:count])
    real, _ = seen_by(network, images_of(test))
    with tqdm(samples(model, test, random), "Sampling", total=-(-count // AT_ONCE), unit=" batches") as sampled:
        fake, logits = seen_by(network, sampled)
    found = {**distances(real, fake), **precision_and_recall(real, fake)}
    if logits is not None:
        found |= class_balance(logits)
        if can(model, Conditional) and model.condition.key == "label":
            found |= label_accuracy(logits, test.labels)
    stamp = {
        **network.stamp,
        "images": f"{count} samples, {count} images of the {splits.split} split",
        "neighbours": NEIGHBOURS,
    }
    rows = rows_of(found, stamp)
    if splits.split != "train":
        perfect, _ = seen_by(network, images_of(train))
        rows += rows_of(distances(real[: len(perfect)], perfect), stamp, "_of_training_images")
    if options.path_length:
        rows += path_lengths(model, test, network, random)
    if options.mixing:
        rows += judge_mixing(model, test, data, random, options.device)
    return rows


def require_enough(count: int, available: int) -> None:
    """Warn if there are few images to compare.

    Args:
        count: number of images that are compared.
        available: number of images that could be compared.

    Raises:
        GenlabError: if there are too few.
    """
    if available < FEWEST:
        raise GenlabError(
            f"{available} images are too few to compare, which takes {FEWEST}; give another --split, or more images"
        )
    if count < FEWEST:
        raise GenlabError(f"{count} images are too few to compare; give --limit {FEWEST} or more")
    if count < ENOUGH:
        warnings.warn(f"{count} images are few: FID and KID are unreliable below {ENOUGH:,}", stacklevel=2)


def images_of(images: ImageTensors) -> Iterator[Tensor]:
    """Iterate over the images of a data set, in batches."""
    return (images[rows]["image"] for rows in torch.arange(len(images)).split(AT_ONCE))


def samples(model: Any, images: ImageTensors, random: torch.Generator) -> Iterator[Tensor]:
    """Sample as many images as there are, in batches; a conditional model does so under the images' conditions."""
    for rows in torch.arange(len(images)).split(AT_ONCE):
        able, _ = seen_in(model, images[rows])
        yield able.sample(len(rows), generator=random)


@torch.no_grad()
def seen_by(network: Extractor, batches: Iterable[Tensor]) -> tuple[Tensor, Tensor | None]:
    """Compute features of images, (N, D), and logits of classes, (N, classes), if the network is a classifier."""
    features, logits = [], []
    for images in batches:
        features.append(network.features(images))
        if network.classifier:
            logits.append(network.classifier.of_features(features[-1]))
    return torch.cat(features), torch.cat(logits) if logits else None
