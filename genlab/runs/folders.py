"""Folders of runs: `runs/<config name>/<version>/`, with config.yaml, metrics.csv, checkpoints/ and pictures/."""

import contextlib
import glob
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

from genlab import trust
from genlab.atomic import whole_file
from genlab.errors import GenlabError
from genlab.parsing import safe_yaml
from genlab.regular import is_folder
from genlab.renames import translated

ROOT = Path("runs")
CONFIG = "config.yaml"
SECTIONS = ("model", "data", "trainer", "pictures", "last_checkpoint")
"""Sections in the config of every run, which distinguish it from other files of that name."""
SIGNED = "# a run of genlab, signed "
"""Start of the first line of a run's config; the signature is described in `genlab.trust`."""
JOB = "slurm_step"
"""The file in a run's folder that names the SLURM job step that trains it."""


def config_name(configs: Iterable[object] | None) -> str | None:
    """Name the runs of these configs after the first that is not an overlay; None if all are."""
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
    """Return a name for runs unchanged.

    Raises:
        GenlabError: if it is not a plain folder name.
    """
    if not re.fullmatch(r"[\w+=][\w.+=-]*", name):
        raise GenlabError(f"a run cannot be called {name!r}; --name takes letters, digits and _ . - + =")
    return name


def claim_run(root: Path, name: str) -> Path:
    """Make and return the folder of a new run, `root/name/<next version>`; no two processes get the same one.

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
            raise GenlabError(f"the run's folder {run} cannot be created: {error.strerror}") from None
        else:
            return run


def newest_run(root: Path = ROOT, name: str = "*") -> Path:
    """Find the run with the newest checkpoint, among those called `name` if given.

    Raises:
        GenlabError: when there is none.
    """
    checkpoints = [c for run in run_folders(root, name) for c in (run / "checkpoints").glob("*.ckpt") if c.is_file()]
    if not checkpoints:
        raise GenlabError(f"no run in {root / name} has a checkpoint; train a model first, or give its path")
    return max(checkpoints, key=lambda checkpoint: checkpoint.stat().st_mtime).parent.parent


def find_checkpoint(path: str | Path | None, prefer: str = "best") -> Path:
    """Find the checkpoint for a file, a run, a folder of runs (the newest one) or None (the newest run of all).

    Args:
        path: the file or folder.
        prefer: which checkpoint to take if a run has both: "best" or "last".

    Raises:
        GenlabError: when there is none.
    """
    path = newest_run() if path is None else Path(path)
    if not path.is_absolute() and not path.exists() and run_folders(ROOT, str(path)):
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
    """Return the W&B id of a run, or None if W&B has not logged it yet."""
    folders = sorted(run.glob("wandb/*run-*_*-*"), key=lambda folder: folder.name.removeprefix("offline-"))
    return folders[-1].name.removeprefix("offline-").split("-", 2)[2] if folders else None


def note_job(run: Path, step: str | None) -> None:
    """Note which SLURM job step trains a run, if any."""
    if step:
        with whole_file(run / JOB) as part:
            part.write_text(step)


def run_of_job(root: Path, name: str, step: str | None) -> Path | None:
    """Find the run of a config in which a SLURM job step has left a last checkpoint."""
    for run in run_folders(root, name):
        if (run / "checkpoints" / "last.ckpt").exists() and text_of(run / JOB) == step:
            return run
    return None


def run_of(checkpoint: Path) -> Path | None:
    """Return the run folder of a checkpoint, or None if it is not in a run."""
    folder = checkpoint.parent
    return folder.parent if folder.name == "checkpoints" and is_config_of_run(folder.parent / CONFIG) else None


def is_config_of_run(path: Path) -> bool:
    """Tell from the content of a file whether `fit` wrote it as the config of a run."""
    text = text_of(path) if path.name == CONFIG else ""
    return all(re.search(f"^{section}:", text, re.MULTILINE) for section in SECTIONS)


def config_of(checkpoint: Path) -> dict[str, Any]:
    """Read the config of a checkpoint's run; empty if the checkpoint is not in a run."""
    run = run_of(checkpoint)
    if run is None:
        return {}
    try:
        config = translated(safe_yaml.load(text_of(run / CONFIG)))
    except yaml.YAMLError as error:
        raise GenlabError(f"{run / CONFIG} is not valid YAML: {' '.join(str(error).split())}") from None
    return config if isinstance(config, dict) else {}


def is_own(checkpoint: Path) -> bool:
    """Tell whether a checkpoint is in a run that this user trained at its current path; see `genlab.trust`."""
    run = run_of(checkpoint)
    if run is None:
        return False
    first, *_ = text_of(run / CONFIG).splitlines()
    return first.startswith(SIGNED) and trust.is_signed(run, first.removeprefix(SIGNED))


def signed(text: str, run: Path) -> str:
    """Add the line to the text of a run's config that marks the run as the user's own."""
    signature = trust.signature(run)
    return text if signature is None else f"{SIGNED}{signature}\n{text}"


def run_folders(root: Path = ROOT, name: str = "*") -> list[Path]:
    """List the folders that may be runs: `root/<name>/<version>`, by name and version.

    If `name` is empty, as for the folder `.`, the runs are in the root itself.
    """
    names = name if name == "*" else glob.escape(name)
    folders = [run for run in root.glob(f"{names}/*" if names else "*") if is_folder(run) and run.name.isdecimal()]
    return sorted(folders, key=lambda run: (run.parent.name, int(run.name)))


def text_of(path: Path) -> str:
    """Read a text file; empty if there is none."""
    with contextlib.suppress(OSError, UnicodeDecodeError):
        if path.is_file():
            return path.read_text(encoding="utf-8")
    return ""
