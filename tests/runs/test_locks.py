"""Only one process at a time trains a run."""

import json
import time
from pathlib import Path
from unittest.mock import MagicMock

import filelock
import pytest
import torch

import genlab
from genlab import runs
from genlab.cli import main
from tests.processes import running


def test_a_run_that_trains_is_locked(own, refused):
    with runs.training(own):
        told = refused("fit", "--config=vae_digits.yaml", "--ckpt_path=last", "--trainer.max_epochs=4")
        assert "runs/vae_digits/0 is being trained by another process; wait until it ends" in told
        main(["fit", "--config=vae_digits.yaml", "--config=overlays/smoke.yaml"])
        assert Path("runs/vae_digits/1/checkpoints/last.ckpt").exists()
        main(["reconstruct", "--ckpt", str(own)])
    assert torch.load(own / "checkpoints" / "last.ckpt", weights_only=True)["epoch"] == 2


def test_of_two_that_resume_a_run_one_trains_it_and_the_other_gets_one_line(own, refused):
    resume = ["fit", "--config=vae_digits.yaml", "--ckpt_path=last", "--trainer.max_epochs=4"]
    waits = {"class_path": "tests.accidents.Waiting", "init_args": {"step": 68}}
    with running(main, [*resume, f"--trainer.callbacks={json.dumps(waits)}"]) as (first, _):
        while not Path("waiting").exists():
            assert first.is_alive()
            time.sleep(0.05)
        assert "is being trained by another process" in refused(*resume)
        Path("waiting").unlink()
    assert first.exitcode == 0
    assert torch.load(own / "checkpoints" / "last.ckpt", weights_only=True)["global_step"] == 88


def test_the_lock_of_a_process_that_was_killed_holds_nothing(own):
    hold = f"""
import time
from pathlib import Path
from genlab import runs
with runs.training(Path({str(own)!r})):
    print("held", flush=True)
    time.sleep(60)
"""
    with running(exec, hold, {}) as (process, printed):
        assert printed.readline() == "held\n"
        with pytest.raises(genlab.GenlabError, match="another process"), runs.training(own):
            pass
        process.kill()
    with runs.training(own):
        pass


def test_a_file_system_without_locks_trains_with_a_warning(own, monkeypatch):
    monkeypatch.setattr(filelock.FileLock, "acquire", MagicMock(side_effect=NotImplementedError))
    with pytest.warns(UserWarning, match="has no locks: do not let two processes resume it at once"):
        main(["fit", "--config=vae_digits.yaml", "--ckpt_path=last", "--trainer.max_epochs=4"])
    assert torch.load(own / "checkpoints" / "last.ckpt", weights_only=True)["epoch"] == 3


def test_a_run_that_cannot_be_locked_is_not_trained(own, refused):
    (own / runs.LOCK).unlink(missing_ok=True)  # depending on its version, filelock keeps or removes it
    (own / runs.LOCK).mkdir()
    told = refused("fit", "--config=vae_digits.yaml", "--ckpt_path=last", "--trainer.max_epochs=4")
    assert "runs/vae_digits/0 cannot be locked for training: Is a directory" in told
    assert torch.load(own / "checkpoints" / "last.ckpt", weights_only=True)["epoch"] == 2
