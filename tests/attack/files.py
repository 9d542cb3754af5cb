"""genlab's own files, mutated: each is refused in one line or rebuilt, and the results are right."""

import csv
import io
import json
import os
import random
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml

from tests.attack.bits import cut, flipped, grown, zeroed
from tests.attack.runner import Case, run
from tests.attack.victims import LONGER, Victims, content, fit
from tests.cli.test_resume import differences

REPEATS = 20
ODD = ["abc", "", None, [], {}, -1, 1.5, float("nan"), 10**30, True, [[1]], {"a": 1}, "ü", "\0"]
RESUME = [*fit("vae", "--ckpt_path=last", LONGER)]


def retyped(path: Path, chance: random.Random) -> None:
    """Put a value of another type somewhere in a file, keeping its format valid."""
    if path.suffix == ".csv":
        lines = path.read_text().splitlines()
        cells = lines[place := chance.randrange(len(lines))].split(",")
        cells[chance.randrange(len(cells))] = chance.choice(["abc", "", "1.5", "nan", "-3", "1e3", '"', "9" * 5000])
        path.write_text("\n".join([*lines[:place], ",".join(cells), *lines[place + 1 :], ""]))
    elif path.suffix in (".json", ".yaml"):
        path.write_text(json.dumps(_changed(yaml.safe_load(path.read_text()), chance)))
    elif path.suffix in (".ckpt", ".pt"):
        torch.save(_changed(torch.load(path, weights_only=True), chance), path)
    elif path.suffix == ".npz":
        with np.load(path) as arrays:
            held = dict(arrays)
        name = chance.choice(list(held))
        array = held.pop(name)
        odd = [array[..., :0], array * np.nan, array.astype(str), np.array(3)]
        np.savez_compressed(path, **held, **chance.choice([{}, {name: chance.choice(odd)}]))
    else:
        np.save(path, chance.choice([np.zeros(3), np.zeros((2, 2), np.uint8), np.array("abc")]))


def _changed(tree: Any, chance: random.Random) -> Any:
    """Return the tree with an odd value in place of one of its parts."""
    if isinstance(tree, dict | list) and tree and chance.random() < 0.8:
        place = chance.choice(list(tree) if isinstance(tree, dict) else range(len(tree)))
        tree[place] = _changed(tree[place], chance)
        return tree
    return chance.choice([odd for odd in ODD if type(odd) is not type(tree)])


def device(path: Path) -> None:
    """Make a link to a device like /dev/zero: to a private one if possible, so that the real one is not replaced."""
    try:
        os.mknod("zero", 0o20666, os.makedev(1, 5))
        path.symlink_to(Path("zero").absolute())
    except PermissionError:
        path.symlink_to("/dev/zero")


RANDOM: dict[str, Callable[[bytes, random.Random], bytes]] = {
    "flipped": flipped,
    "zeroed": zeroed,
    "cut": cut,
    "grown": grown,
    "replaced": lambda data, chance: chance.randbytes(1000),
}
FIXED: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda data: b"",
    "with semicolons": lambda data: data.replace(b",", b";"),
    "with a byte order mark": lambda data: b"\xef\xbb\xbf" + data,
    "with Windows' lines": lambda data: data.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"),
    "with Unix's lines": lambda data: data.replace(b"\r\n", b"\n"),
}
ODD_KINDS: dict[str, Callable[[Path], None]] = {
    "a folder": Path.mkdir,
    "a FIFO": os.mkfifo,
    "a link to itself": lambda path: path.symlink_to(path.name),
    "a device": device,
}
METRICS = "runs/vae_digits/0/metrics.csv"


def _mutate(path: Path, how: str, chance: random.Random) -> None:
    data = path.read_bytes()
    if how == "retyped":
        retyped(path, chance)
    elif how == "forbidden":
        path.chmod(0)
    elif how in ODD_KINDS:
        path.unlink()
        ODD_KINDS[how](path)
    else:
        path.write_bytes(FIXED[how](data) if how in FIXED else RANDOM[how](data, chance))


def _same(one: str, other: str) -> bool:
    return Path(one).read_bytes() == Path(other).read_bytes()


def _weights(reference: str) -> bool:
    """Return whether the newest last checkpoint equals that of training with intact files."""
    newest = max(Path("runs").glob("*/*/checkpoints/last.ckpt"), key=lambda path: path.stat().st_mtime_ns)
    return not differences(content(newest), content(Path(reference)))


def _metrics(said: str) -> bool:
    """Return whether new rows are right, and old ones are there too or are reported lost."""
    right, found = (list(csv.DictReader(io.StringIO(Path(path).read_text()))) for path in ("longer.csv", METRICS))
    new = [row for row in right if int(row["step"]) >= 6]
    kept = [{name: row.get(name) for name in right[0]} for row in found]
    return kept[-len(new) :] == new and (len(kept) > len(new) or "metrics.csv" in said)


def cases(victims: Victims, chance: random.Random) -> list[Case]:
    """Every mutation of every file, the random ones many times."""
    config, checkpoints = "runs/vae_digits/0/config.yaml", "runs/vae_digits/0/checkpoints"
    sample = ["sample", "--out=again.png"]
    test = ["test", *fit("vae")[1:]]
    evaluate = ["evaluate", "--limit=20", "--out=again.json"]
    pictures = victims.fit_pictures
    targets: list[tuple[str, str, list[str], Callable[[str], bool]]] = [
        ("vae", config, ["fit", f"--config={config}", *fit("vae")[3:]], lambda said: True),
        ("vae", config, RESUME, lambda said: _weights("longer.ckpt")),
        ("vae", METRICS, RESUME, lambda said: _weights("longer.ckpt") and _metrics(said)),
        ("vae", f"{checkpoints}/last.ckpt", RESUME, lambda said: _weights("longer.ckpt")),
        ("vae", f"{checkpoints}/best.ckpt", sample, lambda said: _same("again.png", "drawn.png")),
        ("vae", f"{checkpoints}/best.ckpt", test, lambda said: True),
        ("vae", f"{checkpoints}/*.npz", [*sample, "--prior=gaussian"], lambda said: _same("again.png", "gaussian.png")),
        ("vae", "runs/*/0/predictions.npz", ["predict", *test[1:]], lambda said: False),
        ("pictures", "cache/*/about.json", pictures, lambda said: _weights("last.ckpt")),
        ("pictures", "cache/*/images.npy", pictures, lambda said: _weights("last.ckpt")),
        ("gan", "cache/classifier-*.pt", evaluate, lambda said: _same("again.json", "evaluate.json")),
    ]
    once, often = [*FIXED, *ODD_KINDS, "forbidden"], [*RANDOM, "retyped"]
    found = []
    for how in [*once, *often * REPEATS]:
        for victim, pattern, command, right in targets:
            mutated = partial(_mutated, victims, victim, pattern, how, chance.random(), command, right)
            found.append((f"{pattern} {how}, {command[0]}", mutated))
    chance.shuffle(found)
    return found


def _mutated(
    victims: Victims, victim: str, pattern: str, how: str, seed: float, command: list[str], right: Callable[[str], bool]
) -> str | None:
    victims.copy(victim)
    _mutate(next(Path().glob(pattern)), how, random.Random(seed))
    plausible = how == "retyped" and pattern.endswith(("t", "l"))  # a checkpoint or config may hold other values
    ended = run(*command)
    return ended.flaw_unless(lambda: plausible or right(ended.said))
