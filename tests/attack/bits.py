"""Damaged checkpoints: each is refused and left as it is, or the damage makes no difference."""

import itertools
import random
from collections.abc import Callable
from functools import partial
from pathlib import Path

from tests.attack.runner import Case, Ended, run
from tests.attack.victims import FAMILIES, LONGER, TOOLS, Victims, content, fit
from tests.cli.test_resume import differences

REPEATS = 20
PAGE = 4096
Damage = Callable[[bytes, random.Random], bytes]


def flipped(data: bytes, chance: random.Random) -> bytes:
    """Flip one bit."""
    place = chance.randrange(len(data))
    return data[:place] + bytes([data[place] ^ 1 << chance.randrange(8)]) + data[place + 1 :]


def zeroed(data: bytes, chance: random.Random) -> bytes:
    """Zero one page, as after a crash of the machine."""
    place = chance.randrange(0, len(data), PAGE)
    return data[:place] + bytes(min(PAGE, len(data) - place)) + data[place + PAGE :]


def cut(data: bytes, chance: random.Random) -> bytes:
    """Cut off the end."""
    return data[: chance.randrange(len(data))]


def grown(data: bytes, chance: random.Random) -> bytes:
    """Insert a few bytes."""
    place = chance.randrange(len(data))
    return data[:place] + chance.randbytes(chance.randint(1, 16)) + data[place:]


def _read(command: str, family: str, path: str) -> Ended:
    if command == "tool":
        return run(TOOLS[family], "--ckpt", path, "--out=damaged.png")
    return run(command, *fit(family, LONGER, "--ckpt_path", path)[1:])


def cases(victims: Victims, chance: random.Random) -> list[Case]:
    """Every kind of damage, for every family and command, many times; and checkpoints of other families."""
    found = []
    for family, other in itertools.permutations(FAMILIES, 2):
        data = (victims.base / other / "last.ckpt").read_bytes()
        for command in ("test", "fit"):
            spoil = partial(_spoilt, victims, family, command, lambda before, chance, data=data: data, 0)
            found.append((f"{family}'s last.ckpt is one of {other}, {command}", spoil))
    for _ in range(REPEATS):
        for family, damage, command in itertools.product(
            FAMILIES, (flipped, zeroed, cut, grown), ("tool", "test", "fit")
        ):
            spoil = partial(_spoilt, victims, family, command, damage, chance.random())
            found.append((f"{family}'s last.ckpt {damage.__name__}, {command}", spoil))
    chance.shuffle(found)
    return found


def _spoilt(victims: Victims, family: str, command: str, damage: Damage, seed: float) -> str | None:
    checkpoint = victims.copy(family) / "checkpoints" / "last.ckpt"
    data = damage(checkpoint.read_bytes(), random.Random(seed))
    checkpoint.write_bytes(data)
    ended = _read(command, family, str(checkpoint))
    if ended.code and checkpoint.read_bytes() != data:
        return "refused, and yet replaced"
    checkpoint.write_bytes(data)  # resumed training has replaced it
    return ended.flaw_unless(lambda: _same(checkpoint, Path("last.ckpt")))


def _same(one: Path, other: Path) -> bool:
    try:
        return not differences(content(one), content(other))
    except Exception:  # damage may raise anything
        return False
