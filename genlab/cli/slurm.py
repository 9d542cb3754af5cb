"""The current SLURM job: its step, and requeueing it."""

import os
import subprocess

from genlab.errors import GenlabError


def step() -> str | None:
    """Return the job step of this process, which stays the same when the job is requeued; None outside of SLURM."""
    job, number = os.environ.get("SLURM_JOB_ID"), os.environ.get("SLURM_STEP_ID")
    return f"{job}.{number}" if job and number else None


def requeued() -> bool:
    """Tell whether the job has run before."""
    return os.environ.get("SLURM_RESTART_COUNT", "0") != "0"


def requeue() -> None:
    """Requeue the job, unless it was cancelled or SLURM has already requeued it.

    Raises:
        GenlabError: if SLURM cannot be reached or refuses.
    """
    job = os.environ["SLURM_JOB_ID"]
    if "SLURM_ARRAY_JOB_ID" in os.environ:  # one task of an array has the id of the whole array
        job = "{SLURM_ARRAY_JOB_ID}_{SLURM_ARRAY_TASK_ID}".format_map(os.environ)
    if "JobState=RUNNING" in _scontrol("show job", job):
        _scontrol("requeue", job)
        print(f"job {job} is requeued")


def _scontrol(request: str, job: str) -> str:
    """Run scontrol for a job, and return its output."""
    try:
        done = subprocess.run(["scontrol", *request.split(), job], capture_output=True, text=True)
    except OSError as error:
        raise GenlabError(f"job {job} is not requeued: scontrol cannot be run ({error.strerror})") from None
    if done.returncode:
        raise GenlabError(f"job {job} is not requeued: {' '.join(done.stderr.split())}; submit it with --requeue")
    return done.stdout
