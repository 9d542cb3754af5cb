"""Tools on a trained run: pictures go where the tools say, and never overwrite."""

import os
import shutil
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image

import genlab
from genlab.cli import main
from genlab.latent import CodeDensity
from tests.data.pictures import write_images


@pytest.fixture
def mine(run, working_folder) -> Path:
    """A copy of the trained run in the working folder."""
    copy = working_folder / "runs" / "vae_digits" / "0"
    shutil.copytree(run, copy)
    return copy.relative_to(working_folder)


def pixels(path) -> np.ndarray:
    return np.asarray(Image.open(path))


MINUS = "\N{MINUS SIGN}"
DRAWING = ["sample", "reconstruct", "latent", "features", "interpolate", "traverse", "transfer", "translate"]
TOOLS = {"sample": ["sample.png"], "reconstruct": ["reconstruct.png"], "latent": ["latent.png", "latent-manifold.png"]}


@pytest.mark.parametrize("tool", TOOLS)
def test_a_tool_draws_into_the_newest_run_and_says_where(tool, mine, capsys):
    main([tool])
    paths = [str(mine / "pictures" / name) for name in TOOLS[tool]]
    assert capsys.readouterr().out.splitlines() == paths
    for path in paths:
        assert pixels(path).std() > 10


@pytest.mark.parametrize("tool", TOOLS)
def test_a_tools_own_pictures_are_replaced_and_a_users_file_is_not(tool, mine, refused):
    path = mine / "pictures" / TOOLS[tool][0]
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"from before")
    main([tool])
    assert pixels(path).std() > 10
    path.write_bytes(b"mine")
    out = [tool, "--out", str(path)]
    assert f"{path} already exists; give --force" in refused(*out)
    assert path.read_bytes() == b"mine"
    main([*out, "--force"])
    assert pixels(path).std() > 10


@pytest.mark.parametrize("tool", DRAWING)
def test_an_out_is_checked_before_anything_is_loaded(tool, refused):
    """No run exists at all."""
    Path("there.png").touch()
    assert "there.png already exists; give --force" in refused(tool, "--out", "there.png")
    assert "x.bmp has no picture extension; give one of .png, .jpg" in refused(tool, "--out", "x.bmp")
    assert "1000000000 is more than 1,000,000" in refused(tool, "--scale", "1000000000")
    assert "5 is not from 10 to 2400" in refused(tool, "--dpi", "5")


def test_a_picture_is_drawn_as_asked_for(mine):
    main(["reconstruct", "-n", "2", "--scale", "3", "--no-labels", "--out", "bare.png"])
    main(["reconstruct", "-n", "2", "--scale", "3", "--dpi", "200", "--out", "fine.png"])
    assert pixels("bare.png").shape == (2 * (24 + 3) + 3, 2 * (24 + 3) + 3, 3)
    with Image.open("fine.png") as picture:
        assert picture.info["dpi"] == pytest.approx((200, 200), abs=0.1)
        assert picture.width > 100
    main(["reconstruct", "-n", "2", "--out", "words.svg"])
    text = Path("words.svg").read_text()
    for words in ("Reconstructions · VAE on Digits, epoch 3", "input", "output"):
        assert f">{words}</text>" in text


def test_seeds_decide_samples(mine):
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        main(["sample", "--seed", str(seed), "--out", f"{name}.png", "--ckpt", str(mine / "checkpoints" / "best.ckpt")])
    assert (pixels("a.png") == pixels("b.png")).all()
    assert (pixels("a.png") != pixels("c.png")).any()


def test_samples_are_the_models_own(mine, tiles):
    main(["sample", "-n", "6", "--columns", "3", "--out", "deep/er/six.npz", "--seed", "4"])
    samples = genlab.load(mine).sample(6, generator=torch.Generator().manual_seed(4)).detach()
    np.testing.assert_allclose(tiles("deep/er/six.npz"), samples.unflatten(0, (2, 3)), atol=1e-5)


def test_reconstructions_stand_below_their_originals(mine, tiles):
    main(["reconstruct", "-n", "8", "--out", "r.npz"])
    originals, reconstructions = torch.from_numpy(tiles("r.npz"))
    data = genlab.Digits()
    data.setup()
    assert (originals[0] * 255).round().byte().tolist() in data.test_set.images.tolist()
    torch.testing.assert_close(reconstructions, genlab.load(mine).reconstruct(originals).detach())


