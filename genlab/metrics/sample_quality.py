"""How near generated images come to real ones, judged by their features (N, D) in some network."""

import math
import warnings
from typing import Any

import torch
from torch import Tensor, nn
from torchmetrics.image.fid import FrechetInceptionDistance
from torchmetrics.image.kid import KernelInceptionDistance, poly_mmd

PARTS = 10
"""That images are split into for a standard error."""
FEWEST_IN_PART = 5
"""Images that a part of them has at least."""
NEIGHBOURS = 3
"""Rank of the neighbour that an image's ball reaches; precision and recall depend on it."""
AT_ONCE = 1000
"""Rows of a matrix of distances that are held at a time."""
TIE = 1e-6
"""Share of the mean distance from the centre by which equal distances may differ, computed as products in float64."""


class Given(nn.Identity):
    """Stands for the network of torchmetrics, for features that are there already."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.num_features = size


def distances(real: Tensor, fake: Tensor) -> dict[str, float]:
    """ "fid", the Fréchet distance (Heusel et al. 2017), and "kid", the kernel distance (Bińkowski et al. 2018).

    The kernel distance is the mean over 100 random subsets of at most 1,000 images. 0 is best. Of enough images there
    is "kid_standard_error" too: that of the mean over up to ten disjoint parts, a little more than that of the whole
    (Zaremba et al. 2013, B-tests). The Fréchet distance has none, as that of a part is larger than that of the whole.
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
        torch.manual_seed(0)  # of the subsets
        found = {"fid": frechet.compute().item(), "kid": kernel.compute()[0].item()}
        parts = min(PARTS, min(len(real), len(fake)) // FEWEST_IN_PART)
        if parts > 1:
            shuffled = (features[torch.randperm(len(features))].tensor_split(parts) for features in (real, fake))
            kids = torch.stack([poly_mmd(*pair) for pair in zip(*shuffled, strict=True)])
            found["kid_standard_error"] = (kids.std() / parts**0.5).item()
        return found


def precision_and_recall(real: Tensor, fake: Tensor, neighbours: int = NEIGHBOURS) -> dict[str, float]:
    """Which share of generated images looks real, and which share of real ones is generated.

    An image is covered by a set when it is no farther from some member than this member's k-th nearest neighbour in the
    set (Kynkäänniemi et al. 2019, equations 1 and 2), itself not counted. Distances are computed in float64.
    """
    return {"precision": covered(fake, real, neighbours), "recall": covered(real, fake, neighbours)}


def covered(points: Tensor, reference: Tensor, neighbours: int) -> float:
    """The share of points (N, D) inside the balls around reference points (M, D), their surface included."""
    centre = reference.double().mean(0)  # far from 0, products of float32 are larger than distances
    points, reference = points.double() - centre, reference.double() - centre
    radii = torch.cat(
        [torch.cdist(part, reference).kthvalue(neighbours + 1, dim=1).values for part in reference.split(AT_ONCE)]
    )
    radii += TIE * reference.norm(dim=1).mean()
    inside = [(torch.cdist(part, reference) <= radii).any(1) for part in points.split(AT_ONCE)]
    return torch.cat(inside).float().mean().item()


def class_balance(logits: Tensor) -> dict[str, Any]:
    """How evenly images are spread over the classes of a classifier, given its logits (N, classes).

    "classes_hit" counts the classes with at least a tenth of an even share; "class_entropy" is that of the distribution
    over classes, in nats, at most the logarithm of their number.
    """
    classes = logits.shape[1]
    shares = torch.bincount(logits.argmax(1), minlength=classes) / len(logits)
    entropy = -(shares * shares.clamp(min=1e-12).log()).sum().item()
    hit = int((shares >= 0.1 / classes).sum())
    return {"classes_hit": f"{hit} of {classes}", "class_entropy": entropy, "largest_entropy": math.log(classes)}
