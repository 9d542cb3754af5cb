"""`genlab evaluate` on trained models."""

import json
from pathlib import Path

import pytest
import torch

import genlab
from genlab.cli import main


def test_the_likelihood_of_test_images_is_estimated(run, capsys):
    main(["evaluate", "--ckpt", str(run), "--samples", "300", "--out", "found.json"])
    found = json.loads(Path("found.json").read_text())
    assert capsys.readouterr().out.splitlines()[-1] == "found.json"
    assert (found["model"], found["likelihood"], found["test_images"], found["samples"]) == (
        "VAE",
        "Bernoulli",
        180,
        300,
    )
    data, model = genlab.Digits(), genlab.load(run)
    data.setup()
    x = data.test_set[torch.arange(180)]["image"]
    expected = model.log_likelihood(x, 300).mean()
    assert found["log_likelihood"] == pytest.approx(expected.item(), abs=0.1)
    assert found["bits_per_dim"] == pytest.approx(-expected.item() / 64 / 0.6931, abs=0.01)
    torch.manual_seed(0)
    assert found["elbo"] == pytest.approx(model.evidence(x)["elbo"].item(), abs=1)
    assert found["elbo"] < found["log_likelihood"]


def test_some_images_again_and_the_same_figures(run, refused):
    for name in ("one", "two"):
        main(["evaluate", "--ckpt", str(run), "--samples", "20", "--limit", "30", "--out", f"{name}.json"])
    assert json.loads(Path("one.json").read_text()) == json.loads(Path("two.json").read_text())
    assert json.loads(Path("one.json").read_text())["test_images"] == 30
    assert "one.json is there already" in refused("evaluate", "--ckpt", str(run), "--out", "one.json")


def test_an_autoencoder_has_no_likelihood(refused):
    main(["fit", "--config", "autoencoder_digits.yaml", "--config", "overlays/smoke.yaml"])
    assert "the Autoencoder in runs/autoencoder_digits/0/checkpoints/best.ckpt cannot estimate likelihoods" in refused(
        "evaluate"
    )