def test_an_attribute_is_edited_along_its_vector(faces, tiles):
    edit = ["edit", "--ckpt", str(faces), "--attribute", "Smiling", "--strength=-1..1", "--steps", "3", "-n", "2"]
    main(edit)
    assert (faces / "pictures" / "edit-Smiling.png").exists()
    main([*edit, "--out", "edit.npz"])
    drawn = torch.from_numpy(tiles("edit.npz"))
    assert drawn.shape == (2, 4, 3, 64, 64)
    model = genlab.load(faces)
    with torch.no_grad():
        expected = model.reconstruct(drawn[:, 0])
    torch.testing.assert_close(drawn[:, 2], expected)
    assert (drawn[:, 3] - drawn[:, 1]).abs().max() > 1e-5
    with np.load("edit.npz") as arrays:
        assert arrays["column_labels"].tolist() == ["image", f"{MINUS}1", "0", "+1"]
        assert str(arrays["column_axis"]) == "strength of Smiling"


def test_codes_are_coloured_by_an_attribute(faces, refused):
    main(["latent", "--ckpt", str(faces), "--color-by", "Smiling"])
    assert (faces / "pictures" / "latent-Smiling.png").exists()
    main(["latent", "--ckpt", str(faces), "--color-by", "Smiling", "--out", "codes.npz"])
    data = genlab.CelebA(image_size=64)
    data.prepare_data()
    data.setup()
    has = data.test_set.facts["attributes"][data.test_set.rows, data.attribute_names.index("Smiling")]
    order = torch.randperm(len(has), generator=torch.Generator().manual_seed(0))
    with np.load("codes.npz") as arrays:
        assert arrays["classes"].tolist() == has[order].long().tolist()
        assert arrays["class_names"].tolist() == ["not Smiling", "Smiling"]
    told = refused("latent", "--ckpt", str(faces), "--color-by", "Smile")
    assert "CelebA has no attribute Smile; did you mean Smiling?" in told
    assert "CelebA has no labels; colour by an attribute" in refused(
        "latent", "--ckpt", str(faces), "--color-by", "label"
    )


def test_a_class_is_an_attribute_too(mine, tiles):
    main(["edit", "--attribute=7", "-n=2", "--steps=2", "--strength=0..1", "--out=sevens.npz"])
    data, model = genlab.Digits(), genlab.load(mine)
    data.setup()
    drawn = torch.from_numpy(tiles("sevens.npz"))
    is_seven = data.train_set.labels == 7
    with torch.no_grad():
        codes, own = model.encode(data.train_set.images / 255), model.encode(drawn[:, 0])
        expected = model.decode(own + codes[is_seven].mean(0) - codes[~is_seven].mean(0))
    assert (drawn[:, 2] - expected).abs().mean() < 0.2 * (drawn[:, 2] - drawn[:, 1]).abs().mean()  # from some images


def test_mistakes_in_editing_are_said(faces, mine, refused):
    assert "CelebA has no attribute Smile; did you mean Smiling?" in refused(
        "edit", "--ckpt", str(faces), "--attribute", "Smile"
    )
    assert "Digits has no attribute Smiling; there are 0, 1, 2" in refused("edit", "--attribute", "Smiling")
    assert "much is not a range such as -2..2" in refused("edit", "--attribute", "Smiling", "--strength", "much")


@pytest.mark.parametrize("along", ["lerp", "slerp", "square"])
def test_interpolation_goes_from_one_test_image_to_another(along, mine, tiles):
    pairs = [] if along == "square" else ["-n", "2"]
    main(["interpolate", "--along", along, "--steps", "5", *pairs, "--seed", "3", "--out", "way.npz"])
    drawn = torch.from_numpy(tiles("way.npz"))
    assert drawn.shape[:2] == (5 if along == "square" else 2, 5)
    data, model = genlab.Digits(), genlab.load(mine)
    data.setup()
    order = torch.randperm(len(data.test_set), generator=torch.Generator().manual_seed(3))
    with torch.no_grad():
        codes = model.encode(data.test_set[order[:4]]["image"])
        corners = model.decode(codes)
        middle = model.decode(codes[[0, 2]].mean(0, keepdim=True))[0]
    places = [(0, 0), (0, 4), (4, 0), (4, 4)] if along == "square" else [(0, 0), (1, 0), (0, 4), (1, 4)]
    for corner, place in zip(corners, places, strict=True):
        torch.testing.assert_close(drawn[place], corner, atol=1e-5, rtol=0)
    with np.load("way.npz") as arrays:
        ends = ["left", "right"] if along == "square" else ["start", "end"]
        assert arrays["column_labels"].tolist() == [ends[0], "0.25", "0.5", "0.75", ends[1]]
    if along == "lerp":
        torch.testing.assert_close(drawn[0, 2], middle, atol=1e-5, rtol=0)


