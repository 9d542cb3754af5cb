"""Tools on PixelCNNs: samples, completions, exact likelihoods, and refusals."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import genlab
from genlab.cli import main


@pytest.fixture(scope="module")
def conditional(tmp_path_factory) -> Path:
    """A PixelCNN of digits conditioned on labels, hardly trained."""
    folder = tmp_path_factory.mktemp("conditional")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        quick = ["--trainer.max_epochs=1", "--trainer.limit_train_batches=8", "--pictures.every_n_epochs=0"]
        main(["fit", "--config=pixelcnn_digits.yaml", "--model.network.layers=2", *quick])
    return folder / "runs" / "pixelcnn_digits" / "0"


@pytest.fixture
def digits():
    data = genlab.Digits()
    data.setup()
    return data.test_set[torch.arange(len(data.test_set))]


def test_evaluate_averages_the_exact_log_probability_of_each_test_image(conditional, digits, capsys):
    main(["evaluate", f"--ckpt={conditional}", "--out=exact.json"])
    found = json.loads(Path("exact.json").read_text())
    log_probs = genlab.load(conditional).given(digits["label"]).log_prob(digits["image"])
    assert found["log_likelihood"] == pytest.approx(log_probs.mean().item(), rel=1e-5)
    assert found["bits_per_dim"] == pytest.approx(-log_probs.mean().item() / 64 / np.log(2), rel=1e-5)
    assert (found["likelihood"], found["test_images"]) == ("exact, of 17 levels", 180)
    assert "exact, of 17 levels" in capsys.readouterr().out


def test_images_of_ones_own_are_ranked_by_their_probability(conditional, digits):
    for name, image in (("digit", digits["image"][0]), ("noise", torch.rand(1, 8, 8))):
        Image.fromarray((image[0] * 255).byte().numpy()).save(f"{name}.png")
    asked = ["--condition", str(digits["label"][0].item()), "--limit=10"]
    main(["evaluate", f"--ckpt={conditional}", "--input", "digit.png", "noise.png", *asked])
    table = (conditional / "outliers.csv").read_text().splitlines()
    assert "negative log-likelihood" in table[0]
    assert table[1].startswith("noise.png")


def test_samples_are_under_labels_and_completions_keep_the_upper_half(conditional, digits, tiles):
    main(["sample", f"--ckpt={conditional}", "--condition=3", "--count=2", "--out=three.npz"])
    assert tiles("three.npz").shape[-3:] == (1, 8, 8)
    image, lower = digits["image"][0, 0], np.repeat(np.uint8([0, 255]), 4)[:, None].repeat(8, 1)
    Image.fromarray((image * 255).byte().numpy()).save("digit.png")
    Image.fromarray(lower).save("lower.png")
    asked = ["sample", f"--ckpt={conditional}", "--condition=3", "--from-image=digit.png", "--count=3"]
    main([*asked, "--mask=lower.png", "--out=made.npz"])
    made = tiles("made.npz").reshape(-1, 8, 8)
    np.testing.assert_allclose(made[:, :4], np.repeat(image[None, :4], len(made), 0), atol=1 / 32)
    assert len(np.unique(made[:, 4:], axis=0)) == 3


def test_what_cannot_be_is_said_in_a_line(conditional, refused):
    Image.new("L", (8, 8)).save("image.png")
    Image.fromarray(np.eye(8, dtype=np.uint8) * 255).save("diagonal.png")
    asked = ["sample", f"--ckpt={conditional}", "--condition=3", "--from-image=image.png"]
    assert "generates pixels row by row" in refused(*asked, "--mask=diagonal.png")
    assert "cannot sample in steps; it can sample, compute likelihoods under" in refused(*asked)
    assert "does not sample in steps; leave out --steps" in refused("sample", f"--ckpt={conditional}", "--steps=3")
    assert "--samples is for likelihoods that are estimated" in refused(
        "evaluate", f"--ckpt={conditional}", "--samples=5"
    )
    assert "cannot reconstruct" in refused("reconstruct", f"--ckpt={conditional}")
    assert "cannot decode" in refused("interpolate", f"--ckpt={conditional}")
