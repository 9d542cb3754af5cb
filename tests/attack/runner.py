"""Run genlab commands in limited forks of a process that has imported everything, and judge how they end."""

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
"""Bytes of address space that a command may use beyond what the imports need."""
LIMITS = {resource.RLIMIT_CPU: 30, resource.RLIMIT_FSIZE: 2**28, resource.RLIMIT_NOFILE: 256, resource.RLIMIT_CORE: 0}
"""The limit on open files also bounds the workers of a DataLoader."""
IDLE_SECONDS = 6
"""Seconds without CPU use after which a sleeping command counts as hanging."""
COMMANDS: list[str] = []
"""Commands that the current case has run."""
Case = tuple[str, Callable[[], str | None]]
"""Name of a case, and a function that tries it in an empty working folder and returns the flaw found, if any."""


@dataclass(frozen=True)
class Ended:
    """How a command ended.

    Args:
        code: its exit status; None if it hangs, negative if a signal killed it.
        said: its stdout and stderr.
    """

    code: int | None
    said: str

    def flaw(self) -> str | None:
        """Return what is wrong with how it ended, in success or error; None if nothing is."""
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
        """Return `flaw`, or a flaw if it succeeded without being `right`: the input was damaged."""
        silent = not self.flaw() and self.code == 0 and not right()
        return "silent: damage or nonsense is accepted" if silent else self.flaw()


def run(*arguments: str) -> Ended:
    """Run a genlab command in the current folder, and kill whatever is left of it."""
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
    """Limit this process, make it the leader of a group, redirect its output to a file, and let it start no copies."""
    os.setsid()
    file = os.open(said, os.O_CREAT | os.O_WRONLY | os.O_APPEND)
    for number, source in enumerate((os.open(os.devnull, os.O_RDONLY), file, file)):
        os.dup2(source, number)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # background jobs of a shell ignore it
    mapped = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    for kind, limit in {**LIMITS, resource.RLIMIT_AS: mapped + MEMORY}.items():
        resource.setrlimit(kind, (limit, resource.getrlimit(kind)[1]))
    sys.argv = ["genlab", *arguments]
    start = subprocess.Popen.__init__

    def limited(self: Any, args: Any, *more: Any, **options: Any) -> None:
        self._child_created = False  # needed by its __del__
        if args[0] == sys.executable:  # --trainer.devices=1000000000 would start as many
            raise BlockingIOError(11, "Resource temporarily unavailable")
        start(self, args, *more, **options)

    subprocess.Popen.__init__ = limited  # type: ignore[method-assign]


def _wait(child: int) -> int | None:
    """Return the exit status of a child, or None if it hangs."""
    since, before, hangs = time.monotonic(), "", False
    handle = os.pidfd_open(child)
    while not hangs and not select.select([handle], [], [], 0.2)[0]:
        state, *rest = Path(f"/proc/{child}/stat").read_text().rpartition(") ")[2].split()
        used = " ".join(rest[10:14])  # CPU time of the child and of children that it has waited for
        if used != before or state != "S":
            since, before = time.monotonic(), used
        hangs = time.monotonic() - since > IDLE_SECONDS
    os.close(handle)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return None if hangs else status