@pytest.mark.parametrize(("count", "rows"), [(30, 1), (50, 2)])
def test_interpolations_of_a_small_split_are_of_whole_pairs(count, rows, run, tiles, refused):
    """Three or five test images are fewer than the six pairs that are drawn from a large split."""
    write_images(Path("few"), count, mode="L")
    few = ["--data=ImageFolder", "--data.folder=few", "--data.image_size=8", "--data.channels=1"]
    main(["interpolate", "--ckpt", str(run), *few, "--out=way.npz"])
    drawn = tiles("way.npz")
    assert len(drawn) == rows
    assert len(np.unique(drawn[:, [0, -1]].reshape(2 * rows, -1), axis=0)) == 2 * rows
    if count == 30:
        told = refused("interpolate", "--ckpt", str(run), *few, "--along=square", "--out=square.npz")
        assert "--along square takes exactly 4 images; the test split has 3" in told


def test_a_square_has_four_corners(mine, refused):
    assert "a square has four corners; leave out -n" in refused("interpolate", "--along=square", "-n=2", "--out=a.png")


@pytest.mark.parametrize(("old", "new", "kind"), [("line", "lerp", "Linear"), ("arc", "slerp", "Spherical")])
def test_old_names_of_interpolations_are_known_for_a_while(old, new, kind, mine):
    with pytest.warns(UserWarning, match=f"--along {old} is called --along {new} now"):
        main(["interpolate", "--along", old, "--steps", "3", "-n", "1", "--out", "way.npz"])
    with np.load("way.npz") as arrays:
        assert arrays["title"] == f"{kind} interpolations between test images"


def test_interpolation_between_samples(mine, tiles):
    main(["interpolate", "--between", "samples", "--steps", "3", "-n", "1", "--seed", "3", "--out", "way.npz"])
    model = genlab.load(mine)
    with torch.no_grad():
        expected = model.sample(2, generator=torch.Generator().manual_seed(3))
    np.testing.assert_allclose(tiles("way.npz")[0, [0, 2]], expected, atol=1e-5)


def test_traversal_changes_one_unit_a_row(mine, tiles):
    main(["traverse", "--steps", "3", "--range", "2", "--seed", "4", "--out", "units.npz"])
    drawn = tiles("units.npz")
    assert drawn.shape[:2] == (2, 4)
    data, model = genlab.Digits(), genlab.load(mine)
    data.setup()
    order = torch.randperm(180, generator=torch.Generator().manual_seed(4))
    with torch.no_grad():
        codes = model.encode(data.test_set[order]["image"])
        deviation, mean = torch.std_mean(codes, 0)
        first = int(deviation.argmax())
        changed = codes[:1].clone()
        changed[0, first] = mean[first] + 2 * deviation[first]
        expected = model.decode(changed)[0]
    np.testing.assert_allclose(drawn[0, 3], expected, atol=1e-5)
    np.testing.assert_allclose(drawn[1, 0], data.test_set.images[order[0]] / 255, atol=1e-6)
    with np.load("units.npz") as arrays:
        assert arrays["column_labels"].tolist() == ["image", f"{MINUS}2 sd", "0 sd", "+2 sd"]
        assert [label.split(":")[0] for label in arrays["row_labels"]] == [f"unit {first}", f"unit {1 - first}"]
        assert f"± {deviation[first]:.2g}" in arrays["row_labels"][0]


