"""Tools on diffusion models: samplers, steps and guidance, images made from others, strips, and evaluation."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import genlab
from genlab.cli import main
from genlab.cli.tools.options import SAMPLERS
from genlab.diffusion import SAMPLERS as FUNCTIONS

QUICK = [
    *("--trainer.max_epochs=1", "--trainer.limit_train_batches=4", "--trainer.limit_val_batches=1"),
    *("--trainer.enable_progress_bar=false", "--pictures.every_n_epochs=0", "--model.network.channels=8"),
]


@pytest.fixture(scope="module")
def diffusion(tmp_path_factory) -> Path:
    """A diffusion model of digits, hardly trained."""
    return trained(tmp_path_factory.mktemp("diffusion"), [])


@pytest.fixture(scope="module")
def conditional(tmp_path_factory) -> Path:
    """The same, conditioned on labels."""
    return trained(tmp_path_factory.mktemp("conditional"), ["--model=ConditionalDiffusion"])


@pytest.fixture(scope="module")
def vae(tmp_path_factory) -> Path:
    """A model that does not sample in steps."""
    folder = tmp_path_factory.mktemp("vae")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        main(["fit", "--config=vae_digits.yaml", *QUICK[:-1], "--name=vae"])
    return folder / "runs" / "vae" / "0"


def trained(folder: Path, options: list[str]) -> Path:
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        network = ["--model.network=DenoisingUNet", *QUICK[-1:], "--model.network.multipliers=[1]"]
        model = options or ["--model=Diffusion"]
        main(["fit", *model, "--data=Digits", *network, "--model.network.blocks=1", *QUICK[:-1], "--name=run"])
    return folder / "runs" / "run" / "0"


def test_the_command_line_knows_all_samplers():
    assert SAMPLERS == tuple(FUNCTIONS)


def test_samples_are_by_the_sampler_and_in_the_steps_asked_for(diffusion, tiles):
    def sampled(*options):
        main(["sample", f"--ckpt={diffusion}", "--count=2", "--out=a.npz", "--force", *options])
        return torch.tensor(tiles("a.npz"))

    plain = sampled()
    assert torch.equal(sampled(), plain)
    assert torch.equal(sampled("--sampler=dpm", "--steps=30"), plain)
    assert torch.equal(sampled("--sampler=dpm", "--eta=0"), plain)
    assert torch.equal(sampled("--eta=1"), sampled("--sampler=dpm", "--eta=1"))
    assert torch.equal(sampled("--sampler=dpm", "--eta=1", "--steps=1"), sampled("--sampler=ancestral", "--steps=1"))
    assert torch.equal(sampled("--sampler=ddim"), sampled("--sampler=ddim", "--eta=0"))
    assert torch.equal(sampled("--sampler=ddim", "--eta=1"), sampled("--sampler=ancestral"))
    for options in (["--sampler=heun"], ["--steps=3"], ["--sampler=ancestral"], ["--seed=1"], ["--without-average"]):
        assert not torch.equal(sampled(*options), plain)


def test_images_are_varied_completed_and_drawn_on_their_way(diffusion, tiles):
    pixels = np.random.default_rng(0).integers(0, 256, (8, 8), dtype=np.uint8)
    Image.fromarray(pixels).save("image.png")
    mask = np.zeros((8, 8), dtype=np.uint8)
    mask[:4] = 255
    Image.fromarray(mask).save("mask.png")
    asked = ["sample", f"--ckpt={diffusion}", "--count=3", "--steps=5", "--from-image=image.png"]
    main([*asked, "--strength=0.2", "--out=little.npz"])
    main([*asked, "--strength=1", "--out=much.npz"])
    main([*asked, "--mask=mask.png", "--out=whole.npz"])
    little, much, whole = (tiles(f"{name}.npz")[0, :3, 0] for name in ("little", "much", "whole"))
    image = pixels / 255
    assert abs(little - image).mean() < abs(much - image).mean()
    np.testing.assert_allclose(whole[:, 4:], np.broadcast_to(image[4:], (3, 4, 8)), atol=1e-6)
    assert abs(whole[0, :4] - whole[1, :4]).mean() > 0.01
    main(["sample", f"--ckpt={diffusion}", "--count=2", "--strip=4", "--out=strip.npz"])
    main(["sample", f"--ckpt={diffusion}", "--count=2", "--out=samples.npz"])
    strip = tiles("strip.npz")
    assert strip.shape == (2, 4, 1, 8, 8)
    np.testing.assert_allclose(strip[:, -1], tiles("samples.npz")[0, :2], atol=1e-5)


def test_images_are_interpolated_through_noise(diffusion, tiles, capsys):
    main(["interpolate", f"--ckpt={diffusion}", "--count=1", "--steps=3", "--out=arc.npz"])
    assert "/30" in capsys.readouterr().err, "a bar over the steps"
    main(["interpolate", f"--ckpt={diffusion}", "--count=1", "--steps=3", "--along=slerp", "--out=slerp.npz"])
    main(["interpolate", f"--ckpt={diffusion}", "--count=1", "--steps=3", "--along=lerp", "--out=lerp.npz"])
    main(["interpolate", f"--ckpt={diffusion}", "--steps=3", "--along=square"])
    assert tiles("arc.npz").shape == (1, 3, 1, 8, 8)
    np.testing.assert_array_equal(tiles("arc.npz"), tiles("slerp.npz"))
    assert abs(tiles("arc.npz")[:, 1] - tiles("lerp.npz")[:, 1]).mean() > 0.01


def test_guidance_changes_samples_under_a_condition(conditional, tiles):
    asked = ["sample", f"--ckpt={conditional}", "--condition=3", "--count=2", "--steps=4"]
    for guidance in ("0", "1", "3"):
        main([*asked, f"--guidance={guidance}", f"--out={guidance}.npz"])
    main([*asked, "--out=plain.npz"])
    np.testing.assert_array_equal(tiles("1.npz"), tiles("plain.npz"))
    assert not np.array_equal(tiles("0.npz"), tiles("1.npz"))
    assert not np.array_equal(tiles("3.npz"), tiles("1.npz"))
    main(["sample", f"--ckpt={conditional}", "--steps=4", "--columns=2"])
    main(["sample", f"--ckpt={conditional}", "--steps=4", "--condition=3", "--strip=3", "--count=2"])
    main(["sample", f"--ckpt={conditional}", "--steps=4", "--per-class=2", "--out=classes"])
    assert len([*Path("classes").glob("*/*.png")]) == 20
    main(["transfer", f"--ckpt={conditional}", "--count=1"])


def test_evaluate_bounds_the_likelihood_in_parts(diffusion):
    main(["evaluate", f"--ckpt={diffusion}", "--limit=20", "--samples=10", "--out=bound.json"])
    found = json.loads(Path("bound.json").read_text())
    parts = [value for name, value in found.items() if name.startswith("bound_of") and not name.endswith("error")]
    assert len(parts) == 1 + 5 + 1
    assert sum(parts) == pytest.approx(found["bound"])
    assert found["bits_per_dim"] == pytest.approx(found["bound"] / 64 / np.log(2))
    assert found["timesteps"] == 10
    model, data = genlab.load(diffusion), genlab.Digits()
    data.setup()
    chosen = torch.randperm(len(data.test_set), generator=torch.Generator().manual_seed(0))[:20].sort().values
    bound = model.bound(data.test_set[chosen]["image"], 10, torch.Generator().manual_seed(0))
    assert bound.sum(1).mean().item() == pytest.approx(found["bound"], rel=1e-4)


def test_images_of_ones_own_are_ranked_by_the_bound(diffusion):
    digits = genlab.Digits()
    digits.setup()
    Image.fromarray((digits.test_set[torch.arange(1)]["image"][0, 0] * 255).byte().numpy()).save("digit.png")
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (8, 8), dtype=np.uint8)).save("noise.png")
    main(["evaluate", f"--ckpt={diffusion}", "--input", "digit.png", "noise.png", "--samples=5", "--limit=10"])
    table = (diffusion / "outliers.csv").read_text().splitlines()
    assert "bound on negative log-likelihood" in table[0]
    assert table[1].startswith("noise.png")


def test_evaluate_compares_samplers_and_steps_in_a_table(diffusion, capsys):
    options = ["--sampler", "dpm", "ancestral", "--steps", "2", "8", "--limit=60"]
    main(["evaluate", f"--ckpt={diffusion}", *options, "--features=classifier", "--out=table.json"])
    table = json.loads(Path("table.json").read_text())["samplings"]
    assert [*table] == ["dpm 2 steps", "dpm 8 steps", "ancestral 2 steps", "ancestral 8 steps"]
    assert len({row["fid"] for row in table.values()}) == 4
    assert "ancestral 8 steps" in capsys.readouterr().out


def test_evaluate_compares_guidances_by_how_well_labels_are_followed(conditional, capsys):
    options = ["--sampler=ddim", "--steps=2", "--guidance", "0", "2.5", "--limit=60"]
    main(["evaluate", f"--ckpt={conditional}", *options, "--out=table.json"])
    table = json.loads(Path("table.json").read_text())["samplings"]
    accuracies = [row["label_accuracy"] for row in table.values()]
    assert [*table] == ["ddim 2 steps guidance 0", "ddim 2 steps guidance 2.5"]
    assert len({row["fid"] for row in table.values()}) == 2
    out = capsys.readouterr().out
    assert "label_accuracy" in out
    assert "guidance 2.5" in out
    main(["evaluate", f"--ckpt={conditional}", *options[:4], "--limit=60", "--out=one.json"])
    assert json.loads(Path("one.json").read_text())["label_accuracy"] == accuracies[0]


def test_what_cannot_be_is_said_in_a_line(diffusion, conditional, vae, refused):
    Image.new("L", (8, 8)).save("image.png")
    Image.new("L", (9, 8)).save("mask.png")
    Path("broken.png").write_text("no image")
    sample = ["sample", f"--ckpt={diffusion}"]
    assert "steps is 1001; this model's noise has 1,000 steps" in refused(*sample, "--steps=1001")
    assert "0 is not positive" in refused(*sample, "--steps=0")
    assert "invalid choice: 'best'" in refused(*sample, "--sampler=best")
    assert "--eta is for ddim and dpm" in refused(*sample, "--eta=0.5", "--sampler=heun")
    assert "--guidance is for conditions, and the Diffusion" in refused(*sample, "--guidance=2")
    assert "it must be at least 0" in refused("sample", f"--ckpt={conditional}", "--guidance=-1")
    assert "the VAE" in (line := refused("sample", f"--ckpt={vae}", "--steps=4"))
    assert "does not sample in steps; leave out --steps" in line
    assert "cannot sample in steps" in refused("sample", f"--ckpt={vae}", "--from-image=image.png")
    assert "--eta: 2 is not from 0 to 1" in refused(*sample, "--eta=2", "--sampler=ddim")
    assert "--strength: 2 is not from 0 to 1" in refused(*sample, "--from-image=image.png", "--strength=2")
    assert "strength is 0.0; it must be above 0" in refused(*sample, "--from-image=image.png", "--strength=0")
    assert "--strength is for images like that of --from-image" in refused(*sample, "--strength=0.5")
    assert "give it with --from-image" in refused(*sample, "--mask=mask.png")
    asked = [*sample, "--from-image=image.png"]
    assert "mask.png has 9 x 8 pixels; the model's images have 8 x 8" in refused(*asked, "--mask=mask.png")
    assert "broken.png cannot be read as an image" in refused(*asked, "--mask=broken.png")
    assert "leave out --sampler" in refused(*asked, "--mask=image.png", "--sampler=heun")
    assert "leave out --eta" in refused(*asked, "--mask=image.png", "--eta=1")
    assert "without --mask" in refused(*asked, "--mask=image.png", "--strength=0.5")
    assert "leave out --from-image" in refused(*asked, "--strip=3")
    assert "give --condition" in refused("sample", f"--ckpt={conditional}", "--strip=3")


def test_what_cannot_be_measured_is_said_before_anything_is(diffusion, conditional, refused, monkeypatch):
    monkeypatch.setattr("genlab.evaluation.samples.extractor", None)  # calling it would raise
    Image.new("L", (8, 8)).save("a.png")
    evaluate = ["evaluate", f"--ckpt={diffusion}", "--out=none.json"]
    assert "steps is 2000; this model's noise has 1,000" in refused(*evaluate, "--steps", "5", "2000")
    assert "--eta is for ddim and dpm" in refused(*evaluate, "--sampler", "ddim", "heun", "--eta=0.5")
    assert "for judging a model's samples; leave out --input" in refused(*evaluate, "--input", "a.png", "--steps=5")
    evaluate[1] = f"--ckpt={conditional}"
    assert "guidance is -1.0" in refused(*evaluate, "--guidance", "1", "-1")
    assert "leave out --condition" in refused(*evaluate, "--fid", "--condition=3")


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("noise=LinearNois", "did you mean genlab.diffusion.LinearNoise?"),
        ("prediction=ImagePredicton", "did you mean genlab.diffusion.ImagePrediction?"),
        ("loss=image_error", "did you mean genlab.diffusion.image_error?"),
        ("network.multipliers=[1,0]", "multipliers is 0; it must be a whole number from 1"),
        (
            "prediction=runs/vae",
            "does not take a path; for a trained model, give {class_path: genlab.load, init_args: {path: runs/vae",
        ),
    ],
)
def test_what_is_mistyped_is_a_line(option, message, refused):
    assert message in refused("fit", "--config=diffusion_digits.yaml", f"--model.{option}")


def test_noise_of_other_steps_is_no_resumed_training(diffusion, refused):
    line = refused("fit", f"--ckpt_path={diffusion}", "--model.noise.timesteps=500", "--trainer.max_epochs=2")
    assert "timesteps" in line or "noise" in line
