"""`genlab probe` on trained models."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA
from sklearn.metrics import roc_auc_score

import genlab
from genlab.cli import main


def metrics(path="probe.json"):
    return json.loads(Path(path).read_text())


def test_a_models_codes_are_compared_with_pca_and_pixels(run, capsys):
    main(["probe", "--ckpt", str(run), "--out", "probe.json", "--draws", "2", "--labels", "1,20,500,all"])
    output, found = capsys.readouterr(), metrics()
    told = output.out
    assert told.splitlines()[-1] == "probe.json"
    assert (found["model"], found["data"], found["code_size"]) == ("VAE", "Digits", 2)
    assert (found["training_images"], found["test_images"]) == (1437, 180)
    data, model = genlab.Digits(), genlab.load(run)
    data.setup()
    train, test = (images[torch.arange(len(images))]["image"] for images in (data.train_set, data.test_set))
    pca = PCA(2).fit(train.flatten(1))
    linear = pca.inverse_transform(pca.transform(test.flatten(1)))
    expected = {"codes": model.reconstruct(test).detach().flatten(1), "PCA-2": torch.from_numpy(linear)}
    for name, images in expected.items():
        error = float((images - test.flatten(1)).square().sum(1).mean())
        assert found["reconstruction"][name]["squared error"]["mean"] == pytest.approx(error, rel=1e-3)
        assert any(abs(float(mean) - error) < 0.02 for mean in re.findall(r"(\d+\.\d+) ± 0\.\d+", told))
    for view in ("codes", "PCA-2", "pixels"):
        row = found["few_labels"][view]
        assert set(row) == {"1", "20", "all"}  # no class has 500 images
        assert 0.1 < row["1"]["mean"] < row["20"]["mean"]
    everything = found["few_labels"]["pixels"]["all"]
    assert everything["mean"] > 0.9
    assert everything["standard_error"] == pytest.approx((everything["mean"] * (1 - everything["mean"]) / 180) ** 0.5)
    drawn = found["few_labels"]["codes"]["1"]  # drawn twice
    expected = drawn["std"] ** 2 + drawn["mean"] * (1 - drawn["mean"]) / 180
    assert drawn["standard_error"] == pytest.approx(expected**0.5)
    progress = output.err
    assert "Classifying: 100%" in progress
    assert "15/15" in progress
    assert "Clustering: 100%" in progress
    assert progress.endswith("\n")
    assert set(found["clusters"]) == {f"{m} of {v}" for m in ("k-means", "GMM", "spectral") for v in ("codes", "PCA-2")}
    assert "outliers" not in found


def test_metrics_are_never_overwritten_unasked(run, refused):
    Path("probe.json").write_text("mine")
    assert "probe.json already exists; give --force" in refused("probe", "--ckpt", str(run), "--out", "probe.json")
    assert Path("probe.json").read_text() == "mine"


def test_outliers_are_told_for_a_model_that_never_saw_a_class():
    data = '{"class_path": "WithoutClass", "init_args": {"data": {"class_path": "Digits"}, "label": 0}}'
    main(["fit", "--config", "autoencoder_digits.yaml", "--data", data, "--trainer.max_epochs=20"])
    main(["probe", "--labels", "5", "--draws", "1"])
    found = metrics("runs/autoencoder_digits-withoutclass/0/probe.json")
    data = genlab.Digits()
    data.setup()
    test = data.test_set[torch.arange(180)]
    errors = (genlab.load().reconstruct(test["image"]) - test["image"]).square().flatten(1).sum(1).detach()
    expected = roc_auc_score(test["label"] == 0, errors)
    assert found["outliers"]["codes"]["AUROC"] == pytest.approx(expected, abs=1e-3)
    assert expected > 0.6
    assert found["few_labels"]["pixels"]["5"]["mean"] > 0.5


def test_attributes_are_classes_too(refused):
    main(["fit", "--config", "autoencoder_celeba.yaml", "--config", "overlays/smoke.yaml", "--model.code_size=4"])
    assert "CelebA has no attribute Smile; did you mean Smiling?" in refused("probe", "--attribute", "Smile")
    main(["probe", "--attribute", "Smiling", "--labels", "3", "--limit", "50", "--out", "smile.json"])
    found = metrics("smile.json")
    assert found["training_images"] == 50
    assert np.isfinite(found["few_labels"]["codes"]["3"]["mean"])
    main(["probe", "--limit", "30"])
    assert "few_labels" not in metrics("runs/autoencoder_celeba/0/probe.json")


def test_counts_of_labels_are_numbers_or_all(refused):
    assert "argument --labels: invalid" in refused("probe", "--labels", "1,some")


def test_few_images_of_which_no_class_was_seen_are_judged_without_labels(run, refused):
    main(["probe", "--ckpt", str(run), "--limit=2", "--out=two.json"])
    found = json.loads(Path("two.json").read_text())
    assert "reconstruction" in found
    assert "few_labels" not in found
    assert "give --limit 2 or more" in refused("probe", "--ckpt", str(run), "--limit=1", "--out=one.json")
