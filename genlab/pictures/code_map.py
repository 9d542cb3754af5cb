"""Maps of codes: where the codes of images lie, in two dimensions, coloured by what is known about the images."""

import importlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from textwrap import fill
from typing import Any

import matplotlib
import numpy as np
import torch.nn.functional as F
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import BoundaryNorm, ListedColormap
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE
from torch import Tensor

from genlab.errors import GenlabError, counted
from genlab.pictures.drawing import DPI

LONGEST_TITLE = 80
"""Maximum number of characters in a line of the title."""
MOST_IN_LEGEND = 40
"""Maximum number of classes in a legend; more get a colour bar."""
PERPLEXITY = 30.0
"""Perplexity of t-SNE: about the number of neighbours that each point has."""


@dataclass(frozen=True)
class CodeMap:
    """Codes in two dimensions.

    Args:
        points: (N, 2).
        axes: names of the two dimensions.
        title: what is shown.
        subject: which model's codes these are.
        classes: class numbers that colour the points, (N,), int64; None for a single colour.
        class_names: names of the classes, in the order of their numbers.
        colored_by: title of the legend, such as "class".
        comparable: whether distances and positions on the axes are meaningful.

    Example:
        >>> codes, labels = torch.randn(50, 8), torch.arange(50) % 10
        >>> figure = project(codes, "pca").colored(labels, "0123456789").figure()
    """

    points: NDArray[np.floating[Any]]
    axes: tuple[str, str]
    title: str = "Codes"
    subject: str = ""
    classes: Tensor | None = None
    class_names: Sequence[str] = ()
    colored_by: str = ""
    comparable: bool = True

    def of(self, subject: str) -> "CodeMap":
        """Return the map with another subject."""
        return replace(self, subject=subject)

    def colored(self, classes: Tensor, names: Sequence[str] = (), by: str = "class") -> "CodeMap":
        """Return the map coloured by classes (N,), int64, with `names` or else their numbers in the legend."""
        known = names or [str(number) for number in range(int(classes.max()) + 1)]
        return replace(self, classes=classes.cpu(), class_names=[*known], colored_by=by)

    def figure(self, *, scale: int | None = None, labels: bool = True, dpi: int = DPI) -> Figure:
        """Draw the map, of about 7 x 6 inches.

        Args:
            scale: has no effect, since a map has no tiles.
            labels: False leaves out everything but the dots.
            dpi: dots per inch.
        """
        figure = Figure(figsize=(7.2, 6), dpi=dpi, layout="constrained", facecolor="white")
        axes = figure.subplots()
        self.draw(axes)
        if labels:
            parts = [part for part in (self.title, self.subject) if part]
            if len(" · ".join(parts)) <= LONGEST_TITLE:
                parts = [" · ".join(parts)]
            title = "\n".join(fill(part, LONGEST_TITLE) for part in parts)
            axes.set_title(title, loc="left", fontsize=11, parse_math=False)
            self.draw_legend(figure, axes)
        else:
            axes.set_axis_off()
        return figure

    def draw(self, axes: Axes) -> None:
        """Draw the dots, with axis labels and equal scales on both axes."""
        size, opacity = dots(len(self.points))
        order = np.random.default_rng(0).permutation(len(self.points))  # so that no class covers the others
        across, up = self.points[order].T
        colors = None if self.classes is None else np.asarray(palette(len(self.class_names)))[self.classes[order]]
        many = len(self.points) > 10_000  # too many for a vector file
        axes.scatter(across, up, s=size, color=colors, alpha=opacity, linewidths=0, rasterized=many)
        axes.set_xlabel(self.axes[0])
        axes.set_ylabel(self.axes[1])
        axes.set_aspect("equal", adjustable="datalim")
        if not self.comparable:
            axes.set(xticks=[], yticks=[])

    def arrays(self) -> dict[str, Any]:
        """Return points (N, 2), names of the axes, title, subject, and classes (N,) with their names."""
        known = {} if self.classes is None else {"classes": self.classes.numpy(), "class_names": list(self.class_names)}
        return {"points": self.points, "axes": list(self.axes), "title": self.title, "subject": self.subject, **known}

    def draw_legend(self, figure: Figure, axes: Axes) -> None:
        """Draw a legend on the right, or a colour bar for many classes."""
        if self.classes is None:
            return
        count = len(self.class_names)
        colors = palette(count)
        if count > MOST_IN_LEGEND:
            norm = BoundaryNorm(np.arange(count + 1) - 0.5, count)
            bar = figure.colorbar(ScalarMappable(norm, ListedColormap(colors)), ax=axes)
            shown = np.unique(np.linspace(0, count - 1, 12).round().astype(int))
            bar.set_ticks(shown.tolist(), labels=[self.class_names[number] for number in shown])
            bar.set_label(self.colored_by)
            return
        known = self.classes.unique().tolist()
        handles = [Line2D([], [], linestyle="", marker="o", markersize=6, color=colors[number]) for number in known]
        names = [self.class_names[number].replace("$", r"\$") for number in known]
        axes.legend(
            handles,
            names,
            title=self.colored_by,
            loc="center left",
            bbox_to_anchor=(1.01, 0.5),
            frameon=False,
            ncols=-(-len(known) // 20),
        )


def project(codes: Tensor, method: str | None = None, seed: int = 0, observations: str = "images") -> CodeMap:
    """Project codes to a map in two dimensions.

    Args:
        codes: codes, (N, code_size).
        method: "pca", "tsne" or "umap"; by default codes of one or two dimensions are kept as they are, and others are
            projected to their first two principal components.
        seed: seed of t-SNE and UMAP.
        observations: what the codes are of, for messages: "images" or "sentences".

    Raises:
        GenlabError: for UMAP without umap-learn, and for too few codes.
    """
    count, size = codes.shape
    if method is None and size <= 2:
        return CodeMap(F.pad(codes, (0, 2 - size)).cpu().numpy(), ("unit 0", "unit 1" if size == 2 else ""))
    values = codes.float().cpu().numpy()
    least = 4 if method in ("tsne", "umap") else 2
    if count < least:
        raise GenlabError(
            f"a map of {counted(count, 'code')} by {method or 'pca'} needs {least} or more; give more {observations}"
        )
    if method in ("tsne", "umap"):
        name, fitted = {"tsne": ("t-SNE", _tsne), "umap": ("UMAP", _umap)}[method]
        return CodeMap(
            fitted(values, seed),
            (f"first {name} dimension", f"second {name} dimension"),
            f"{name} of codes",
            comparable=False,
        )
    pca = PCA(min(2, size))
    points = np.pad(pca.fit_transform(values), ((0, 0), (0, 2 - min(2, size))))
    shares = [*pca.explained_variance_ratio_, 0.0][:2]
    first, second = (f"principal component, {100 * share:.0f} % of variance" for share in shares)
    return CodeMap(points, (f"first {first}", f"second {second}"), "Principal components of codes")


def umap() -> Callable[..., Any]:
    """Import the class UMAP from umap-learn.

    Raises:
        GenlabError: when it is not installed.
    """
    try:
        found: Callable[..., Any] = importlib.import_module("umap").UMAP
    except ImportError:
        raise GenlabError("UMAP needs umap-learn: pip install 'genlab[umap]', or use --method tsne") from None
    return found


def dots(count: int) -> tuple[float, float]:
    """Choose area, in square points, and opacity for `count` dots, so that single dots and clusters are visible."""
    return float(np.clip(12_000 / count, 3, 40)), float(np.clip(12 / count**0.36, 0.25, 0.9))


def palette(count: int) -> list[Any]:
    """Choose `count` colours that are as easy to tell apart as possible."""
    if count <= 10:
        return [matplotlib.colormaps["tab10"](number) for number in range(count)]
    if count <= 20:
        return [matplotlib.colormaps["tab20"](number) for number in range(count)]
    return [matplotlib.colormaps["turbo"](number / (count - 1)) for number in range(count)]


def _tsne(values: NDArray[np.float32], seed: int) -> NDArray[np.floating[Any]]:
    perplexity = min(PERPLEXITY, (len(values) - 1) / 3)
    points: NDArray[np.floating[Any]] = TSNE(perplexity=perplexity, random_state=seed).fit_transform(values)
    return points


def _umap(values: NDArray[np.float32], seed: int) -> NDArray[np.floating[Any]]:
    points: NDArray[np.floating[Any]] = umap()(random_state=seed, n_jobs=1).fit_transform(values)
    return points
