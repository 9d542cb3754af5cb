"""`genlab doctor`: versions, devices and folders of this machine, for a bug report, without secrets."""

import argparse
import importlib.metadata
import netrc
import os
import platform
import shutil
from pathlib import Path
from urllib.parse import urlsplit

import torch
import torch.distributed
from lightning.fabric.plugins.environments.slurm import SLURMEnvironment

import genlab
from genlab import runs
from genlab.data.files.berkeley import CYCLEGAN, PIX2PIX
from genlab.data.files.places import cache_folder, data_folder
from genlab.errors import GenlabError

LIBRARIES = (
    "torch",
    "torchvision",
    "lightning",
    "torchmetrics",
    "jsonargparse",
    "numpy",
    "scipy",
    "scikit-learn",
    "pillow",
    "wandb",
    "tensorboard",
)
SETTINGS = ("GENLAB_DATA_DIR", "GENLAB_CACHE_DIR", "CUDA_VISIBLE_DEVICES", "OMP_NUM_THREADS", "WANDB_MODE")
"""Environment variables that hold no secret."""
GIGA = 1e9

Section = dict[str, str]


def main(args: argparse.Namespace) -> None:
    """Print a page about this machine."""
    sections = {
        "versions": versions(),
        "devices": devices(),
        "data": data(),
        "trackers": trackers(),
        "runs": {"newest": newest_run()},
        "environment": environment(),
    }
    for title, section in sections.items():
        print(title)
        for name, value in section.items():
            print(f"  {name:20} {value}")


def versions() -> Section:
    """Return the versions of genlab, Python, the system, and the libraries that genlab needs."""
    found = {"genlab": genlab.__version__, "Python": platform.python_version(), "system": platform.platform()}
    for library in LIBRARIES:
        try:
            found[library] = importlib.metadata.version(library)
        except importlib.metadata.PackageNotFoundError:
            found[library] = "is missing: pip install genlab"
    return found


def devices() -> Section:
    """Return the processors, with the values of `--trainer.precision` that suit each."""
    found = {
        "CPU": f"{os.cpu_count()} cores, {torch.get_num_threads()} threads; {platform.machine()}; 32-true, bf16-mixed"
    }
    for number in range(torch.cuda.device_count()):
        gpu = torch.cuda.get_device_properties(number)
        bf16 = "bf16-mixed, " if gpu.major >= 8 else ""
        found[f"GPU {number}"] = (
            f"{gpu.name}, {gpu.total_memory / GIGA:.0f} GB, compute capability {gpu.major}.{gpu.minor}; "
            f"32-true, {bf16}16-mixed"
        )
    if torch.backends.mps.is_available():
        found["MPS"] = "32-true, 16-mixed"
    if not torch.cuda.is_available():
        found["CUDA"] = f"none for this torch, which is built for {torch.version.cuda or 'none'}"
    backends = {"nccl": torch.distributed.is_nccl_available(), "gloo": torch.distributed.is_gloo_available()}
    found["several processes"] = ", ".join(name for name, there in backends.items() if there) or "none"
    found["SLURM"] = "a job" if SLURMEnvironment.detect() else "no job"
    return found


def data() -> Section:
    """Return the data sets and caches, and their folders."""
    sets, caches = data_folder(None), cache_folder(None)
    there = [name for name in ("MNIST", "frey_faces", "celeba", *PIX2PIX, *CYCLEGAN) if (sets / name).is_dir()]
    return {
        "data sets": f"{', '.join(there) or 'none'} in {place(sets)}",
        "decoded images": f"{len(list(caches.glob('*x*-*')))} caches in {place(caches)}",
    }


def place(folder: Path) -> str:
    """Describe a folder and the free space on its disk."""
    if not folder.is_dir():
        return f"{short(folder)}, which is not there"
    return f"{short(folder)}, {shutil.disk_usage(folder).free / GIGA:.0f} GB free"


def trackers() -> Section:
    """Return whether a W&B account is configured, without naming it."""
    try:
        import wandb
    except ImportError as error:
        return {"W&B": f"cannot be imported: {error}"}
    host = urlsplit(wandb.Settings().base_url).hostname or ""
    try:
        known = netrc.netrc().authenticators(host) is not None
    except (OSError, netrc.NetrcParseError):
        known = False
    account = known or bool(os.environ.get("WANDB_API_KEY"))
    return {"W&B": "an account is configured" if account else "no account: runs stay offline"}


def environment() -> Section:
    """Return settings made by environment variables."""
    return {name: short(os.environ[name]) for name in SETTINGS if name in os.environ} or {
        "settings": f"none of {', '.join(SETTINGS)}"
    }


def newest_run() -> str:
    """Return the run that tools open by default."""
    try:
        return str(runs.newest_run())
    except GenlabError:
        return "none in ./runs"


def short(path: str | Path) -> str:
    """Shorten the home folder in a path to ~, to keep the user's name out of reports."""
    home = Path.home()
    return str("~" / Path(path).relative_to(home)) if Path(path).is_relative_to(home) else str(path)