def test_a_manifolds_axes_are_codes(mine, tiles):
    main(["latent", "--side", "5", "--out", "codes.npz"])
    drawn = tiles("codes-manifold.npz")
    assert drawn.shape[:2] == (5, 5)
    with np.load("codes-manifold.npz") as arrays:
        labels = [arrays[f"{way}_labels"].tolist() for way in ("column", "row")]
        across, down = ([float(label.replace(MINUS, "-")) for label in axis] for axis in labels)
        assert (str(arrays["column_axis"])[:7], str(arrays["row_axis"])[:7]) == ("unit 0,", "unit 1,")
    assert across == down[::-1] == sorted(across)
    with torch.no_grad():
        expected = genlab.load(mine).decode(torch.tensor([[across[3], down[1]]]))[0]
    np.testing.assert_allclose(drawn[1, 3], expected, atol=0.01)


@pytest.mark.parametrize(
    ("method", "axis"), [("pca", "principal component, "), ("tsne", "t-SNE dimension"), ("umap", "UMAP dimension")]
)
def test_codes_are_mapped_as_asked_for(method, axis, mine, monkeypatch, tiles):
    class Twice:
        """A stand-in for umap-learn, which the tests do not install."""

        def __init__(self, random_state, n_jobs):
            assert (random_state, n_jobs) == (7, 1)

        def fit_transform(self, codes):
            return 2 * codes

    monkeypatch.setitem(sys.modules, "umap", SimpleNamespace(UMAP=Twice))
    main(["latent", "--method", method, "--seed", "7", "-n", "40", "--side", "2"])
    assert pixels(mine / "pictures" / f"latent-{method}.png").std() > 10
    main(["latent", "--method", method, "--seed", "7", "-n", "40", "--side", "2", "--out", "codes.npz"])
    with np.load("codes.npz") as arrays:
        assert arrays["points"].shape == (40, 2)
        assert arrays["axes"][0].startswith(f"first {axis}")
        assert "of 40 of 180 test images" in str(arrays["title"])


def test_umap_that_is_missing_is_said_before_anything_is_loaded(monkeypatch, refused):
    monkeypatch.setitem(sys.modules, "umap", None)
    assert "UMAP needs umap-learn: pip install 'genlab[umap]'" in refused("latent", "--method", "umap")


def test_denoising_models_show_what_they_saw(tiles):
    main(["fit", "--config", "denoising_mnist.yaml", "--config", "overlays/smoke.yaml"])
    main(["reconstruct", "-n", "8", "--out", "three.npz"])
    original, noisy, _ = tiles("three.npz")
    assert 0.1 < np.abs(original - noisy).mean() < 0.4


def test_features_are_the_first_layers_weights_by_norm(mine, tiles):
    main(["features", "--out", "features.npz", "--columns", "4", "-n", "8"])
    weights = genlab.load(mine).encoder[1].weight.detach()
    weights = weights - weights.mean(1, keepdim=True)
    norms, order = weights.norm(dim=1).sort(descending=True)
    expected = weights[order[:8]] / weights[order[:8]].abs().amax(1, keepdim=True)
    np.testing.assert_allclose(tiles("features.npz"), expected.view(2, 4, 1, 8, 8), atol=1e-6)
    with np.load("features.npz") as arrays:
        assert arrays["row_labels"][0] == f"{norms[0]:#.3g} to {norms[3]:#.3g}"
        assert "8 of 256 units, by norm" in str(arrays["title"])


def test_an_autoencoder_has_no_prior_and_no_manifold(refused, capsys):
    main(["fit", "--config", "autoencoder_digits.yaml", "--config", "overlays/smoke.yaml"])
    told = refused("sample")
    assert "the Autoencoder in runs/autoencoder_digits/0/checkpoints/best.ckpt has no prior" in told
    assert "--prior gaussian" in told
    capsys.readouterr()
    main(["latent"])
    assert capsys.readouterr().out.splitlines() == ["runs/autoencoder_digits/0/pictures/latent.png"]


