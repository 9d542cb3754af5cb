"""`genlab evaluate` on trained models."""

import contextlib
import json
import math
import re
import shutil
import sys
from pathlib import Path

import pytest
import torch
from torchmetrics.functional.image import structural_similarity_index_measure

import genlab
from genlab.cli import main
from tests.data.pictures import write_image, write_images


def test_the_likelihood_of_test_images_is_estimated(run, capsys):
    main(["evaluate", "--ckpt", str(run), "--samples", "300", "--out", "found.json"])
    found = json.loads(Path("found.json").read_text())
    told = capsys.readouterr().out
    assert told.splitlines()[-1] == "found.json"
    value, error = re.search(r"^log likelihood +(-\d+\.\d+) +(\d\.\d+)$", told, re.M).groups()
    assert float(value) == pytest.approx(found["log_likelihood"], abs=0.1)
    assert float(error) == pytest.approx(found["log_likelihood_standard_error"], abs=0.1)
    bits = found["log_likelihood_standard_error"] / 64 / math.log(2)
    assert found["bits_per_dim_standard_error"] == pytest.approx(bits, rel=1e-3)
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


def test_how_a_model_was_judged_is_written(run):
    limits = ["--samples=3", "--limit=5"]
    main(["evaluate", "--ckpt", str(run), *limits, "--split=train", "--data=Digits", "--data.seed=3", "--out=a.json"])
    found = json.loads(Path("a.json").read_text())
    assert found["options"] == "--data Digits --split train --data.seed=3"
    assert found["train_images"] == 5
    assert "test_images" not in found


def test_samples_are_not_compared_with_training_images_twice(run):
    with pytest.warns(UserWarning, match="few"):
        main(["evaluate", "--ckpt", str(run), "--fid", "--limit=20", "--split=train", "--out=a.json"])
    found = json.loads(Path("a.json").read_text())
    assert found["fid"] > 0
    assert not [name for name in found if name.endswith("of_training_images")]


def test_a_split_that_is_too_small_is_said_before_a_classifier_is_trained(run, refused, monkeypatch, tmp_path):
    monkeypatch.setenv("GENLAB_CACHE_DIR", str(tmp_path / "cache"))
    write_images(Path("few"), 30, mode="L")
    few = ["--data=ImageFolder", "--data.folder=few", "--data.image_size=8", "--data.channels=1"]
    told = refused("evaluate", "--ckpt", str(run), "--fid", *few, "--out=a.json")
    assert "3 images are too few to compare, which takes 10; give another --split, or more images" in told
    assert not [*(tmp_path / "cache").glob("classifier-*")]


def test_some_images_again_and_the_same_metrics(run, refused):
    for name in ("one", "two"):
        main(["evaluate", "--ckpt", str(run), "--samples", "20", "--limit", "30", "--out", f"{name}.json"])
    assert json.loads(Path("one.json").read_text()) == json.loads(Path("two.json").read_text())
    assert json.loads(Path("one.json").read_text())["test_images"] == 30
    assert "one.json already exists" in refused("evaluate", "--ckpt", str(run), "--out", "one.json")


def test_metrics_measured_in_another_way_are_kept(run, working_folder, capsys):
    own = Path(shutil.copytree(run, "runs/vae_digits/0"))

    def evaluated(*options: str) -> str:
        main(["evaluate", "--limit=20", *options])
        return "\n".join(capsys.readouterr().out.splitlines()[-2:])

    def measured(name: str) -> tuple[int | None, bool]:
        found = json.loads((own / name).read_text())
        return found.get("samples"), "fid" in found

    for _ in range(2):
        assert "kept" not in evaluated("--samples=3")
    with pytest.warns(UserWarning, match="few"):
        assert evaluated("--fid").startswith(f"earlier metrics are kept in {own}/evaluate-1.json\n{own}/evaluate.json")
    assert measured("evaluate-1.json") == (3, False)
    assert "evaluate-2.json" in evaluated("--samples=4")
    assert "evaluate-3.json" in evaluated("--samples=3")
    assert "evaluate-1.json" in evaluated("--samples=4")  # which had metrics measured like those of the run
    assert sorted(file.name for file in own.glob("*.json")) == [
        *(f"evaluate-{number}.json" for number in (1, 2, 3)),
        "evaluate.json",
    ]
    assert [measured(f"evaluate{end}.json") for end in ("-1", "-3", "")] == [(3, False), (4, False), (4, False)]
    assert measured("evaluate-2.json")[1]
    (own / "evaluate.json").write_text("notes")
    assert "evaluate-4.json" in evaluated("--samples=3")
    assert (own / "evaluate-4.json").read_text() == "notes"
    assert "kept" not in evaluated("--samples=9", f"--out={own}/evaluate.json", "--force")


