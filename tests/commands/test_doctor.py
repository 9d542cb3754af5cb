"""What `genlab doctor` prints for a bug report."""

import sys
from pathlib import Path

import torch

import genlab
from genlab.cli import main
from genlab.commands.doctor import SETTINGS


def test_the_page_says_what_there_is(run, capsys, monkeypatch):
    monkeypatch.chdir(run.parents[2])
    main(["doctor"])
    page = capsys.readouterr().out
    found = dict(line.strip().split(maxsplit=1) for line in page.splitlines() if line.startswith("  "))
    assert found["genlab"] == genlab.__version__
    assert found["torch"] == torch.__version__.split("+")[0]
    assert "cores" in found["CPU"]
    assert found["newest"] == "runs/vae_digits/0"
    assert "MNIST, frey_faces, celeba, facades in " in page


def test_nothing_secret_is_on_it(capsys, monkeypatch, working_folder):
    home = working_folder / "a_persons_name"
    home.mkdir()
    (home / "data" / "a_secret_project").mkdir(parents=True)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("GENLAB_DATA_DIR", str(home / "data"))
    monkeypatch.delenv("WANDB_API_KEY", raising=False)
    main(["doctor"])
    page = capsys.readouterr().out
    assert "no account" in page
    assert "none in ~/data, " in page
    monkeypatch.setenv("WANDB_API_KEY", "a_secret_key")
    monkeypatch.setenv("A_SECRET", "a_secret_value")
    main(["doctor"])
    page += capsys.readouterr().out
    assert "an account is configured" in page
    assert "secret" not in page
    assert "a_persons_name" not in page
    assert not Path("runs").exists()


def test_a_tracker_that_cannot_be_imported_is_on_it(capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "wandb", None)
    main(["doctor"])
    assert "W&B                  cannot be imported: " in capsys.readouterr().out


def test_every_heading_has_something_below_it(capsys, monkeypatch):
    for name in SETTINGS:
        monkeypatch.delenv(name, raising=False)
    main(["doctor"])
    lines = capsys.readouterr().out.splitlines()
    for line, below in zip(lines, [*lines[1:], "the end"], strict=True):
        assert line.startswith("  ") or below.startswith("  ")
    assert lines[-1].split()[:3] == ["settings", "none", "of"]
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    main(["doctor"])
    assert capsys.readouterr().out.splitlines()[-1].split() == ["OMP_NUM_THREADS", "7"]
