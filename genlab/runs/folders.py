"""Folders of runs: `runs/<config name>/<version>/`, with config.yaml, metrics.csv, checkpoints/ and pictures/."""

import contextlib
import glob
import re
import warnings
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import filelock
import yaml

from genlab import trust
from genlab.atomic import whole_file
from genlab.errors import GenlabError, in_one_line
from genlab.parsing import safe_yaml
from genlab.regular import is_folder
from genlab.renames import translated

ROOT = Path("runs")
CONFIG = "config.yaml"
SECTIONS = ("model", "data", "trainer", "pictures", "last_checkpoint")
"""Sections of the config of every run, which tell it from other files of that name."""
SIGNED = "# a run of genlab, signed "
"""Beginning of the first line of a run's config; the signature is described in `genlab.trust`."""
LOCK = ".lock"
"""The file in a run's folder that the process which trains it holds locked."""
STATE = ".state"
"""The file in a run's folder that says how its training goes, or how it ended."""
JOB = "slurm_step"
"""The file in a run's folder that names the step of the SLURM job that it belongs to."""


def config_name(configs: Iterable[object] | None) -> str | None:
    """Name runs of these configs: after the file of the first that is no overlay; None without one."""
    for path in map(Path, map(str, configs or [])):
        if is_config_of_run(path):
            return path.absolute().parent.parent.name
        if path.parent.name != "overlays":
            return path.stem
    return None


def class_part(class_path: str) -> str:
    """Return the part that a class adds to the name of a run."""
    return class_path.rpartition(".")[2].lower()


def require_name(name: str) -> str:
    """Return a name for runs.

    Raises:
        GenlabError: for one that is no plain name of a folder.
    """
    if not re.fullmatch(r"[\w+=][\w.+=-]*", name):
        raise GenlabError(f"a run cannot be called {name!r}; --name takes letters, digits and _ . - + =")
    return name


def claim_run(root: Path, name: str) -> Path:
    """Make and return the folder of a new run, `root/name/<next version>`; two processes never get the same.

    Raises:
        GenlabError: when the folder cannot be made.
    """
    version = max((int(run.name) for run in run_folders(root, name)), default=-1) + 1
    while True:
        run = root / name / str(version)
        try:
            run.mkdir(parents=True)
        except FileExistsError:
            version += 1
        except OSError as error:
            raise GenlabError(f"the run's folder {run} cannot be made: {error.strerror}") from None
        else:
            return run


def newest_run(root: Path = ROOT, name: str = "*") -> Path:
    """Find the run with the newest checkpoint, among those called `name`, if given.

    Raises:
        GenlabError: when there is none.
    """
    checkpoints = [c for run in run_folders(root, name) for c in (run / "checkpoints").glob("*.ckpt") if c.is_file()]
    if not checkpoints:
        raise GenlabError(f"no run in {root / name} has a checkpoint; train a model first, or give its path")
    return max(checkpoints, key=lambda checkpoint: checkpoint.stat().st_mtime).parent.parent


def find_checkpoint(path: str | Path | None, prefer: str = "best") -> Path:
    """Find the checkpoint meant by a file, a run, a folder of runs (its newest), or None (the newest of all).

    Args:
        path: the file or folder.
        prefer: which of a run's checkpoints to take where it has both: "best" or "last".

    Raises:
        GenlabError: when there is none.
    """
    path = newest_run() if path is None else Path(path)
    if not path.exists() and run_folders(ROOT, str(path)):
        raise GenlabError(f"there is no checkpoint {path}; did you mean {ROOT / path}?")
    if not path.is_dir():
        return path
    if not (path / "checkpoints").exists() and run_folders(path.parent, path.name):
        path = newest_run(path.parent, path.name)
    for name in (prefer, "best", "last"):
        checkpoint = path / "checkpoints" / f"{name}.ckpt"
        if checkpoint.exists():
            return checkpoint
    raise GenlabError(f"{path} has no checkpoints/best.ckpt or last.ckpt; give a run folder or a checkpoint")


def wandb_id(run: Path) -> str | None:
    """Return W&B's id of a run that it has seen before."""
    folders = sorted(run.glob("wandb/*run-*_*-*"), key=lambda folder: folder.name.removeprefix("offline-"))
    return folders[-1].name.removeprefix("offline-").split("-", 2)[2] if folders else None


def note_job(run: Path, step: str | None) -> None:
    """Note which step of a SLURM job trains a run, if any does."""
    if step:
        with whole_file(run / JOB) as part:
            part.write_text(step)


def run_of_job(root: Path, name: str, step: str | None) -> Path | None:
    """Find the run of a config in which a step of a SLURM job has left a last checkpoint."""
    for run in run_folders(root, name):
        if (run / "checkpoints" / "last.ckpt").exists() and _text(run / JOB) == step:
            return run
    return None


