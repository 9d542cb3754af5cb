"""Where runs are: `runs/<config name>/<version>/`, with config.yaml, metrics.csv, checkpoints/ and pictures/."""

from collections.abc import Iterable
from pathlib import Path

from genlab.errors import GenlabError

ROOT = Path("runs")
JOB = "slurm_step"
"""The file in a run's folder that names the step of the SLURM job that it belongs to."""


def config_name(configs: Iterable[object] | None) -> str | None:
    """What runs of these configs are called: the file name of the first that is no overlay, or None without one."""
    for path in map(Path, map(str, configs or [])):
        if path.name == "config.yaml":  # a run's own
            return path.absolute().parent.parent.name
        if path.parent.name != "overlays":
            return path.stem
    return None


def claim_run(root: Path, name: str) -> Path:
    """Make and return the folder of a new run, `root/name/<next version>`; two processes never get the same.

    Raises GenlabError when the folder cannot be made.
    """
    version = max((int(run.name) for run in _runs(root, name)), default=-1) + 1
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
    """The run with the newest checkpoint; of the config called `name`, if given.

    Raises GenlabError when there is none.
    """
    checkpoints = [c for run in _runs(root, name) for c in (run / "checkpoints").glob("*.ckpt")]
    if not checkpoints:
        raise GenlabError(f"no run in {root / name} has a checkpoint; train a model first, or give its path")
    return max(checkpoints, key=lambda checkpoint: checkpoint.stat().st_mtime).parent.parent


def find_checkpoint(path: str | Path | None, prefer: str = "best") -> Path:
    """The checkpoint meant by a file, a run folder, or None for the newest run.

    Args:
        path: the file or folder.
        prefer: which of a run's checkpoints to take where it has both: "best" or "last".

    Raises GenlabError when there is none.
    """
    path = newest_run() if path is None else Path(path)
    if not path.is_dir():
        return path
    for name in (prefer, "best", "last"):
        checkpoint = path / "checkpoints" / f"{name}.ckpt"
        if checkpoint.exists():
            return checkpoint
    raise GenlabError(f"{path} has no checkpoints/best.ckpt or last.ckpt; give a run folder or a checkpoint")


def wandb_id(run: Path) -> str | None:
    """What W&B calls a run that it has seen before."""
    folders = sorted(run.glob("wandb/*run-*_*-*"), key=lambda folder: folder.name.removeprefix("offline-"))
    return folders[-1].name.removeprefix("offline-").split("-", 2)[2] if folders else None


def note_job(run: Path, step: str | None) -> None:
    """Write down which step of a SLURM job trains a run, if any does."""
    if step:
        (run / JOB).write_text(step)


def run_of_job(root: Path, name: str, step: str | None) -> Path | None:
    """The run of a config in which a step of a SLURM job has left a last checkpoint."""
    for run in _runs(root, name):
        job, last = run / JOB, run / "checkpoints" / "last.ckpt"
        if job.exists() and last.exists() and job.read_text() == step:
            return run
    return None


def run_of(checkpoint: Path) -> Path | None:
    """The run folder that a checkpoint lies in, or None when it lies elsewhere."""
    run = checkpoint.parent.parent
    return run if (run / "config.yaml").exists() else None


def _runs(root: Path, name: str) -> list[Path]:
    return [run for run in root.glob(f"{name}/*") if run.is_dir() and run.name.isdecimal()]
