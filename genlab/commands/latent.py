"""`genlab latent`: where the codes of test images lie."""

import argparse
from pathlib import Path

import torch
import torch.nn.functional as F
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from sklearn.decomposition import PCA
from torch import Tensor

from genlab import images
from genlab.commands.common import Trained, batched, encoded
from genlab.latent import normal_lattice
from genlab.models.capabilities import Decodes, Encodes, Samples
from genlab.outputs import must_be_free, whole_file


def main(args: argparse.Namespace) -> None:
    """Draw the codes of test images, and the manifold of a 2-D prior."""
    trained = Trained(args)
    model = trained.able_to(Encodes)  # type: ignore[type-abstract]
    decoder = model if model.code_size == 2 and isinstance(model, Samples) and isinstance(model, Decodes) else None
    path = trained.out("pictures/latent.png")
    manifold = path.with_name(f"{path.stem}-manifold.png")
    if decoder:
        must_be_free(manifold, args.force)

    test_set = trained.test_images()
    chosen = torch.randperm(len(test_set), generator=torch.Generator().manual_seed(args.seed))[: args.count]
    codes = encoded(model, test_set, chosen)
    scatter(codes, None if test_set.labels is None else test_set.labels[chosen], path)
    print(path)
    if decoder:
        pictures = batched(decoder.decode, normal_lattice(args.side))
        images.save(images.grid(pictures, args.side), manifold)
        print(manifold)


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
