"""Tools on a StyleGAN: mixed styles, noise, truncation, and codes in W."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

import genlab
from genlab.cli import main
from genlab.latent import lerp, principal
from tests.run_folders import trained


@pytest.fixture(scope="module")
def styled(tmp_path_factory, data_dir) -> Path:
    """The run folder of a StyleGAN of digits that is hardly trained, but whose noise is visible."""
    run = trained({"stylegan": ["--config", "stylegan_digits.yaml"]}, tmp_path_factory, data_dir)["stylegan"]
    path = run / "checkpoints" / "last.ckpt"
    checkpoint = torch.load(path, weights_only=True)
    for name, value in checkpoint["state_dict"].items():
        if name.endswith("noise_strength"):
            value.fill_(0.5)
    torch.save(checkpoint, path)
    return run


@pytest.fixture(scope="module")
def model(styled):
    return genlab.load(styled)


@pytest.fixture
def draw(styled, tiles):
    """Runs a tool on the StyleGAN, and returns the tiles of its picture."""

    def run(tool, *arguments):
        main([tool, "--ckpt", str(styled), *arguments, "--out", "drawn.npz", "--force"])
        return tiles("drawn.npz")

    return run


def styles_of(model, n, truncation=1.0, seed=0):
    codes = model.draw_codes(n, generator=torch.Generator().manual_seed(seed))
    return model.styles(codes, truncation=truncation)


def test_samples_are_truncated(model, draw):
    expected = model.synthesize(styles_of(model, 4, truncation=0.3))
    np.testing.assert_allclose(draw("sample", "-n", "4", "--truncation", "0.3")[0], expected, atol=1e-5)
    with np.load("drawn.npz") as arrays:
        assert (arrays["title"], str(arrays["subject"]).rpartition(", ")[2]) == ("Samples", "truncation 0.3")
    alike = draw("sample", "-n", "4", "--truncation", "0")
    np.testing.assert_allclose(alike[0, 1:], alike[0, :-1], atol=1e-5)


def test_the_grid_of_mixed_styles_has_sources_on_top_and_destinations_on_the_left(model, draw):
    drawn = draw("mix", "--sources", "3", "--destinations", "2", "--truncation", "0.7")
    random = torch.Generator().manual_seed(0)
    sources, destinations = (model.styles(model.draw_codes(n, generator=random), truncation=0.7) for n in (3, 2))
    assert drawn.shape[:2] == (1 + 3 * 2, 4)  # coarse, middle and fine
    np.testing.assert_allclose(drawn[0, 1:], model.synthesize(sources), atol=1e-5)
    np.testing.assert_allclose(drawn[3:5, 0], model.synthesize(destinations), atol=1e-5)
    mixed = destinations[1].clone()
    mixed[2] = sources[2, 2]
    np.testing.assert_allclose(drawn[4, 3], model.synthesize(mixed[None])[0], atol=1e-5)
    one = draw("mix", "--sources", "3", "--destinations", "2", "--truncation", "0.7", "--layers", "0,2-3")
    mixed[[0, 3]] = sources[2, [0, 3]]
    np.testing.assert_allclose(one[2, 3], model.synthesize(mixed[None])[0], atol=1e-5)


def test_noise_of_chosen_layers_is_drawn_again(draw, model):
    drawn = draw("noise", "-n", "2", "--layers", "0", "--draws", "20", "--others", "2")
    np.testing.assert_allclose(drawn[:, 0], model.synthesize(styles_of(model, 2)), atol=1e-5)
    assert (drawn[:, 0] != drawn[:, 1]).any((1, 2, 3)).all()
    assert drawn[:, 3].max() == 1


def test_ways_directions_and_projections_are_in_w(model, draw, styled, capsys):
    ends = styles_of(model, 2)[:, 0]
    way = draw("interpolate", "--between", "samples", "-n", "1", "--steps", "3")[0]
    in_w = lerp(ends[:1], ends[1:], 3)[0][:, None].expand(-1, model.num_layers, -1)
    np.testing.assert_allclose(way, model.synthesize(in_w), atol=1e-5)

    drawn = draw("traverse", "--units", "2", "--steps", "3", "--range", "1", "--truncation", "0.5")
    random = torch.Generator().manual_seed(0)
    w, usual = (model.styles(model.draw_codes(n, generator=random), truncation=0.5)[:, 0] for n in (1, 5000))
    directions, deviations = principal(usual)
    expected = [
        model.synthesize((w + sign * deviations[1] * directions[1])[:, None].expand(-1, 4, -1)) for sign in (-1, 1)
    ]
    np.testing.assert_allclose(drawn[1, [1, 3]], torch.cat(expected), atol=1e-3)
    with np.load("drawn.npz") as arrays:
        assert arrays["row_labels"][0].startswith("direction 0:\n")

    genlab.to_pil(model.synthesize(styles_of(model, 1, seed=9)))[0].save("own.png")
    main(["project", "--ckpt", str(styled), "--image", "own.png", "--steps", "60", "--out", "found.npz"])
    assert float(capsys.readouterr().out.splitlines()[-3].split()[1]) < 0.05
    with np.load("found.npz") as arrays:
        assert arrays["style"].shape == (1, model.style_size)
        found = torch.from_numpy(arrays["style"])[:, None].expand(-1, model.num_layers, -1)
    image = model.synthesize(found)[0]
    for tool, *options in (
        ["mix", "--sources", "1"],
        ["noise", "--draws", "2", "--others", "1"],
        ["traverse", "--units", "1"],
    ):
        drawn = draw(tool, *options, "--codes", "found.npz")
        np.testing.assert_allclose(drawn[1 if tool == "mix" else 0, 0], image, atol=1e-5)
    np.testing.assert_allclose(draw("mix", "--source-codes", "found.npz")[0, 1], image, atol=1e-5)


def test_samples_are_judged_at_several_truncations(styled, run, capsys):
    features = ["--features", str(run), "--limit", "40", "--out", "found.json"]
    with pytest.warns(UserWarning, match="few"):
        main(["evaluate", "--ckpt", str(styled), "--truncation", "1", "0.5", "--ppl", *features])
    found = json.loads(Path("found.json").read_text())
    rows = found["samplings"]
    assert [*rows] == ["truncation 1", "truncation 0.5"]
    assert found["images"] == "40 samples, 40 images of the test split"
    assert rows["truncation 1"]["path_length_w"] > rows["truncation 0.5"]["path_length_w"] > 0
    assert "truncation 0.5" in capsys.readouterr().out


def test_a_condition_goes_with_styles(data_dir, tmp_path_factory, refused, tiles):
    small = ["--model.generator.channels=4", "--model.discriminator.channels=4"]
    networks = ["--model.generator=StyleGenerator", "--model.discriminator=ResidualDiscriminator"]
    options = ["--model=CStyleGAN", "--data=Digits", *networks, *small]
    folder = trained({"given": options}, tmp_path_factory, data_dir)["given"]
    assert "decodes under a condition; give one" in refused("mix", "--ckpt", str(folder))
    mix = ["mix", "--ckpt", str(folder), "--condition", "3", "--sources", "1", "--destinations", "1"]
    main([*mix, "--truncation", "0.5", "--out", "mix.npz"])
    given = genlab.load(folder).given(3)
    source = given.styles(given.draw_codes(1, generator=torch.Generator().manual_seed(0)), truncation=0.5)
    np.testing.assert_allclose(tiles("mix.npz")[0, 1], given.synthesize(source)[0], atol=1e-5)


def test_mistakes_with_styles_are_said_in_a_line(styled, run, refused):
    styles = "--ckpt", str(styled)
    for truncation in ("1.1", "-0.1", "nan"):
        assert f"{truncation} is not from 0 to 1" in refused("sample", f"--truncation={truncation}")
    for tool in (["sample"], ["interpolate"], ["traverse"], ["edit", "--attribute", "Smiling"]):
        told = refused(*tool, "--ckpt", str(run), "--truncation", "0.5")
        assert "--truncation is for styles, and the VAE in" in told
    assert "cannot mix styles; it can encode, decode" in refused("mix", "--ckpt", str(run))
    assert "there are no layers 4; the StyleGAN has layers 0 to 3, or coarse, middle, fine" in refused(
        "mix", *styles, "--layers", "0,4"
    )
    assert "there are no layers 3; the noise of the StyleGAN has layers 0 to 2" in refused(
        "noise", *styles, "--layers", "3"
    )
    assert "--layers fein names no layers" in refused("mix", *styles, "--layers", "fein")
    assert "takes no conditions" in refused("mix", *styles, "--condition", "3")
    assert "--mixing is for styles, and the VAE has none" in refused("evaluate", "--ckpt", str(run), "--mixing")
    np.savez("other.npz", style=np.zeros((1, 5), np.float32))
    assert "other.npz holds styles of shape (1, 5), but this model takes styles of 32 finite numbers" in refused(
        "noise", *styles, "--codes", "other.npz"
    )
    np.savez("other.npz", code=np.zeros((1, 32), np.float32))
    assert "other.npz holds codes, but this model takes styles" in refused("noise", *styles, "--codes", "other.npz")
