"""The command line with two processes on one machine."""

import os
import subprocess
import sys
from pathlib import Path

import torch

import genlab
from genlab.cli import main

from .cli.test_resume import QUICK, accident, differences, last

DDP = ["--config=overlays/ddp.yaml", "--trainer.devices=2", "--trainer.accelerator=cpu"]
PYTHON = [sys.executable, "-m", "genlab"]
TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node=2", "-m", "genlab"]


def fit(launcher: list[str], *arguments: str) -> int:
    """Train, and return the exit status."""
    command = [*launcher, "fit", "--config", "gan_digits.yaml", *DDP, *QUICK, *arguments]
    place = {"PYTHONPATH": str(Path(__file__).parents[1])}
    return subprocess.run(command, env=os.environ | place, capture_output=True, timeout=120).returncode


def test_processes_stop_together_whoever_gets_the_signal_and_go_on_exactly(working_folder):
    assert fit(TORCHRUN) == 0
    assert fit(PYTHON, accident("Signal", step=7, rank=1)) == 143
    assert last("1")["global_step"] in (7, 8)
    assert len(last("1")["random_states"]) == 2
    assert fit(PYTHON, "--ckpt_path=last") == 0
    assert differences(last("0"), last("1")) == []

    assert sorted(path.name for path in Path("runs/gan_digits").iterdir()) == ["0", "1"]
    assert [path.name for path in Path("runs/gan_digits/0/checkpoints").iterdir()] == ["last.ckpt"]
    model = genlab.load("runs/gan_digits/0")
    assert torch.isfinite(model.sample(4)).all()
    main(["validate", "--ckpt_path", "runs/gan_digits/0", "--trainer.enable_progress_bar=false"])