@pytest.mark.parametrize(("prior", "kept"), [("gaussian", "best-gaussian.npz"), ("gmm", "best-gmm3.npz")])
def test_a_density_of_codes_is_sampled_and_kept_beside_the_checkpoint(prior, kept, mine, capsys, tiles):
    asked = ["sample", "--prior", prior, "-n", "4", "--seed", "5", *(["--components", "3"] if prior == "gmm" else [])]
    main(asked)
    path = mine / "checkpoints" / kept
    assert capsys.readouterr().out.splitlines() == [str(path), str(mine / "pictures" / f"sample-{prior}.png")]
    with torch.no_grad():
        codes = CodeDensity.load(path).sample(4, torch.Generator().manual_seed(5))
        expected = genlab.load(mine).decode(codes)
    main([*asked, "--out", "codes.npz"])
    np.testing.assert_allclose(tiles("codes.npz")[0], expected, atol=1e-5)
    with np.load("codes.npz") as arrays:
        assert "codes from a fitted" in str(arrays["title"])


@pytest.mark.parametrize("prior", [[], ["--prior", "gaussian"]])
def test_components_without_a_mixture_are_refused(prior, refused):
    assert "--components is for a mixture; give it with --prior gmm" in refused("sample", *prior, "--components", "3")


def test_a_density_is_used_again_for_the_same_checkpoint_and_seed_whatever_the_clock_says(mine, capsys):
    density, checkpoint = mine / "checkpoints" / "best-gaussian.npz", mine / "checkpoints" / "best.ckpt"

    def fits(*options: str) -> bool:
        capsys.readouterr()
        main(["sample", "--prior", "gaussian", *options])
        return str(density) in capsys.readouterr().out.splitlines()

    assert fits()
    os.utime(checkpoint, ns=(density.stat().st_mtime_ns + 10**9,) * 2)
    assert not fits()
    assert fits("--seed", "1")
    assert not fits("--seed", "1")
    other = torch.load(checkpoint, weights_only=True)
    other["state_dict"]["encoder.1.bias"] += 1
    torch.save(other, checkpoint)
    os.utime(checkpoint, (1, 1))
    assert fits("--seed", "1")


@pytest.mark.parametrize("content", [b"", b"no archive", "wrong weights", "half"])
def test_an_odd_density_is_told_and_fitted_again(content, mine):
    density = mine / "checkpoints" / "best-gaussian.npz"
    main(["sample", "--prior", "gaussian", "--out", "one.png"])
    whole = density.read_bytes()
    if content == "wrong weights":
        with np.load(density) as arrays:
            parts = dict(arrays)
        np.savez(density, **parts | {"weights": 2 * parts["weights"]})
    else:
        density.write_bytes(whole[:100] if content == "half" else content)
    with pytest.warns(
        UserWarning, match=r"best-gaussian.npz (cannot be read|holds no valid density)[^\n]*; fitting it again$"
    ):
        main(["sample", "--prior", "gaussian", "--out", "two.png"])
    assert Path("one.png").read_bytes() == Path("two.png").read_bytes()
    assert CodeDensity.load(density).fitted_to


def test_a_checkpoint_outside_of_a_run_gets_its_pictures_beside_it(mine):
    Path("elsewhere").mkdir()
    shutil.copy(mine / "checkpoints" / "best.ckpt", "elsewhere/model.ckpt")
    main(["sample", "--ckpt", "elsewhere/model.ckpt"])
    assert Path("elsewhere/pictures/sample.png").exists()


def test_newest_means_the_newest_checkpoint(mine):
    other = Path("runs/vae_other/3")
    shutil.copytree(mine, other)
    os.utime(other / "checkpoints" / "last.ckpt", (1, 1))
    os.utime(other / "checkpoints" / "best.ckpt", (1, 1))
    main(["sample"])
    assert (mine / "pictures" / "sample.png").exists()


def test_a_gan_samples_by_its_average_or_by_the_generator_itself(refused):
    main(["fit", "--config", "gan_digits.yaml", "--trainer.max_epochs=2"])
    main(["sample", "--out", "average.png"])
    main(["sample", "--without-average", "--out", "itself.png"])
    assert (pixels("average.png") != pixels("itself.png")).any()
    assert "give --between samples" in refused("interpolate")
    main(["interpolate", "--between", "samples"])
    main(["fit", "--model=CGAN", "--data=Digits", "--config=overlays/smoke.yaml"])
    assert "the CGAN samples under a condition; give --condition" in refused("interpolate", "--between", "samples")
    main(["fit", "--config", "vae_digits.yaml", "--config", "overlays/smoke.yaml"])
    assert "keeps no moving average; leave out --without-average" in refused("sample", "--without-average")
