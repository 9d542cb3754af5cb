"""Tools on Boltzmann machines: samples by Gibbs chains, completions, likelihoods, features and probes."""

import csv
import json
from pathlib import Path

import pytest
import torch
from PIL import Image

import genlab
from genlab.cli import main


@pytest.fixture(scope="module")
def rbm(tmp_path_factory) -> Path:
    """A Boltzmann machine of digits, trained for three epochs."""
    folder = tmp_path_factory.mktemp("rbm")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        options = ["--trainer.max_epochs=3", "--model.hidden=20", "--pictures.every_n_epochs=0"]
        main(["fit", "--config=rbm_digits.yaml", *options, "--trainer.enable_progress_bar=false"])
    return folder / "runs" / "rbm_digits" / "0"


def net(kind, folder, *options) -> Path:
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        quick = ["--model.hidden=[20,15]", "--pictures.every_n_epochs=0", "--trainer.enable_progress_bar=false"]
        main(["fit", f"--model={kind}", "--data=Digits", "--name=net", *quick, *options])
    return folder / "runs" / "net" / "0"


@pytest.fixture(scope="module")
def dbn(tmp_path_factory) -> Path:
    """A deep belief net of digits, hardly trained."""
    return net("DBN", tmp_path_factory.mktemp("dbn"), "--model.pretraining=[{epochs: 2, lr: 0.1}]")


def test_a_deep_belief_net_is_judged_by_its_bound(dbn, capsys):
    main(["evaluate", f"--ckpt={dbn}", "--temperatures=200"])
    assert "log likelihood bound" in capsys.readouterr().out
    found = json.loads((dbn / "evaluate.json").read_text())
    assert found["log_likelihood_bound_low"] < found["log_likelihood_bound"] < found["log_likelihood_bound_high"]
    assert -45 < found["log_likelihood_bound"] < -20


def test_a_net_samples_in_steps_and_unrolls_on_the_command_line(dbn, tiles):
    main(["sample", f"--ckpt={dbn}", "--count=2", "--steps=5", "--strip=3", "--out=a.npz"])
    assert tiles("a.npz").shape[:2] == (2, 3)
    loaded = f"--model.net={{class_path: genlab.load, init_args: {{path: '{dbn}'}}}}"
    tuned = ["--model.fine_tuning=[{epochs: 1}]", "--data=Digits", "--name=deep", "--pictures.every_n_epochs=0"]
    main(["fit", "--model=UnrolledDBN", loaded, *tuned, "--trainer.limit_train_batches=1"])
    main(["reconstruct", "--ckpt=runs/deep", "-n=2", "--out=b.npz"])
    assert tiles("b.npz").shape[1] == 2


def test_labels_are_sampled(tmp_path, tiles, capsys):
    labelled = net("LabelledDBN", tmp_path, "--model.pretraining=[{epochs: 1, lr: 0.1}]")
    main(["test", f"--ckpt_path={labelled}"])
    assert "test/layer2/error_rate" in capsys.readouterr().out
    main(["sample", f"--ckpt={labelled}", "--columns=2", "--steps=2", "--out=a.npz"])
    assert tiles("a.npz").shape[:2] == (10, 2)
    main(["sample", f"--ckpt={labelled}", "--condition=3", "--count=2", "--steps=2", "--out=b.npz"])
    assert tiles("b.npz").shape[:2] == (1, 2)


def test_samples_are_by_as_many_steps_as_asked_for(rbm, tiles):
    def sampled(*options):
        main(["sample", f"--ckpt={rbm}", "--count=3", "--columns=3", "--out=a.npz", "--force", *options])
        return torch.tensor(tiles("a.npz"))[0]

    model = genlab.load(rbm)
    model.sampling = genlab.boltzmann.GibbsSampling(steps=5)
    random = torch.Generator().manual_seed(0)
    torch.testing.assert_close(sampled("--steps=5"), model.sample(3, generator=random))
    model.sampling = genlab.boltzmann.GibbsSampling(steps=5, thinning=2)
    random = torch.Generator().manual_seed(0)
    torch.testing.assert_close(sampled("--steps=5", "--thinning=2"), model.sample(3, generator=random))
    main(["sample", f"--ckpt={rbm}", "--count=2", "--steps=6", "--strip=4", "--out=b.npz"])
    assert tiles("b.npz").shape[:2] == (2, 4)


