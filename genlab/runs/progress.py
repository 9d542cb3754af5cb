"""Which process trains a run, and the state of its training."""

import contextlib
import warnings
from collections.abc import Iterator
from pathlib import Path

import filelock

from genlab.atomic import whole_file
from genlab.errors import GenlabError, in_one_line
from genlab.runs.folders import CONFIG, JOB, text_of

LOCK = ".lock"
"""The file in a run's folder that is locked by the process that trains it."""
STATE = ".state"
"""The file in a run's folder with the state of its training."""


@contextlib.contextmanager
def training(run: Path) -> Iterator[None]:
    """Hold a run, so that no other process trains it, and record the state of its training in its folder.

    Raises:
        GenlabError: when another process trains the run, or nothing can be written there.
    """
    with held(run), _noted(run):
        yield


@contextlib.contextmanager
def held(run: Path) -> Iterator[None]:
    """Hold a run's lock, which is free again if its process was killed.

    Raises:
        GenlabError: when another process holds it, or nothing can be written there.
    """
    lock = filelock.FileLock(run / LOCK, timeout=0.5, poll_interval=0.02)  # `is_held` takes it for a moment
    try:
        lock.acquire()
    except filelock.Timeout:
        raise GenlabError(
            f"{run} is being trained by another process; wait until it ends, or start a new run without --ckpt_path"
        ) from None
    except NotImplementedError:
        warnings.warn(
            f"the file system of {run} has no locks: do not let two processes resume it at once", stacklevel=3
        )
    except OSError as error:
        raise GenlabError(f"{run} cannot be locked for training: {error.strerror or error}") from None
    try:
        yield
    finally:
        lock.release()


def is_held(run: Path) -> bool:
    """Tell whether a process is training a run, as far as this one can determine."""
    if not (run / LOCK).is_file():
        return False
    try:
        with filelock.FileLock(run / LOCK, timeout=0):
            return False
    except filelock.Timeout:
        return True
    except (OSError, NotImplementedError):  # the run is another user's, or its file system has no locks
        return False


def state(run: Path) -> str:
    """Return the state of training: "running", "finished", "stopped", "failed: " with the reason, or "" if unknown."""
    if is_held(run):
        return "running"
    noted = text_of(run / STATE).partition("\n")[0]
    known = noted in ("finished", "stopped") or noted.startswith("failed: ")
    return "stopped" if noted == "running" else noted if known else ""  # its process was killed


def discard_empty(run: Path) -> None:
    """Remove the folder of a run that has no metrics, checkpoints or pictures."""
    with contextlib.suppress(OSError):
        files = list(run.iterdir())
        if {path.name for path in files} <= {CONFIG, JOB, LOCK, STATE}:
            for path in files:
                path.unlink()
            run.rmdir()
            run.parent.rmdir()


@contextlib.contextmanager
def _noted(run: Path) -> Iterator[None]:
    """Record the state of a run's training; an attempt that trains nothing restores the previous state."""
    before, trained = text_of(run / STATE), _last_change(run)
    _note(run, "running")
    end = "finished"
    try:
        yield
    except Exception as error:
        end = f"failed: {in_one_line(error)}"
        raise
    except BaseException:  # Ctrl-C and other signals
        end = "stopped"
        raise
    finally:
        untouched = _last_change(run) == trained and (before or trained is not None)
        _note(run, before if untouched else end)


def _note(run: Path, text: str) -> None:
    with contextlib.suppress(GenlabError), whole_file(run / STATE) as part:
        part.write_text(text, encoding="utf-8", errors="backslashreplace")  # file names may not be UTF-8


def _last_change(run: Path) -> int | None:
    """Return when a run's metrics were last written."""
    with contextlib.suppress(OSError):
        return (run / "metrics.csv").stat().st_mtime_ns
    return None
