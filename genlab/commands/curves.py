"""`genlab curves`: draw the curves of runs. Opens no checkpoint and does not import torch."""

import argparse
from pathlib import Path

from genlab import runs
from genlab.atomic import must_be_free, picture_format
from genlab.errors import GenlabError
from genlab.pictures.curves import draw_curves
from genlab.pictures.figures import write_figure
from genlab.runs import history


def main(args: argparse.Namespace) -> None:
    """Draw the curves of the given runs, or of the newest one."""
    if args.out:
        picture_format(args.out)
        must_be_free(args.out, args.force)
    folders = [find_run(run) for run in args.runs] or [newest_run()]
    figure = draw_curves(folders, args.metrics or (), log_y=args.log_y, x=args.x)
    path = args.out or folders[0] / "pictures" / ("curves.png" if len(folders) == 1 else "curves-compared.png")
    write_figure(figure, path)
    print(path)


def newest_run() -> Path:
    """Find the run that was trained most recently.

    Raises:
        GenlabError: when there is none.
    """
    files = [file for run in runs.run_folders() if (file := run / history.FILE).is_file()]
    if not files:
        raise GenlabError(
            f"no run in {runs.ROOT} has a {history.FILE}; train a model first, or give the folder of a run"
        )
    return max(files, key=lambda file: file.stat().st_mtime).parent


def find_run(path: Path) -> Path:
    """Find the run that a path means: the run itself, a checkpoint's run, or the newest in a folder of runs.

    Raises:
        GenlabError: when there is none.
    """
    run = runs.run_of(path) if path.is_file() else path
    if run and (run / history.FILE).exists():
        return run
    if versions := [file for file in path.glob(f"*/{history.FILE}") if file.parent.name.isdecimal()]:
        return max(versions, key=lambda file: file.stat().st_mtime).parent
    raise GenlabError(f"{path} is not a run with a {history.FILE}; `genlab runs` lists runs")
