"""How often a command reads a checkpoint."""

import shutil

import pytest
import torch

from genlab.cli import main
from genlab.cli.trainer import TrainerCLI

QUICK = ["--config=overlays/smoke.yaml", "--trainer.enable_progress_bar=false"]


@pytest.fixture
def loads(monkeypatch, run, working_folder) -> list[object]:
    """Calls of `torch.load`; the tests' run is in runs/digits/0."""
    shutil.copytree(run, "runs/digits/0")
    calls: list[object] = []
    load = torch.load

    def counted(*args, **kwargs):
        calls.append(args[0])
        return load(*args, **kwargs)

    monkeypatch.setattr(torch, "load", counted)
    return calls


@pytest.mark.parametrize(
    "arguments",
    [
        ["fit", "--trust", "--ckpt_path=runs/digits/0", *QUICK, "--trainer.max_epochs=4"],
        ["validate", "--trust", *QUICK],
        ["test", "--trust", "--ckpt_path=runs/digits/0", *QUICK],
        ["predict", "--trust", *QUICK],
        ["predict", "--trust", "--config=vae_digits.yaml", "--ckpt_path=runs/digits/0/checkpoints/last.ckpt", *QUICK],
        ["sample"],
        ["evaluate", "--limit=4", "--samples=2"],
    ],
    ids=" ".join,
)
def test_a_command_reads_its_checkpoint_once(arguments, loads):
    main(arguments)
    assert len(loads) == 1


def test_what_was_read_does_not_stay_in_memory_while_training(loads, monkeypatch):
    kept = []
    monkeypatch.setattr(TrainerCLI, "after_fit", lambda cli: kept.append(cli.checkpoint))
    main(["fit", "--trust", "--ckpt_path=runs/digits/0", *QUICK, "--trainer.max_epochs=4"])
    (checkpoint,) = kept
    assert checkpoint.content == {}
    assert checkpoint.hyperparameters["code_size"] == 2
