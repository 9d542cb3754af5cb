"""Runs of every family that genlab 0.1.0 trained, in `runs_of_0_1_0`: two epochs of three batches of digits each.

Each has an `expected.npz` with its results in that version: outputs for `DIGITS` and seed 0, and the norms of all
weights ("after/") after resuming it to its end. They are compared up to rounding, which differs between processors.
"""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from jsonargparse._util import import_object
from torch import Tensor

import genlab
from genlab.cli import main
from genlab.hparams import dotted_name

RUNS = Path(__file__).parent / "runs_of_0_1_0"
FAMILIES = sorted(run.name for run in RUNS.iterdir())
DIGITS = torch.linspace(0, 1, 4 * 64).view(4, 1, 8, 8)


def outputs(model) -> Iterator[tuple[str, Tensor]]:
    """Yield a model's outputs for `DIGITS` and seed 0, by name."""
    if hasattr(model, "translate"):
        for direction in model.directions:
            name = direction if len(model.directions) > 1 else "translate"
            yield name, model.translate(DIGITS, direction=direction, seed=0)
        return
    seen = model.given(torch.arange(4)) if hasattr(model, "given") else model
    if hasattr(seen, "sample"):
        yield "sample", seen.sample(4, seed=0)
    if hasattr(seen, "encode"):
        yield "code", seen.encode(DIGITS)
        yield "reconstruction", seen.reconstruct(DIGITS)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_run_of_the_version_before_is_used_as_it_was(family):
    run = RUNS / family / "0"
    expected = np.load(run / "expected.npz")
    found = dict(outputs(genlab.load(run)))
    assert {*found} == {name for name in expected if not name.startswith("after/")}
    for name, value in found.items():
        np.testing.assert_allclose(value, expected[name], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_run_of_the_version_before_is_resumed_as_it_would_have_gone_on(family, working_folder):
    run = Path(shutil.copytree(RUNS / family / "0", f"runs/{family}/0"))
    epochs = 4 if family == "stacked" else 3
    main(["fit", f"--config={run / 'config.yaml'}", f"--ckpt_path={run}", f"--trainer.max_epochs={epochs}"])
    checkpoint = torch.load(run / "checkpoints" / "last.ckpt", weights_only=True)
    expected = np.load(run / "expected.npz")
    weights = {name: value for name, value in checkpoint["state_dict"].items() if name != "_extra_state"}
    assert {*weights} == {name.removeprefix("after/") for name in expected if name.startswith("after/")}
    for name, value in weights.items():
        norm = expected[f"after/{name}"]
        if norm > 0.01:  # smaller ones are biases that normalisation cancels: their gradients are rounding errors
            np.testing.assert_allclose(value.double().norm(), norm, rtol=1e-4)
    recorded = repr([checkpoint["hyper_parameters"], checkpoint["datamodule_hyper_parameters"]])
    paths = re.findall(r"'(genlab\.[\w.]+)'", recorded)
    assert [path for path in paths if dotted_name(import_object(path)) != path] == []


def test_a_config_that_leaves_it_open_whether_adam_is_fused_resumes_a_run_that_was_not(working_folder):
    run = Path(shutil.copytree(RUNS / "gan" / "0", "runs/gan/0"))
    text = (run / "config.yaml").read_text()
    Path("mine.yaml").write_text(text.replace("        fused: false\n", ""))
    assert text.count("fused: false") == 2
    main(["fit", "--config=mine.yaml", f"--ckpt_path={run}", "--trainer.max_epochs=3"])
    checkpoint = torch.load(run / "checkpoints" / "last.ckpt", weights_only=True)
    assert [state["param_groups"][0]["fused"] for state in checkpoint["optimizer_states"]] == [False, False]


def test_a_class_whose_file_is_gone_is_found_by_its_public_path(tmp_path):
    checkpoint = torch.load(RUNS / "vae" / "0" / "checkpoints" / "last.ckpt", weights_only=True)
    parameters = checkpoint["hyper_parameters"]
    parameters["_class_path"] = "genlab.models.gone.VAE"
    parameters["encoder"]["class_path"] = "genlab.networks.gone.MLPEncoder"
    torch.save(checkpoint, tmp_path / "old.ckpt")
    assert isinstance(genlab.load(tmp_path / "old.ckpt"), genlab.VAE)
    parameters["encoder"]["class_path"] = "genlab.networks.gone.Gone"
    torch.save(checkpoint, tmp_path / "old.ckpt")
    with pytest.raises(genlab.GenlabError, match=r"genlab.networks.gone"):
        genlab.load(tmp_path / "old.ckpt")
