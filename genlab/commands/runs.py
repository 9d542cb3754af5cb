"""`genlab runs`: list all runs in a table. Opens no checkpoint and imports nothing heavy, so that it starts at once."""

import argparse
import contextlib
import csv
import io
import itertools
import math
import os
import shutil
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from genlab import runs
from genlab.atomic import must_be_free, whole_file
from genlab.errors import GenlabError, counted, nearest
from genlab.runs.summaries import Summary, differences, differing, last_trained, settings_of, summarise, unequal

COLUMNS = ("run", "model", "data", "differs", "epochs", "state", "best", "date")
NARROWEST = {"date": 12, "data": 8, "model": 8, "best": 12, "differs": 10}
"""Minimum widths of columns that are shortened to fit a narrow terminal, or left out, in this order, if that is not
enough."""
RECENT = timedelta(days=180)
"""Age up to which a date is shown with the time instead of the year."""
UNLIMITED = 100_000
"""Maximum number of characters of a line that is written to a file or pipe."""


def main(args: argparse.Namespace) -> None:
    """List runs, compare two of them, write them as CSV, or delete some."""
    if args.diff:
        print(compared(*map(Path, args.diff)))
    elif args.delete:
        delete([Path(run) for run in args.delete], args.yes)
    else:
        if args.csv:
            must_be_free(args.csv, args.force)
        listed(args)


def listed(args: argparse.Namespace) -> None:
    """Print the table of runs, or write it as CSV."""
    folders = [*runs.run_folders(args.folder), *versions(args.folder)]
    strangers = [folder for folder in folders if not runs.is_config_of_run(folder / runs.CONFIG)]
    summaries = [summarise(run) for run in folders if run not in strangers]
    for condition in args.filter or []:
        summaries = filtered(summaries, condition)
    summaries = ordered(summaries, args.sort)
    if not summaries:
        which = "such run" if args.filter else "run"
        raise GenlabError(f"there is no {which} in {args.folder}; `genlab fit` makes one")
    if args.csv is None:
        print(table(summaries, shutil.get_terminal_size((UNLIMITED, 0)).columns))
        if strangers:
            print(f"\nnot runs of genlab: {', '.join(map(str, strangers))}")
    elif str(args.csv) == "-":
        print(as_csv(summaries), end="")
    else:
        with whole_file(args.csv) as part:
            part.write_text(as_csv(summaries), encoding="utf-8")
        print(args.csv)


def table(summaries: Sequence[Summary], width: int) -> str:
    """Format runs as a table at most `width` characters wide: one line per run, below the column names."""
    rows = [cells(*each) for each in zip(summaries, differences(summaries, usual=False), strict=True)]
    lines = [dict(zip(COLUMNS, COLUMNS, strict=True)), *rows]
    widths = {
        column: max(len(line[column]) for line in lines) for column in COLUMNS if any(row[column] for row in rows)
    }
    for column in NARROWEST:
        if _across({name: min(size, NARROWEST.get(name, size)) for name, size in widths.items()}) > width:
            widths.pop(column, None)
    while _across(widths) > width and (
        cut := [name for name in widths if widths[name] > NARROWEST.get(name, UNLIMITED)]
    ):
        widths[max(cut, key=widths.__getitem__)] -= 1
    return "\n".join(
        "  ".join(_cut(line[column], size).ljust(size) for column, size in widths.items()).rstrip() for line in lines
    )


def cells(run: Summary, differs: dict[str, str]) -> dict[str, str]:
    """Return a run's cells in the table, by column; `differs` are the settings to show."""
    ended = run.planned is None or run.epochs >= run.planned
    return {
        "run": str(run.path),
        "model": run.model,
        "data": run.data,
        "differs": " ".join(f"{name}={value}" for name, value in differs.items()),
        "epochs": str(run.epochs) if ended else f"{run.epochs}/{run.planned}",
        "state": run.state.partition(":")[0],
        "best": "" if run.best is None else f"{_four_digits(run.best)} {run.metric}",
        "date": f"{run.date:%b %d %H:%M}" if datetime.now() - run.date < RECENT else f"{run.date:%b %d  %Y}",
    }


def ordered(summaries: Sequence[Summary], key: str) -> list[Summary]:
    """Sort runs by a column or a setting; the newest, longest and best come last, nearest to the prompt."""
    keys: dict[str, Callable[[Summary], Any]] = {
        "run": lambda run: (run.path.parent, int(run.path.name)),
        "model": lambda run: run.model,
        "data": lambda run: run.data,
        "epochs": lambda run: run.epochs,
        "state": lambda run: run.state,
        "best": lambda run: (run.metric, _goodness(run)),
        "date": lambda run: run.date,
    }
    if key in keys:
        return sorted(summaries, key=keys[key])
    names = named(summaries, key, keys)
    return sorted(summaries, key=lambda run: [_comparable(run.settings.get(name, "")) for name in names])


def filtered(summaries: Sequence[Summary], condition: str) -> list[Summary]:
    """Select runs by a condition such as "model=VAE" or "lr=0.001".

    Numbers are compared by value. Text in any case selects the runs that have it as it is or, if none has, within
    another text.

    Raises:
        GenlabError: for a malformed condition.
    """
    key, sign, wanted = condition.partition("=")
    if not sign:
        raise GenlabError(f"--filter takes conditions such as model=VAE or lr=0.001, not {condition!r}")
    key = "run" if key == "name" else key  # as --name calls it
    if key in COLUMNS:
        values = [[cells(run, {})[key]] for run in summaries]
    else:
        names = named(summaries, key, COLUMNS)
        values = [[run.settings[name] for name in names if name in run.settings] for run in summaries]
    equal = [any(_equals(value, wanted) for value in each) for each in values]
    chosen = equal if any(equal) else [any(_contains(value, wanted) for value in each) for each in values]
    return [*itertools.compress(summaries, chosen)]


