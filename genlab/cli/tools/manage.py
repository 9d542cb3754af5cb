"""Arguments of the tools for runs, data, configs and the machine."""

import argparse
from pathlib import Path

from genlab.cli.tools.options import drawing, picture


def runs(parser: argparse.ArgumentParser) -> None:
    """List all runs: model, data, settings that differ between runs of the same two, epochs, state, best metric.

    A setting is only shown where it differs from that of most of these runs. The newest runs come last.
    """
    parser.add_argument(
        "folder",
        nargs="?",
        type=Path,
        default=Path("runs"),
        help="folder of the runs, or of one config's runs: runs/vae_mnist (default runs)",
    )
    parser.add_argument(
        "--sort",
        metavar="KEY",
        default="date",
        help="a column, or a setting such as lr; the newest, longest and best runs come last (default date)",
    )
    parser.add_argument(
        "--filter",
        nargs="+",
        metavar="KEY=TEXT",
        help="only runs that meet all conditions: the column or setting is the text or number, or contains the text if "
        "no run has just that, in any case: --filter model=VAE data=MNIST lr=0.001",
    )
    parser.add_argument("--force", action="store_true", help="let --csv replace a file that already exists")
    parser.add_argument("--yes", action="store_true", help="do not ask before --delete")
    instead = parser.add_mutually_exclusive_group()
    instead.add_argument(
        "--diff",
        nargs=2,
        metavar=("A", "B"),
        help="the settings in which two runs differ; a folder of runs means its newest",
    )
    instead.add_argument(
        "--csv", nargs="?", const=Path("-"), type=Path, metavar="FILE", help="write CSV, to stdout or to a file"
    )
    instead.add_argument("--delete", nargs="+", metavar="RUN", help="delete runs for good, after asking")


def curves(parser: argparse.ArgumentParser) -> None:
    """Draw the training and validation curves of runs: the loss and its parts, or the losses of all players.

    Several runs share one picture, labelled by the settings in which they differ.
    """
    parser.add_argument(
        "runs", nargs="*", type=Path, metavar="RUN", help="folders of runs; by default the run that was trained last"
    )
    parser.add_argument(
        "--metrics", nargs="+", metavar="NAME", help="what to draw, such as kl, or val/kl for validation alone"
    )
    parser.add_argument("--log-y", action="store_true", help="draw positive metrics on a logarithmic axis")
    parser.add_argument("--x", choices=("epochs", "steps"), default="epochs", help="horizontal axis (default epochs)")
    parser.add_argument(
        "--out",
        "--output",
        metavar="PATH",
        type=Path,
        help="png, pdf or svg; by default pictures/curves.png in the run, or curves-compared.png in the first of "
        "several",
    )
    parser.add_argument("--force", action="store_true", help="let --out replace a file that already exists")


def data(parser: argparse.ArgumentParser) -> None:
    """Prepare a data set (download what is missing, decode images) or check it (counts, shapes, a sample)."""
    parser.add_argument("action", choices=("prepare", "check"), help="what to do")
    parser.add_argument("name", help="a data set, such as mnist, celeba or facades, or a config that names one")
    parser.add_argument("--data_dir", help="folder of data sets; by default GENLAB_DATA_DIR, else ./data")
    parser.add_argument("--out", type=picture, metavar="FILE.png", help="check: draw a training batch to this file")
    parser.add_argument("--force", action="store_true", help="replace that file if it already exists")
    drawing(parser)


def doctor(parser: argparse.ArgumentParser) -> None:
    """Print one page about this machine for a bug report, without anything secret."""


def configs(parser: argparse.ArgumentParser) -> None:
    """List the shipped configs, or print one."""
    parser.add_argument("name", nargs="?", help="the config to print; without it, all are listed")
