"""Training curves: the metrics of one or several runs as a matplotlib figure."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter, NullLocator

from genlab.errors import GenlabError, counted, suggestion
from genlab.runs.history import Array, History
from genlab.runs.summaries import Summary, labels, summarise

MOST_POINTS = 150
"""Maximum number of points in a training curve; in longer ones, each point is the mean of several batches."""
PLAYERS = ("generator", "discriminator")
MOST_PANELS = 6
"""Maximum number of panels for a model whose metrics do not have the names that genlab's models use."""
PARTS = ("reconstruction", "kl", "sparsity", "cycle", "identity", "l1", "psnr", "diversity")
"""Parts of losses, and metrics that are more informative than the losses of two players."""
NATS = ("loss", "elbo", "reconstruction", "kl")
TITLES = {
    "generator": "loss of the generator",
    "discriminator": "loss of the discriminator",
    "kl": "KL divergence",
    "elbo": "ELBO",
    "cycle": "cycle: error there and back",
    "identity": "identity: change of what should stay",
    "l1": "L1 distance to the truth",
    "psnr": "PSNR",
    "diversity": "diversity of samples",
}
UNITS = {
    "generator": "loss",
    "discriminator": "loss",
    "cycle": "mean absolute difference",
    "identity": "mean absolute difference",
    "l1": "mean absolute difference",
    "psnr": "dB",
    "diversity": "relative to real images",
    "accuracy": "share of images",
    "error_rate": "share of images",
    "bits_per_dim": "bits per pixel and channel",
}
X = Literal["epochs", "steps"]