def test_metrics_are_computed_in_full_precision(run, monkeypatch):
    before, seen = torch.backends.cudnn.allow_tf32, []
    monkeypatch.setattr(
        "genlab.commands.evaluate.write_metrics", lambda _: seen.append(torch.backends.cudnn.allow_tf32)
    )
    main(["evaluate", "--ckpt", str(run)])
    assert seen == [False]
    assert torch.backends.cudnn.allow_tf32 == before


def test_an_autoencoder_is_judged_by_its_reconstructions(capsys):
    smoke = ["--config", "overlays/smoke.yaml"]
    main(["fit", "--config", "denoising_mnist.yaml", *smoke])
    main(["evaluate"])
    found = json.loads(Path("runs/denoising_mnist/0/evaluate.json").read_text())
    model, data = genlab.load(), genlab.MNIST()
    data.setup("test")
    x = data.test_set[torch.arange(100)]["image"]
    with torch.no_grad():
        y = model.reconstruct(x)
    absolute, squared = ((y - x).abs().flatten(1).mean(1), (y - x).square().flatten(1).mean(1))
    for name, values in (("l1", absolute), ("mse", squared)):
        assert found[name] == pytest.approx(values.mean().item(), rel=1e-4)
        assert found[f"{name}_standard_error"] == pytest.approx(values.std().item() / 10, rel=1e-3)
    ssim = structural_similarity_index_measure(y, x, data_range=1.0).item()
    assert found["ssim"] == pytest.approx(ssim, abs=0.03)  # torchmetrics pads the images' borders
    with torch.no_grad():
        restored = model.reconstruct(model.corrupt(x, torch.Generator().manual_seed(0)))
    assert found["mse_from_corrupted"] == pytest.approx((restored - x).square().mean().item(), rel=1e-4)
    assert found["mse_from_corrupted"] != found["mse"]
    assert found["images"] == "100 images of the test split, values in [0, 1]"
    assert re.search(r"^mse +0\.\d+ +0\.\d+$", capsys.readouterr().out, re.M)
    main(["fit", "--config", "autoencoder_digits.yaml", *smoke])
    main(["evaluate", "--limit", "1"])
    found = json.loads(Path("runs/autoencoder_digits/0/evaluate.json").read_text())
    assert found["images"].startswith("1 image of")
    assert "ssim" not in found  # images are smaller than its window
    assert not any(name.endswith("standard_error") for name in found)


@pytest.fixture(scope="module")
def players(tmp_path_factory) -> Path:
    """A GAN of digits, trained for an epoch, in a folder that also keeps the classifier."""
    folder = tmp_path_factory.mktemp("players")
    with contextlib.chdir(folder):
        main(["fit", "--config", "gan_digits.yaml", "--trainer.max_epochs=1"])
    return folder / "runs" / "gan_digits" / "0"


def test_samples_are_judged_by_a_classifier_that_is_trained_once_and_kept(players, capsys, monkeypatch, tmp_path):
    monkeypatch.setenv("GENLAB_CACHE_DIR", str(tmp_path / "cache"))
    with pytest.warns(UserWarning, match="180 images are few: FID and KID are unreliable below 2,048"):
        main(["evaluate", "--ckpt", str(players), "--out", "one.json"])
    (kept,) = (tmp_path / "cache").glob("classifier-*.pt")
    before = kept.stat().st_mtime_ns
    with pytest.warns(UserWarning, match="180 images are few"):
        main(["evaluate", "--ckpt", str(players), "--out", "two.json"])
    assert kept.stat().st_mtime_ns == before
    found = json.loads(Path("one.json").read_text())
    assert found == json.loads(Path("two.json").read_text())
    assert found["images"] == "180 samples, 180 images of the test split"
    assert found["resize"] == "none"
    assert "classifier of Digits's labels, right about 9" in found["extractor"]
    assert found["fid"] > 3 * found["fid_of_training_images"]
    assert 0 < found["kid_standard_error"] < found["kid"]
    assert 0 < found["kid_of_training_images_standard_error"] < found["kid_standard_error"]
    lines = capsys.readouterr().out.splitlines()
    assert next(line for line in lines if line.startswith("fid ")).endswith("not known")
    assert re.fullmatch(r"kid of training images +-?0\.\d+ +0\.\d+", next(x for x in lines if x.startswith("kid of")))
    assert found["classes_hit"].endswith("of 10")
    assert 0 <= found["precision"] <= 1


