"""`genlab latent`: where the codes of test images lie."""

import argparse
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from sklearn.decomposition import PCA
from torch import Tensor

from genlab import images
from genlab.commands.common import Trained, batched, encoded
from genlab.commands.shown import condition_asked, shown
from genlab.latent import normal_lattice
from genlab.models.capabilities import Conditional, Decodes, Encodes, Samples
from genlab.outputs import must_be_free, whole_file


def main(args: argparse.Namespace) -> None:
    """Draw the codes of test images, and the manifold of a 2-D prior."""
    trained = Trained(args)
    trained.require(Encodes)
    decoder = two_dimensional(trained)
    path = trained.out("pictures/latent.png")
    manifold = path.with_name(f"{path.stem}-manifold.png")
    if decoder:
        must_be_free(manifold, args.force)

    pictured = shown(trained, args.count, 5000, torch.Generator().manual_seed(args.seed))
    scatter(encoded(trained, pictured.images, pictured.rows), pictured.labels, path)
    print(path)
    if decoder:
        pictures = batched(decoder.decode, normal_lattice(args.side))
        images.save(images.grid(pictures, args.side), manifold)
        print(manifold)


def two_dimensional(trained: Trained) -> Decodes | None:
    """What decodes the codes of a 2-D prior; None for models without one, and for conditions that are not said."""
    model: Any = trained.model
    if isinstance(model, Conditional):
        asked = condition_asked(trained)
        model = None if asked is None else model.given(asked)
    is_able = isinstance(model, Samples) and isinstance(model, Decodes) and model.code_size == 2
    return model if is_able else None


def scatter(codes: Tensor, labels: Tensor | None, path: Path) -> None:
    """Write a map of codes (N, D), coloured by their labels (N,) if there are any, as a PNG file."""
    figure = Figure(figsize=(7, 6), dpi=120, layout="constrained")
    axes = figure.subplots()
    draw_codes(axes, codes, labels)
    axes.set_title(f"codes of {len(codes):,} test images")
    if labels is not None:
        axes.legend(title="label", loc="center left", bbox_to_anchor=(1, 0.5))
    with whole_file(path) as part:
        figure.savefig(part, format="png")


def draw_codes(axes: Axes, codes: Tensor, labels: Tensor | None) -> None:
    """Draw codes (N, D), or their two principal components, coloured by their labels (N,) if there are any."""
    if codes.shape[1] <= 2:
        points, names = F.pad(codes, (0, 2 - codes.shape[1])).numpy(), ["$z_1$", "$z_2$"]
    else:
        pca = PCA(2)
        points = pca.fit_transform(codes.numpy())
        names = [
            f"principal component {i} ({share:.0%} of the variance)"
            for i, share in enumerate(pca.explained_variance_ratio_, 1)
        ]
    axes.set(xlabel=names[0], ylabel=names[1])
    size = min(40, max(6, 10_000 / len(codes)))
    groups = (
        [(None, slice(None))] if labels is None else [(label, labels == label) for label in labels.unique().tolist()]
    )
    for label, members in groups:
        across, up = points[members].T
        colour = f"C{(label or 0) % 10}"
        axes.scatter(across, up, s=size, alpha=0.8, linewidths=0, color=colour, label=label)
