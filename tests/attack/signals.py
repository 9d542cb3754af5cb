"""Signals and errors at every hook of a fit: resumed, training ends with the same weights as if never struck."""

import itertools
import json
import random
import signal
from functools import partial
from pathlib import Path

from tests.attack.runner import Case, Ended, run
from tests.attack.strike import KINDS, strike
from tests.attack.victims import TRAININGS, Victims, content
from tests.cli.test_resume import differences


def cases(victims: Victims, chance: random.Random) -> list[Case]:
    """Every kind of strike at every call of a hook of every training, alternating between trainings."""
    of_trainings = []
    for name in TRAININGS:
        calls = json.loads((victims.base / name / "calls").read_text())
        places = [(hook, nth) for hook, count in calls.items() for nth in range(1, count + 1)]
        strikes = [
            (f"{name}, {kind} at {hook} {nth}", partial(_struck, victims, name, hook, nth, kind))
            for (hook, nth), kind in itertools.product(places, KINDS)
        ]
        chance.shuffle(strikes)
        of_trainings.append(strikes)
    return [case for turn in itertools.zip_longest(*of_trainings) for case in turn if case]


def _struck(victims: Victims, name: str, hook: str, nth: int, kind: str) -> str | None:
    command = TRAININGS[name]
    struck = run(*command, strike(hook=hook, nth=nth, kind=kind))
    flaw = _flaw(struck, kind)
    if flaw:
        return flaw
    if left := [path for path in Path("runs").rglob("*.part*") if struck.code != -signal.SIGTERM]:
        return f"leaves {left[0]}"
    saved = any(Path("runs").glob("*/*/checkpoints/last.ckpt"))
    resumed = run(*command, *(["--ckpt_path=last"] if saved else []))
    if resumed.flaw() or (resumed.code and "nothing is left to train" not in resumed.said):
        return f"resumed: {resumed.flaw() or resumed.said[-200:]}"
    whole = next((victims.base / name).glob("runs/*/0"))
    parts = max(Path("runs").glob("*/*"), key=lambda run: int(run.name))
    ends = [content(run / "checkpoints" / "last.ckpt") for run in (whole, parts)]
    different = sorted(differences(*ends))
    if (whole / "metrics.csv").read_text() != (parts / "metrics.csv").read_text():
        different.append("metrics.csv")
    return f"silent: resumed training ends with other {', '.join(different[:4])}" if different else None


def _flaw(struck: Ended, kind: str) -> str | None:
    """Return the flaw in how a struck training ends: a user's own error may keep its traceback, but must be shown."""
    if struck.code is None or (struck.code < 0 and -struck.code not in (signal.SIGINT, signal.SIGTERM)):
        return struck.flaw()
    if "Error" in kind:
        return None if "struck" in struck.said.splitlines()[-1] else f"the error is not told: {struck.said[-200:]}"
    return struck.flaw() if "Traceback (most recent call last)" in struck.said else None
