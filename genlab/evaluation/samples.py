"""How near a model's samples come to test images, for `genlab evaluate`."""

import argparse
import warnings
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from tqdm import tqdm

from genlab.commands.shared.trained import BATCH, Trained
from genlab.data import ImageDataModule
from genlab.data.batches.tensors import ImageTensors
from genlab.errors import GenlabError
from genlab.evaluation.extractors import extractor
from genlab.metrics.sample_quality import NEIGHBOURS, class_balance, distances, precision_and_recall
from genlab.models.capabilities import Conditional, Samples
from genlab.tables import ERROR

FEWEST = 10
ENOUGH = 2048
"""Images below which FID says little: the covariance of 2,048 features needs as many."""


def sample_quality(trained: Trained, args: argparse.Namespace) -> dict[str, Any]:
    """FID, KID, precision, recall and balance of classes of as many samples as there are test images.

    The same figures of training images tell what is perfect. A conditional model samples under the conditions of test
    images.
    """
    trained.able_to(Samples)  # type: ignore[type-abstract]
    data = trained.data("fit")
    if not isinstance(data, ImageDataModule):
        raise GenlabError(f"samples are compared with single images, not with the batches of {type(data).__name__}")
    trained.data("test")
    judge = extractor(args.features, data, data.image_shape, trained.device)
    images = trained.images()
    count = min(args.limit, len(images))
    require_enough(min(count, len(data.train_set)))
    random = torch.Generator().manual_seed(args.seed)
    test = images.subset(torch.randperm(len(images), generator=random)[:count])
    train = data.train_set.subset(torch.randperm(len(data.train_set), generator=random)[:count])
    real, _ = judged(judge, images_of(test))
    with tqdm(samples(trained, test, random), "Sampling", total=-(-count // BATCH), unit=" batches") as sampled:
        fake, logits = judged(judge, sampled)
    found = {
        "extractor": judge.name,
        "resize": judge.resize,
        "images": f"{count} samples, {count} images of the {trained.split} split",
        "neighbours": NEIGHBOURS,
        **distances(real, fake),
        **precision_and_recall(real, fake),
    }
    if logits is not None:
        found |= class_balance(logits)
    perfect, _ = judged(judge, images_of(train))
    return found | suffixed(distances(real[: len(perfect)], perfect), "_of_training_images")


def suffixed(metrics: Mapping[str, float], suffix: str) -> dict[str, float]:
    """Metrics of other images, under names with a suffix; a standard error's still ends as such."""
    return {
        f"{name.removesuffix(ERROR)}{suffix}{ERROR if name.endswith(ERROR) else ''}": value
        for name, value in metrics.items()
    }


def require_enough(count: int) -> None:
    """Raise GenlabError for too few images to compare, and warn of few."""
    if count < FEWEST:
        raise GenlabError(f"{count} images are too few to compare; give --limit {FEWEST} or more")
    if count < ENOUGH:
        warnings.warn(f"{count} images are few: FID and KID are unreliable below {ENOUGH:,}", stacklevel=2)


def images_of(images: ImageTensors) -> Any:
    """The images of a data set, in batches."""
    return (images[rows]["image"] for rows in torch.arange(len(images)).split(BATCH))


def samples(trained: Trained, test: ImageTensors, random: torch.Generator) -> Any:
    """As many samples as there are test images, in batches."""
    model: Any = trained.model
    for rows in torch.arange(len(test)).split(BATCH):
        batch = test[rows]
        able = model.given(model.condition(batch)) if isinstance(model, Conditional) else model
        yield able.sample(len(rows), generator=random)


@torch.no_grad()
def judged(judge: Any, batches: Any) -> tuple[Tensor, Tensor | None]:
    """The features of images (N, D), and the logits of classes (N, classes), where the extractor knows them."""
    features, logits = [], []
    for images in batches:
        features.append(judge.features(images))
        if judge.classifier:
            logits.append(judge.classifier.of_features(features[-1]))
    return torch.cat(features), torch.cat(logits) if logits else None
