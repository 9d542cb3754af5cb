"""`python -m tests.attack`: attack genlab for a minute, and report what it survived."""

import argparse
import importlib
import itertools
import json
import os
import pkgutil
import random
import shutil
import sys
import tempfile
import time
import traceback
from functools import partial
from pathlib import Path

import torch

import genlab.cli.trainer  # noqa: F401
from genlab import commands
from genlab.evaluation import extractors
from tests.attack import bits, files, options, runner, signals
from tests.attack.runner import Case
from tests.attack.victims import TRAININGS, Victims

ATTACKS = {"bits": bits.cases, "options": options.cases, "files": files.cases, "signals": signals.cases}
JOBS = 2
"""Number of cases that run at a time."""


def main() -> int:
    """Attack for a time, or with a number of cases; return 1 if anything was not survived."""
    parser = argparse.ArgumentParser(prog="python -m tests.attack", description=main.__doc__)
    parser.add_argument("--seconds", type=float, default=60, help="how long, once the victims are trained (default 60)")
    parser.add_argument("--count", type=int, help="cases of each attack, however long they take")
    parser.add_argument("--seed", type=int, default=0, help="of the choice of cases (default 0)")
    parser.add_argument("--only", choices=ATTACKS, help="one of the attacks")
    parser.add_argument("--case", type=int, help="one case of this attack alone; all files are kept")
    given = parser.parse_args()
    prepare()
    base = Path(tempfile.mkdtemp(prefix="attack-"))
    names = [given.only] if given.only else list(ATTACKS)
    victims = Victims(base)
    trainings = [(name, None, (name, partial(victims.train, name))) for name in [*TRAININGS, "pictures"]]
    untrained = [flaw for _, _, flaw in parallel(trainings, base, keep=True) if flaw]
    if untrained:
        sys.exit("\n".join(untrained))
    planned = {name: ATTACKS[name](victims, random.Random(given.seed)) for name in names}
    numbered = {name: [(name, i, case) for i, case in enumerate(cases)] for name, cases in planned.items()}
    if given.case is not None:
        numbered = {given.only: [numbered[given.only][given.case]]}
    turns = itertools.zip_longest(*(cases[: given.count] for cases in numbered.values()))
    chosen = [case for turn in turns for case in turn if case]
    end = None if given.count else time.monotonic() + given.seconds
    tried = parallel(chosen, base, keep=given.case is not None, end=end)
    for name, number, flaw in tried:
        if flaw:
            print(f"{planned[name][number][0]}: {flaw}")
            print(f"      python -m tests.attack --seed {given.seed} --only {name} --case {number}")
    print(f"{'attack':10}{'tried':>8}{'of':>8}{'survived':>10}")
    for name in names:
        flaws = [flaw for other, _, flaw in tried if other == name]
        print(f"{name:10}{len(flaws):8}{len(planned[name]):8}{flaws.count(None):10}")
    if given.case is None:
        shutil.rmtree(base)
    else:
        print(base)
    return int(any(flaw for _, _, flaw in tried))


def prepare() -> None:
    """Import everything before forks, in one thread and offline, and make classifiers train quickly."""
    torch.set_num_threads(1)
    for module in pkgutil.iter_modules(commands.__path__):
        importlib.import_module(f"genlab.commands.{module.name}")
    extractors.STEPS = 20
    os.environ |= {f"{scheme}_proxy": "http://127.0.0.1:9" for scheme in ("http", "https", "ftp")}


def parallel(
    cases: list[tuple[str, int | None, Case]], base: Path, keep: bool, end: float | None = None
) -> list[tuple[str, int | None, str | None]]:
    """Try cases in turn in `JOBS` processes until a time; return the flaw of each case that was tried."""
    workers = []
    for i in range(JOBS):
        found = base / f"found-{i}.json"
        child = os.fork()
        if child == 0:
            try:
                found.write_text(json.dumps([attempt(*case, base, keep, end) for case in cases[i::JOBS]]))
            finally:
                os._exit(0)
        workers.append((child, found))
    for child, _ in workers:
        os.waitpid(child, 0)
    turns = itertools.zip_longest(*(json.loads(found.read_text()) for _, found in workers))
    return [(name, number, flaw) for turn in turns for name, number, flaw, tried in filter(None, turn) if tried]


def attempt(
    name: str, number: int | None, case: Case, base: Path, keep: bool, end: float | None
) -> tuple[str, int | None, str | None, bool]:
    """Try one case in an empty folder, unless time is up; return its flaw, and whether it was tried."""
    if end and time.monotonic() > end:
        return name, number, None, False
    folder = base / (name if number is None else f"{name} {number}/a/b")  # where ../.. stays inside
    folder.mkdir(parents=True)
    os.chdir(folder)
    os.environ |= {"TMPDIR": str(folder), "GENLAB_CACHE_DIR": str(folder / "cache")}
    runner.COMMANDS.clear()
    try:
        flaw = case[1]()
    except Exception:
        flaw = f"the attack itself fails: {traceback.format_exc()}"
    if not keep:
        shutil.rmtree(folder.parents[1])
    return name, number, "\n      ".join([flaw, *runner.COMMANDS]) if flaw else None, True


if __name__ == "__main__":
    sys.exit(main())