def test_samples_are_judged_by_the_codes_of_any_model_that_encodes(players, run, refused):
    with pytest.warns(UserWarning, match="few"):
        main(["evaluate", "--ckpt", str(players), "--features", str(run), "--out", "codes.json"])
    assert json.loads(Path("codes.json").read_text())["extractor"].startswith("codes of the VAE in")
    assert "does not encode" in refused(
        "evaluate", "--ckpt", str(players), "--features", str(players), "--out", "more.json"
    )


def test_metrics_that_cannot_be_measured_are_refused(players, run, refused):
    evaluate = ["evaluate", "--out", "none.json", "--ckpt"]
    assert "10 or more" in refused(*evaluate, str(players), "--limit", "3")
    assert "--samples is for likelihoods" in refused(*evaluate, str(players), "--samples", "7")
    main(["fit", "--config", "vae_mnist.yaml", "--config", "overlays/smoke.yaml"])
    assert "does not encode images of shape (1, 8, 8)" in refused(
        *evaluate, str(players), "--features", "runs/vae_mnist/0"
    )
    assert not Path("none.json").exists()


def test_a_condition_for_a_model_without_any_is_refused(players, refused):
    evaluate = ["evaluate", "--out", "none.json", "--condition", "3", "--ckpt"]
    assert "the GAN in " in refused(*evaluate, str(players))
    assert "takes no conditions" in refused(*evaluate, str(players))


def test_samples_of_a_model_with_a_likelihood_are_judged_when_that_is_asked_for(run):
    with pytest.warns(UserWarning, match="few"):
        main(["evaluate", "--ckpt", str(run), "--fid", "--limit", "100", "--out", "vae.json"])
    assert json.loads(Path("vae.json").read_text())["images"].startswith("100 samples")


def test_without_inception_attributes_are_enough_and_nothing_is_not(monkeypatch, capsys, refused):
    def nowhere(*arguments):
        raise ModuleNotFoundError("no torch-fidelity")

    monkeypatch.setattr("genlab.evaluation.extractors.NoTrainInceptionV3", nowhere)
    monkeypatch.setitem(sys.modules, "efficientnet_lite_pytorch", None)
    monkeypatch.setattr("genlab.evaluation.extractors.STEPS", 5)
    options = ["--config", "overlays/smoke.yaml", "--model.generator.channels=4", "--model.discriminator.channels=4"]
    networks = ["--model.generator=DCGANGenerator", "--model.discriminator=DCGANDiscriminator"]
    main(["fit", "--model=CGAN", "--data=CelebA", "--data.image_size=16", *networks, *options])
    with (
        pytest.warns(UserWarning, match="few"),
        pytest.warns(
            UserWarning,
            match=r"Inception is not available .*EfficientNet-Lite0 is not.*; using a classifier of attributes",
        ),
    ):
        main(["evaluate"])
    out = capsys.readouterr().out
    assert "classifier of CelebA's attributes" in out
    assert "classes hit" not in out
    main(["fit", "--model=GAN", "--data=FreyFaces", *networks, *options])
    assert "or compare codes of a trained model, with --features CHECKPOINT" in refused("evaluate")
    assert "has no labels to train a classifier on" in refused("evaluate", "--features", "classifier")
    assert "it needs `pip install torch-fidelity`" in refused("evaluate", "--features", "inception")


@pytest.mark.parametrize(
    ("tool", "ending"),
    [
        (["evaluate"], ".json"),
        (["evaluate", "--input", "a.png"], ".csv"),
        (["probe"], ".json"),
        (["predict", "--input", "a.png"], ".npz"),
    ],
)
def test_a_file_that_would_hold_something_else_than_its_name_says_is_refused(tool, ending, run, refused):
    write_image(Path("a.png"), size=(8, 8))
    told = refused(*tool, "--ckpt", str(run), "--out", "found.png")
    assert f"found.png would hold {ending[1:].upper()}; give a name that ends in {ending}" in told
    assert not Path("found.png").exists()
