"""Tools on VQ-VAEs: samples of a class, colour grids of codes, vectors as codes, description lengths."""

import json
import re
import shlex
from pathlib import Path

import numpy as np
import pytest
import torch

import genlab
from genlab.cli import main
from tests.data.pictures import write_image

TINY = {"channels": 8, "halvings": 1, "blocks": 1}


@pytest.fixture(scope="module")
def vqvae(tmp_path_factory) -> Path:
    """A VQ-VAE of digits with a prior conditioned on labels, each trained for an epoch."""
    folder = tmp_path_factory.mktemp("vqvae")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        stages = [f"--model.{stage}=[{{epochs: 1, lr: 3.0e-3}}]" for stage in ("autoencoder", "prior")]
        options = ["--model.quantizer.codes=16", "--pictures.every_n_epochs=0", "--trainer.enable_progress_bar=false"]
        main(["fit", "--config=vqvae_digits.yaml", *stages, *options])
    return folder / "runs" / "vqvae_digits" / "0"


def test_samples_are_of_the_class_asked_for(vqvae, tiles, capsys):
    main(["sample", f"--ckpt={vqvae}", "--condition=7", "--count=3", "--columns=3", "--out=a.npz"])
    assert re.search(r"Sampling: +\d+%", capsys.readouterr().err)
    model = genlab.load(vqvae)
    truth = model.sample(3, condition=7, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(torch.tensor(tiles("a.npz"))[0], truth)
    main(["sample", f"--ckpt={vqvae}", "--columns=2", "--out=b.npz"])
    assert tiles("b.npz").shape[:2] == (10, 2)


def test_faces_are_edited_along_attributes_by_the_vectors_of_their_codes(tiles):
    small = [f"--model.{part}.{name}={value}" for part in ("encoder", "decoder") for name, value in TINY.items()]
    options = ["--data.image_size=16", "--model.autoencoder=[{epochs: 1}]", "--model.prior=[]", "--data.batch_size=50"]
    main(["fit", "--config=vqvae_celeba.yaml", *options, *small, "--trainer.enable_progress_bar=false"])
    main(["edit", "--attribute=Smiling", "--strength=-1..1", "--steps=3", "-n=2", "--out=edit.npz"])
    drawn = tiles("edit.npz")
    assert drawn.shape == (2, 4, 3, 16, 16)
    assert np.abs(drawn[:, -1] - drawn[:, -3]).max() > 1e-5


def test_images_of_ones_own_need_no_condition_and_show_their_codes(vqvae, tiles):
    write_image(Path("own.png"), size=(8, 8))
    main(["reconstruct", f"--ckpt={vqvae}", "--input=own.png", "--out=a.npz"])
    original, output, codes = torch.tensor(tiles("a.npz"))[:, 0]
    model = genlab.load(vqvae)
    torch.testing.assert_close(output[:1], model.reconstruct(original[None, :1])[0])
    grid = model.encode(original[:1])
    colours = codes[:, ::2, ::2].movedim(0, -1)
    for code in grid.unique():
        assert len(colours[grid == code].unique(dim=0)) == 1
    assert len(colours.flatten(0, 1).unique(dim=0)) == len(grid.unique())


def test_a_description_is_measured_in_nats_and_bits_and_codes_are_counted(vqvae):
    main(["evaluate", f"--ckpt={vqvae}", "--out=found.json", "--limit=60"])
    found = json.loads(Path("found.json").read_text())
    model, data = genlab.load(vqvae), genlab.Digits()
    data.setup("test")
    order = torch.randperm(len(data.test_set), generator=torch.Generator().manual_seed(0))[:60].sort().values
    batch = data.test_set[order]
    codes = model.encode(batch["image"])
    shares = np.bincount(codes.flatten().numpy(), minlength=16) / codes.numel()
    assert found["codes_used"] == (shares > 0).sum()
    assert found["perplexity"] == pytest.approx(np.exp(-sum(p * np.log(p) for p in shares if p)), rel=1e-4)
    nats = model.given(batch["label"]).description(batch["image"])
    assert found["prior"] == pytest.approx(float(nats["prior"].mean()), rel=1e-4)
    assert found["description_length"] == pytest.approx(float(sum(nats.values()).mean()), rel=1e-4)
    assert found["bits_per_dim"] == pytest.approx(found["description_length"] / 64 / np.log(2), rel=1e-4)
    assert found["prior_of_codes"] == "learned"
    assert {"psnr", "l1", "mse", "reconstruction", "images", "likelihood"} < set(found)


@pytest.mark.parametrize(
    "line", ["interpolate --count 2 --steps 3", "interpolate --between samples --condition 3", "latent"]
)
def test_tools_of_real_codes_take_the_vectors_of_codes(vqvae, line):
    main([*line.split(), f"--ckpt={vqvae}", "--out=a.png"])
    assert Path("a.png").exists()


@pytest.mark.parametrize("line", ["traverse", "sample --prior gaussian"])
def test_other_tools_say_what_codes_are(vqvae, refused, line):
    told = refused(*line.split(), f"--ckpt={vqvae}")
    assert "codes of the VQVAE are whole numbers" in told or "has a prior of its own" in told


def test_without_a_prior_a_sample_prints_a_command_that_trains_one(refused):
    stages = ["--model.prior=[]", "--model.conditional=false", "--data.batch_size=50"]
    main(["fit", "--config=vqvae_digits.yaml", "--config=overlays/smoke.yaml", *stages])
    told, command = refused("sample").split("has no prior of its codes yet; train one: genlab ")
    assert "VQVAE" in told
    words = shlex.split(command)
    assert {"--data=Digits", "--data.batch_size=50"} <= {*words}
    small = ["--model.prior=[{epochs: 1}]", "--model.prior_network.layers=1", "--trainer.limit_train_batches=1"]
    main([*words, *small])
    main(["sample", "--count=2", "--out=new.png"])
    assert Path("new.png").exists()


def test_before_the_prior_is_trained_a_sample_prints_the_command_that_trains_it(refused):
    stages = [f"--model.{stage}=[{{epochs: 1}}]" for stage in ("autoencoder", "prior")]
    main(["fit", "--config=vqvae_digits.yaml", "--config=overlays/smoke.yaml", *stages])
    for condition in ([], ["--condition=7"]):
        told = refused("sample", *condition)
        assert "has no prior of its codes yet; train its remaining stages: genlab fit --ckpt_path " in told
    main(shlex.split(told.rpartition(": genlab ")[2]))
    main(["sample", "--condition=7", "--count=2", "--out=new.png"])
    assert Path("new.png").exists()
