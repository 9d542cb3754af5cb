"""Sample quality: distances between generated and real images, given their features (N, D) in some network."""

import math
import warnings
from typing import Any

import torch
from torch import Tensor, nn
from torchmetrics.image.fid import FrechetInceptionDistance
from torchmetrics.image.kid import KernelInceptionDistance, poly_mmd

PARTS = 10
"""Number of parts that images are split into for a standard error."""
FEWEST_IN_PART = 5
"""Minimum number of images in a part."""
NEIGHBOURS = 3
"""Rank of the neighbour that gives the radius of an image's ball; precision and recall depend on it."""
AT_ONCE = 1000
"""Number of rows of a distance matrix that are held in memory at a time."""
TIE = 1e-6
"""Share of the mean distance from the centre by which equal distances may differ: float64 products are rounded."""


class Given(nn.Identity):
    """Placeholder for the network in torchmetrics, for features that are already computed."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.num_features = size


def distances(real: Tensor, fake: Tensor) -> dict[str, float]:
    """Compute the Fréchet and kernel distances between real and generated images; 0 is best.

    Args:
        real: features of real images, (N, D).
        fake: features of generated images, (M, D).

    Returns:
        "fid", the Fréchet distance (Heusel et al. 2017); "kid", the kernel distance (Bińkowski et al. 2018), averaged
        over 100 random subsets of at most 1,000 images; and, for enough images, "kid_standard_error", the standard
        error of the mean over up to ten disjoint parts, slightly larger than that of the whole (Zaremba et al. 2013,
        B-tests). The Fréchet distance has none, since it is larger on a part than on the whole.
    """
    size = real.shape[1]
    frechet = FrechetInceptionDistance(feature=Given(size))
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*will save all extracted features.*")
        kernel = KernelInceptionDistance(feature=Given(size), subset_size=min(1000, len(real), len(fake)))
    for features, is_real in ((real, True), (fake, False)):
        frechet.update(features, real=is_real)
        kernel.update(features, real=is_real)
    with torch.random.fork_rng():
        torch.manual_seed(0)  # for the subsets
        found = {"fid": frechet.compute().item(), "kid": kernel.compute()[0].item()}
        parts = min(PARTS, min(len(real), len(fake)) // FEWEST_IN_PART)
        if parts > 1:
            shuffled = (features[torch.randperm(len(features))].tensor_split(parts) for features in (real, fake))
            kids = torch.stack([poly_mmd(*pair) for pair in zip(*shuffled, strict=True)])
            found["kid_standard_error"] = (kids.std() / parts**0.5).item()
        return found


def precision_and_recall(real: Tensor, fake: Tensor, neighbours: int = NEIGHBOURS) -> dict[str, float]:
    """Compute precision and recall of generated images (Kynkäänniemi et al. 2019, equations 1 and 2).

    Precision is the share of generated images that real ones cover, recall the share of real images that generated ones
    cover. A set covers an image that is no farther from some member than that member's k-th nearest neighbour in the
    set, not counting the member itself. Distances are computed in float64.

    Args:
        real: features of real images, (N, D).
        fake: features of generated images, (M, D).
        neighbours: k.
    """
    return {"precision": covered(fake, real, neighbours), "recall": covered(real, fake, neighbours)}


def covered(points: Tensor, reference: Tensor, neighbours: int) -> float:
    """Compute the share of points (N, D) inside the balls around reference points (M, D), or on their surfaces."""
    centre = reference.double().mean(0)  # far from 0, products of float32 are larger than distances
    points, reference = points.double() - centre, reference.double() - centre
    radii = torch.cat(
        [torch.cdist(part, reference).kthvalue(neighbours + 1, dim=1).values for part in reference.split(AT_ONCE)]
    )
    radii += TIE * reference.norm(dim=1).mean()
    inside = [(torch.cdist(part, reference) <= radii).any(1) for part in points.split(AT_ONCE)]
    return torch.cat(inside).float().mean().item()


def class_balance(logits: Tensor) -> dict[str, Any]:
    """Measure how evenly images are spread over the classes of a classifier, given its logits (N, classes).

    Returns:
        "classes_hit", such as "9 of 10", the number of classes with at least a tenth of an even share; "class_entropy",
        the entropy of the distribution over classes in nats; and "largest_entropy", the logarithm of their number.
    """
    classes = logits.shape[1]
    shares = torch.bincount(logits.argmax(1), minlength=classes) / len(logits)
    entropy = -(shares * shares.clamp(min=1e-12).log()).sum().item()
    hit = int((shares >= 0.1 / classes).sum())
    return {"classes_hit": f"{hit} of {classes}", "class_entropy": entropy, "largest_entropy": math.log(classes)}


def label_accuracy(logits: Tensor, labels: Tensor) -> dict[str, float]:
    """Compute the share of images that a classifier assigns to the class they were generated for.

    Args:
        logits: logits of images, (N, classes).
        labels: labels that the images were generated for, (N,).

    Returns:
        "label_accuracy", and its standard error, that of a binomial distribution.
    """
    right = (logits.argmax(1) == labels).float().mean().item()
    return {"label_accuracy": right, "label_accuracy_standard_error": math.sqrt(right * (1 - right) / len(labels))}