def draw_curves(
    runs: Sequence[Path | str], metrics: Sequence[str] = (), *, log_y: bool = False, x: X = "epochs"
) -> Figure:
    """Draw the metrics of runs, a panel for each: training as a line, validation as dots on a line.

    In long runs, each point is the mean of several batches; for a single run, a band shows their range.

    Args:
        runs: folders of runs, at least one.
        metrics: names such as "kl", or "val/kl" for validation alone; by default the loss and its parts, the losses of
            all players, or the loss of each stage.
        log_y: whether to draw positive metrics on a logarithmic axis.
        x: the horizontal axis: epochs or steps (batches) done.

    Raises:
        GenlabError: when there is nothing to draw, or no metric with such a name.
    """
    summaries = [summarise(Path(run)) for run in runs]
    histories = [History(run.path) for run in summaries]
    known = list(dict.fromkeys(name for history in histories for name in history.names))
    panels = _panels(known, several=len(runs) > 1) if not metrics else [_chosen(name, known) for name in metrics]
    panels = [panel for panel in panels if any(history.has(name) for history in histories for name in panel)]
    if not panels:
        raise GenlabError(f"there is nothing to draw yet: no metrics in the metrics.csv of {', '.join(map(str, runs))}")
    columns = len(panels) if len(panels) < 4 else 2 if len(panels) == 4 else 3
    rows = -(-len(panels) // columns)
    legend = 0.1 * (len(runs) + 4) if len(runs) > 1 else 0
    figure = Figure(figsize=(max(7.0, 5.0 * columns), 3.8 * rows + legend), dpi=100, layout="constrained")
    grid = list(figure.subplots(rows, columns, squeeze=False).flat)
    for axes, panel in zip(grid, panels, strict=False):
        _draw_panel(axes, panel, summaries, histories, log_y=log_y, x=x)
    for axes in grid[len(panels) :]:
        axes.remove()
    _explain(figure, summaries)
    return figure


def _panels(known: Sequence[str], several: bool) -> list[list[str]]:
    """Choose the metrics of each panel."""
    bases = list(dict.fromkeys(map(_base, known)))
    stages = [base for base in bases if base.endswith("/loss")]
    if stages:
        return [_both(stage) for stage in stages]
    players = [[f"train/{name}"] for name in PLAYERS if name in bases]
    if players and not several:
        players = [[name for player in players for name in player]]
    panels = [_both("loss")] * ("loss" in bases) + players + [_both(name) for name in PARTS if name in bases]
    return panels or [_both(base) for base in bases[:MOST_PANELS]]


def _both(base: str) -> list[str]:
    return [f"train/{base}", f"val/{base}"]


def _chosen(name: str, known: Sequence[str]) -> list[str]:
    """Find the metrics with a name.

    Raises:
        GenlabError: when there are none.
    """
    if name in known:
        return [name]
    found = [metric for metric in _both(name) if metric in known]
    if not found:
        bases = dict.fromkeys(filter(None, map(_base, known)))
        raise GenlabError(f"there is no metric {name}; {suggestion(name, bases)}")
    return found


def _draw_panel(
    axes: Axes, panel: Sequence[str], summaries: Sequence[Summary], histories: Sequence[History], *, log_y: bool, x: X
) -> None:
    """Draw some metrics of all runs: for a single run, one colour per metric; for several, one colour per run."""
    several = len(summaries) > 1
    positive = True
    for number, history in enumerate(histories):
        for place, name in enumerate(panel):
            series = history.series(name)
            if not len(series.values):
                continue
            positive &= bool(series.values.min() > 0)
            colour = _colour(number, len(summaries)) if several else f"C{place}"
            done = series.steps + 1
            across = history.epochs_at(done) if x == "epochs" else done
            if name.startswith("train/"):
                _draw_training(axes, across, series.values, name, colour, faint=several)
            else:
                axes.plot(across, series.values, "o-", color=colour, markersize=3, linewidth=1.5, label=_kind(name))
    bases = list(dict.fromkeys(map(_base, panel)))
    measured = [run for run, history in zip(summaries, histories, strict=True) if any(map(history.has, panel))]
    axes.set(
        title=f"losses of {' and '.join(bases)}" if len(bases) > 1 else _title(bases[0]),
        xlabel="epochs" if x == "epochs" else "steps (batches)",
        ylabel=_unit(bases[0], measured),
    )
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    axes.grid(alpha=0.25)
    if log_y and positive:
        _make_logarithmic(axes)
    else:
        _leave_out_the_beginning(axes)
    if not several:
        axes.legend(fontsize="small")


def _draw_training(axes: Axes, across: Array, values: Array, name: str, colour: str, *, faint: bool) -> None:
    """Draw a training metric: each batch, or if there are many, the mean and the range of several."""
    size = -(-len(values) // MOST_POINTS)
    label = _kind(name)
    if size > 1:
        starts = np.arange(0, len(values), size)
        counts = np.diff(np.append(starts, len(values)))
        across, means = (np.add.reduceat(each, starts) / counts for each in (across, values))
        if not faint:
            low, high = (function.reduceat(values, starts) for function in (np.minimum, np.maximum))
            axes.fill_between(across, low, high, color=colour, alpha=0.2, linewidth=0)
            label += f" (mean and range of {size} batches)"
        values = means
    marker = "o" if len(values) == 1 else None
    alpha, linewidth = (0.5, 1.0) if faint else (1.0, 1.3)
    axes.plot(across, values, color=colour, alpha=alpha, linewidth=linewidth, marker=marker, markersize=3, label=label)


def _leave_out_the_beginning(axes: Axes) -> None:
    """Cut off values in the first twentieth that would take more than half of the y axis, with a note."""
    across, values = np.concatenate([line.get_xydata() for line in axes.lines]).T
    low, top = axes.dataLim.intervaly
    high = values[across >= across.min() + 0.05 * np.ptp(across)].max()
    if top - high > high - low > 0:
        axes.set_ylim(low - 0.05 * (high - low), high + 0.25 * (high - low))
        note = f"begins at {top:.4g}"
        paper = {"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 2}
        axes.annotate(note, (0.02, 0.96), xycoords="axes fraction", va="top", size="small", bbox=paper)


def _make_logarithmic(axes: Axes) -> None:
    """Make the y axis logarithmic, with readable numbers even if it contains no power of ten."""
    axes.set_yscale("log")
    low, high = axes.get_ylim()
    locator = LogLocator(subs=(1.0, 2.0, 5.0)) if high / low > 10 else MaxNLocator(6, steps=[1, 2, 5, 10])
    axes.yaxis.set_major_locator(locator)
    axes.yaxis.set_major_formatter("{x:g}")
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_minor_formatter(NullFormatter())


def _explain(figure: Figure, summaries: Sequence[Summary]) -> None:
    """Add a title to a figure, and a legend of colours for several runs."""
    first, *others = summaries
    same = all((run.model, run.data) == (first.model, first.data) for run in others)
    title = f"{first.model} on {first.data}" if same else f"{len(summaries)} runs"
    if not others:
        figure.suptitle(f"{title}, {counted(first.epochs, 'epoch')}: {first.path}")
        return
    figure.suptitle(title)
    lines = [Line2D([], [], color=_colour(i, len(summaries)), label=label) for i, label in enumerate(labels(summaries))]
    styles = [
        Line2D([], [], color="grey", alpha=0.5, linewidth=1, label="training"),
        Line2D([], [], color="grey", marker="o", markersize=3, label="validation"),
    ]
    figure.legend(handles=[*lines, *styles], loc="outside lower center", ncols=2, fontsize="small")


def _colour(number: int, count: int) -> Any:
    """Choose a colour for one of several runs, different from those of all others."""
    return f"C{number}" if count <= 10 else colormaps["turbo"](number / (count - 1))


def _base(name: str) -> str:
    return name.partition("/")[2]


def _kind(name: str) -> str:
    """Return the label of a line: its split, or the player whose loss it is."""
    split, _, base = name.partition("/")
    return base if base in PLAYERS else {"train": "training", "val": "validation"}.get(split, split)


def _title(base: str) -> str:
    stage, _, metric = base.rpartition("/")
    title = TITLES.get(metric, metric.replace("_", " "))
    return f"{stage.replace('_', ' ')}: {title}" if stage else title


def _unit(base: str, summaries: Sequence[Summary]) -> str:
    """Return the unit of a metric if it is known and the same in all runs, else an empty string."""
    units = {_unit_of(base, run) for run in summaries}
    return units.pop() if len(units) == 1 else ""


def _unit_of(base: str, run: Summary) -> str:
    stage, _, metric = base.rpartition("/")
    if metric in UNITS:
        return UNITS[metric]
    error = run.settings.get("model.loss", "loss").replace("_", " ")
    if metric in ("loss", "reconstruction") and run.model in ("Autoencoder", "StackedAutoencoder"):
        if stage.startswith("classifier") or (error == "cross entropy" and stage in ("", "layer1", "fine_tuning")):
            return "nats per image"
        return "squared error of codes" if re.fullmatch(r"layer(?!1$)\d+", stage) else f"{error} per image"
    return "nats per image" if metric in NATS and run.model in ("VAE", "CVAE") else _title(metric)