def run_of(checkpoint: Path) -> Path | None:
    """Return the run folder of a checkpoint, or None if it lies elsewhere."""
    folder = checkpoint.parent
    return folder.parent if folder.name == "checkpoints" and is_config_of_run(folder.parent / CONFIG) else None


def is_config_of_run(path: Path) -> bool:
    """Tell from its content whether a file is the config that `fit` wrote to a run's folder."""
    text = _text(path) if path.name == CONFIG else ""
    return all(re.search(f"^{section}:", text, re.MULTILINE) for section in SECTIONS)


def config_of(checkpoint: Path) -> dict[str, Any]:
    """Read the config of a checkpoint's run; empty outside of a run."""
    run = run_of(checkpoint)
    if run is None:
        return {}
    try:
        config = translated(safe_yaml.load(_text(run / CONFIG)))
    except yaml.YAMLError as error:
        raise GenlabError(f"{run / CONFIG} is no YAML: {' '.join(str(error).split())}") from None
    return config if isinstance(config, dict) else {}


def is_own(checkpoint: Path) -> bool:
    """Tell whether a checkpoint is of a run that this user trained where it lies now; see `genlab.trust`."""
    run = run_of(checkpoint)
    if run is None:
        return False
    first, *_ = _text(run / CONFIG).splitlines()
    return first.startswith(SIGNED) and trust.is_signed(run, first.removeprefix(SIGNED))


def signed(text: str, run: Path) -> str:
    """Add to the text of a run's config the line that makes the run the user's own."""
    signature = trust.signature(run)
    return text if signature is None else f"{SIGNED}{signature}\n{text}"


def discard_empty(run: Path) -> None:
    """Remove the folder of a run without metrics, checkpoints and pictures."""
    with contextlib.suppress(OSError):
        files = list(run.iterdir())
        if {path.name for path in files} <= {CONFIG, JOB, LOCK, STATE}:
            for path in files:
                path.unlink()
            run.rmdir()
            run.parent.rmdir()


def run_folders(root: Path = ROOT, name: str = "*") -> list[Path]:
    """List the folders that may be runs: `root/<name>/<version>`, by name and version."""
    names = name if name == "*" else glob.escape(name)
    folders = [run for run in root.glob(f"{names}/*") if is_folder(run) and run.name.isdecimal()]
    return sorted(folders, key=lambda run: (run.parent.name, int(run.name)))


@contextlib.contextmanager
def training(run: Path) -> Iterator[None]:
    """Hold a run, so that no other process trains it, and note in its folder how that goes and ends.

    Raises:
        GenlabError: when another process trains the run, or nothing can be written there.
    """
    with held(run), _noted(run):
        yield


@contextlib.contextmanager
def held(run: Path) -> Iterator[None]:
    """Hold a run's lock; one of a process that was killed is free.

    Raises:
        GenlabError: when another process holds it, or nothing can be written there.
    """
    lock = filelock.FileLock(run / LOCK, timeout=0.5, poll_interval=0.02)  # `is_held` has it for a moment
    try:
        lock.acquire()
    except filelock.Timeout:
        raise GenlabError(
            f"{run} is being trained by another process; wait until it ends, or start a new run without --ckpt_path"
        ) from None
    except NotImplementedError:
        warnings.warn(f"the file system of {run} has no locks: let no two processes resume it at once", stacklevel=3)
    except OSError as error:
        raise GenlabError(f"{run} cannot be locked for training: {error.strerror or error}") from None
    try:
        yield
    finally:
        lock.release()


def is_held(run: Path) -> bool:
    """Tell whether a process trains a run now, as far as this one can determine."""
    if not (run / LOCK).is_file():
        return False
    try:
        with filelock.FileLock(run / LOCK, timeout=0):
            return False
    except filelock.Timeout:
        return True
    except (OSError, NotImplementedError):  # of another user, or on a file system without locks
        return False


def state(run: Path) -> str:
    """Return the state of training: "running", "finished", "stopped", "failed: " with the reason, or "" if unknown."""
    if is_held(run):
        return "running"
    noted = _text(run / STATE).partition("\n")[0]
    known = noted in ("finished", "stopped") or noted.startswith("failed: ")
    return "stopped" if noted == "running" else noted if known else ""  # its process was killed


@contextlib.contextmanager
def _noted(run: Path) -> Iterator[None]:
    """Note how the training of a run goes and ends; a try that trains nothing leaves what was noted before."""
    before, trained = _text(run / STATE), _last_change(run)
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
        part.write_text(text, encoding="utf-8", errors="backslashreplace")  # names of files may be no UTF-8


def _last_change(run: Path) -> int | None:
    """Return when a run's metrics were last written."""
    with contextlib.suppress(OSError):
        return (run / "metrics.csv").stat().st_mtime_ns
    return None


def _text(path: Path) -> str:
    """Read a text file; empty if there is none."""
    with contextlib.suppress(OSError, UnicodeDecodeError):
        if path.is_file():
            return path.read_text(encoding="utf-8")
    return ""
