"""Run commands of genlab in limited forks of a process that has imported everything, and judge how they end."""

import contextlib
import os
import re
import resource
import select
import shlex
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import genlab.cli

MEMORY = 4 * 2**30
"""Bytes of address space that a command may take beyond what the imports need."""
LIMITS = {resource.RLIMIT_CPU: 30, resource.RLIMIT_FSIZE: 2**28, resource.RLIMIT_NOFILE: 256, resource.RLIMIT_CORE: 0}
"""The number of open files also bounds the workers of a DataLoader."""
IDLE_SECONDS = 6
"""A command that sleeps as long without using the CPU hangs."""
COMMANDS: list[str] = []
"""What the case at hand has run."""
Case = tuple[str, Callable[[], str | None]]
"""What is tried, and a function that tries it in an empty working folder and returns the flaw that it finds, if any."""


@dataclass(frozen=True)
class Ended:
    """How a command ended.

    Args:
        code: its exit status; None when it hangs, negative when a signal killed it.
        said: its stdout and stderr.
    """

    code: int | None
    said: str

    def flaw(self) -> str | None:
        """What is wrong with the way it ended, whether in success or in an error; None when nothing is."""
        lines = [line for line in self.said.splitlines() if line.strip()] or [""]
        mistakes = [line for line in lines if line.startswith("genlab: ")]
        usage = lines[-1].startswith("genlab ") and ": error: " in lines[-1]
        if self.code is None:
            return "hangs"
        if self.code < 0:
            return f"dies of {signal.Signals(-self.code).name}"
        if "Traceback (most recent call last)" in self.said:
            errors = [line for line in lines if re.match(r"[\w.]+(Error|Exception|Interrupt|BadZipFile)\b", line)]
            return f"traceback: {[*lines, *errors][-1][:200]}"
        if self.code and not usage and mistakes != lines[-1:]:
            return f"{len(mistakes)} lines of error, the last line is: {lines[-1][:200]}"
        return None

    def flaw_unless(self, right: Callable[[], bool]) -> str | None:
        """As `flaw`, and success is one too unless it is `right`: the input was damaged."""
        silent = not self.flaw() and self.code == 0 and not right()
        return "silent: damage or nonsense is accepted" if silent else self.flaw()


def run(*arguments: str) -> Ended:
    """Run a command of genlab in the current folder, and kill what is left of it."""
    COMMANDS.append(shlex.join(["genlab", *arguments]))
    said = Path("said.txt")
    child = os.fork()
    if child == 0:
        code = 1
        try:
            _enclose(said, arguments)
            genlab.cli.main(arguments)
            code = 0
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else int(end.code is not None)
            if isinstance(end.code, str):
                print(end.code, file=sys.stderr)
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)
    code = _wait(child)
    text = said.read_text(errors="replace")
    said.unlink()
    return Ended(code, text)


def _enclose(said: Path, arguments: Sequence[str]) -> None:
    """Limit this process, make it the first of a group, and let it write to a file and start no copies of itself."""
    os.setsid()
    file = os.open(said, os.O_CREAT | os.O_WRONLY | os.O_APPEND)
    for number, source in enumerate((os.open(os.devnull, os.O_RDONLY), file, file)):
        os.dup2(source, number)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore it
    mapped = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    for kind, limit in {**LIMITS, resource.RLIMIT_AS: mapped + MEMORY}.items():
        resource.setrlimit(kind, (limit, resource.getrlimit(kind)[1]))
    sys.argv = ["genlab", *arguments]
    start = subprocess.Popen.__init__

    def limited(self: Any, args: Any, *more: Any, **options: Any) -> None:
        self._child_created = False  # for its __del__
        if args[0] == sys.executable:  # --trainer.devices=1000000000 would make as many
            raise BlockingIOError(11, "Resource temporarily unavailable")
        start(self, args, *more, **options)

    subprocess.Popen.__init__ = limited  # type: ignore[method-assign]


def _wait(child: int) -> int | None:
    """The exit status of a child, or None when it hangs."""
    since, before, hangs = time.monotonic(), "", False
    handle = os.pidfd_open(child)
    while not hangs and not select.select([handle], [], [], 0.2)[0]:
        state, *rest = Path(f"/proc/{child}/stat").read_text().rpartition(") ")[2].split()
        used = " ".join(rest[10:14])  # of the CPU, by it and by the children that it has waited for
        if used != before or state != "S":
            since, before = time.monotonic(), used
        hangs = time.monotonic() - since > IDLE_SECONDS
    os.close(handle)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return None if hangs else status