def test_halves_are_completed(rbm, tiles):
    image = torch.randint(0, 256, (8, 8), dtype=torch.uint8)
    mask = torch.zeros(8, 8, dtype=torch.uint8)
    mask[4:] = 255
    Image.fromarray(image.numpy()).save("image.png")
    Image.fromarray(mask.numpy()).save("mask.png")
    own = ["--from-image=image.png", "--steps=5", "--count=2", "--columns=2"]
    main(["sample", f"--ckpt={rbm}", *own, "--mask=mask.png", "--out=a.npz"])
    made = torch.tensor(tiles("a.npz"))[0, :, 0]
    torch.testing.assert_close(made[:, :4], (image[:4].float() / 255).expand(2, 4, 8))
    assert not torch.equal(made[0, 4:], made[1, 4:])
    main(["sample", f"--ckpt={rbm}", *own, "--strength=0.5", "--out=b.npz"])
    assert tiles("b.npz").shape == (1, 2, 1, 8, 8)


def test_other_settings_are_refused(rbm, refused):
    told = refused("sample", f"--ckpt={rbm}", "--sampler=ddim")
    assert "genlab: the RBM in" in told
    assert "samples with --steps, --thinning; leave out --sampler" in told
    for option in ("--strip=2", "--from-image=a.png"):
        told = refused("sample", f"--ckpt={rbm}", option, "--thinning=2")
        assert "--thinning is for samples of one chain; leave out --strip and --from-image" in told
    assert "samples with --steps, --thinning; leave out --guidance" in refused(
        "sample", f"--ckpt={rbm}", "--guidance=2"
    )


def test_the_likelihood_has_an_interval_and_says_how_it_was_found(rbm, capsys):
    main(["evaluate", f"--ckpt={rbm}", "--temperatures=200", "--samples=50"])
    assert "log likelihood" in capsys.readouterr().out
    found = json.loads((rbm / "evaluate.json").read_text())
    assert found["log_partition_low"] < found["log_partition"] < found["log_partition_high"]
    assert found["log_likelihood_low"] < found["log_likelihood"] < found["log_likelihood_high"]
    assert -35 < found["log_likelihood"] < -20
    assert found["log_likelihood_standard_error"] > 0
    assert found["chains"] == 50
    assert found["temperatures"] == 200
    assert found["test_images"] == 180
    assert found["interval"] == "3 standard errors of the partition function"


def test_chains_are_called_by_their_option(rbm, refused):
    assert "--samples is 1, the number of chains; it must be at least 2" in refused(
        "evaluate", f"--ckpt={rbm}", "--temperatures=5", "--samples=1"
    )


def test_temperatures_are_for_partition_functions(run, refused):
    assert "--temperatures is for the partition functions of Boltzmann machines" in refused(
        "evaluate", f"--ckpt={run}", "--temperatures=5"
    )


def test_images_are_ranked_by_their_likelihood(rbm):
    blank = Image.new("L", (8, 8), 255)
    blank.save("white.png")
    Image.fromarray((genlab.load(rbm).sample(1, seed=0)[0, 0] * 255).byte().numpy()).save("digit.png")
    main(["evaluate", f"--ckpt={rbm}", "--input", "white.png", "digit.png", "--out=outliers.csv"])
    with Path("outliers.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["file"] for row in rows] == ["white.png", "digit.png"]
    assert float(rows[0]["unnormalised negative log-likelihood"]) > float(
        rows[1]["unnormalised negative log-likelihood"]
    )


@pytest.mark.parametrize("tool", ["features", "reconstruct", "interpolate", "latent"])
def test_other_tools_draw(rbm, tool):
    main([tool, f"--ckpt={rbm}", f"--out={tool}.png"])
    assert Path(f"{tool}.png").stat().st_size > 1000


def test_hidden_units_are_probed(rbm):
    main(["probe", f"--ckpt={rbm}", "--labels=10", "--draws=1", "--out=probe.json"])
    assert json.loads(Path("probe.json").read_text())["few_labels"]["codes"]["10"]["mean"] > 0.5