def named(summaries: Sequence[Summary], key: str, columns: Collection[str]) -> list[str]:
    """Find the settings whose names end in a key such as "lr".

    Raises:
        GenlabError: when there are none.
    """
    known = {name: None for run in summaries for name in run.settings}
    names = [name for name in known if f".{name}".endswith(f".{key}")]
    if not names and summaries:
        near = nearest(key, [*columns, *(name.rpartition(".")[2] for name in known)])
        hint = f"did you mean {near}?" if near else f"columns are {', '.join(columns)}; config.yaml has the settings"
        raise GenlabError(f"no run has a column or a setting called {key}; {hint}")
    return names


def compared(a: Path, b: Path) -> str:
    """Return a table of the settings in which two runs differ; a folder of runs means its newest run.

    Raises:
        GenlabError: for a folder that is not a run.
    """
    a, b = map(newest_version, (a, b))
    settings = [settings_of(run) for run in (a, b)]
    rows = [[name, *(each.get(name, "") for each in settings)] for name in differing(settings)]
    if not rows:
        return f"{a} and {b} have the same settings"
    lines = [["setting", str(a), str(b)], *rows]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join("  ".join(map(str.ljust, line, widths)).rstrip() for line in lines)


def versions(folder: Path) -> list[Path]:
    """List the runs directly in a folder such as runs/vae_mnist, by version."""
    return [run for run in runs.run_folders(folder.parent, folder.name) if runs.is_config_of_run(run / runs.CONFIG)]


def newest_version(path: Path) -> Path:
    """Return a run unchanged, or the run in a folder of runs that was trained most recently.

    Raises:
        GenlabError: for a folder that is neither.
    """
    return _require_run(max(versions(path), key=last_trained, default=path))


def as_csv(summaries: Sequence[Summary]) -> str:
    """Format runs as CSV, with a column for each fact and for each setting that differs between any two runs."""
    names = [name for name in unequal([run.settings for run in summaries]) if name not in ("model", "data")]
    differs = differences(summaries)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*COLUMNS[:5], "planned_epochs", "state", "metric", "best", "date", *names])
    for run, settings in zip(summaries, differs, strict=True):
        shown = cells(run, settings)
        known = [run.epochs, run.planned, run.state, run.metric, run.best, run.date.isoformat(timespec="seconds")]
        writer.writerow([*(shown[column] for column in COLUMNS[:4]), *known, *(run.settings.get(n) for n in names)])
    return text.getvalue()


def delete(folders: Sequence[Path], agreed: bool) -> None:
    """Delete runs, once the user has agreed.

    Raises:
        GenlabError: before any run is deleted, if one of them is not a run or is being trained.
    """
    folders = list({run.resolve(): run for run in folders}.values())
    for run in folders:
        if runs.is_held(_require_run(run)):
            raise GenlabError(f"{run} is being trained; stop the training first")
    files = [path for run in folders for path in run.rglob("*") if path.is_file() and not path.is_symlink()]
    what = f"{counted(len(folders), 'run')} with {counted(len(files), 'file')}, {_size(files)}"
    if not agreed:
        print(*folders, sep="\n")
        try:
            agreed = input(f"delete {what}? [y/N] ").strip().lower() in ("y", "yes")
        except EOFError:
            raise GenlabError("cannot ask without a terminal; give --yes to delete without asking") from None
    if not agreed:
        print("nothing was deleted")
        return
    for run in folders:
        with runs.held(run):
            shutil.rmtree(run)
        with contextlib.suppress(OSError):  # the folder has more runs of that name
            run.parent.rmdir()
    print(f"deleted {what}")


def _require_run(path: Path) -> Path:
    """Check that a folder is a run made by `fit`, and not a link to one.

    Raises:
        GenlabError: when it is not.
    """
    config = path / runs.CONFIG
    if path.is_symlink() or config.is_symlink():
        raise GenlabError(f"{path} is a link; give the run's own folder")
    made = any(os.path.lexists(path / name) for name in (runs.LOCK, runs.STATE, "metrics.csv", "checkpoints"))
    if not (path.resolve().name.isdecimal() and made and runs.is_config_of_run(config)):
        raise GenlabError(f"{path} is not a run of genlab; `genlab runs` lists them")
    return path


def _goodness(run: Summary) -> float:
    """Return the best value of a run's metric, negated if lower is better."""
    if run.best is None:
        return -math.inf
    return run.best if run.settings.get("best_checkpoint.mode") == "max" else -run.best


def _across(widths: Mapping[str, int]) -> int:
    return sum(widths.values()) + 2 * (len(widths) - 1)


def _equals(value: str, wanted: str) -> bool:
    """Return whether a value equals a number, or other text in any case."""
    try:
        return float(value) == float(wanted)
    except ValueError:
        return value.lower() == wanted.lower()


def _contains(value: str, wanted: str) -> bool:
    """Return whether a value contains a text, in any case; numbers do not contain each other."""
    try:
        return float(value) == float(wanted)
    except ValueError:
        return wanted.lower() in value.lower()


def _comparable(value: str) -> tuple[bool, float, str]:
    """Return a sorting key for values: missing ones first, then numbers, then text."""
    try:
        return False, float(value), ""
    except ValueError:
        return bool(value), -math.inf, value


def _four_digits(value: float) -> str:
    """Format a number with four significant digits, without a point at the end."""
    return f"{value:#.4g}".removesuffix(".")


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else f"{text[: width - 1]}…"


def _size(files: Sequence[Path]) -> str:
    size = sum(path.lstat().st_size for path in files)
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.1f} MB"
