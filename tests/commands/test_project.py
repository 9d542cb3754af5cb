"""`genlab project`, and tools that start from the codes it finds."""

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

import genlab
from genlab.cli import main
from tests.commands.test_tools import pixels
from tests.data.pictures import write_image
from tests.run_folders import trained


@pytest.fixture(scope="module")
def players(tmp_path_factory, data_dir) -> dict[str, Path]:
    """Run folders of a GAN of digits, one of faces, and a conditional VAE."""
    small = ["--model.generator.channels=4", "--model.discriminator.channels=4", "--data.image_size=16"]
    networks = ["--model.generator=DCGANGenerator", "--model.discriminator=DCGANDiscriminator"]
    return trained(
        {
            "digits": ["--config", "gan_digits.yaml"],
            "conditional": ["--config", "cvae_digits.yaml"],
            "faces": ["--model=GAN", "--data=CelebA", *networks, *small],
        },
        tmp_path_factory,
        data_dir,
    )


def test_an_image_of_a_model_is_found_again(run, capsys, tiles):
    """A VAE with a code of two numbers has a code for each image that it decodes."""
    model = genlab.load(run)
    codes = model.draw_codes(2, generator=torch.Generator().manual_seed(1))
    for name, image in zip(("a.png", "b.png"), genlab.to_pil(model.decode(codes)), strict=True):
        image.save(name)
    main(["project", "--ckpt", str(run), "--image", "a.png", "b.png", "--steps", "100", "--out", "found.npz"])
    told = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in told[1:]] == ["a.png", "b.png", "found.npz", "found.png"]
    assert all(float(line.split()[1]) < 0.02 for line in told[1:3])
    with np.load("found.npz") as arrays:
        found, paths = torch.from_numpy(arrays["code"]), arrays["path"].tolist()
    assert paths == ["a.png", "b.png"]
    torch.testing.assert_close(model.decode(found), model.decode(codes), atol=0.05, rtol=0)
    assert pixels("found.png").std() > 10
    main(["interpolate", "--ckpt", str(run), "--codes", "found.npz", "--steps", "3", "--out", "way.npz"])
    way = torch.stack([found[0], found.mean(0), found[1]])
    np.testing.assert_allclose(tiles("way.npz")[0], model.decode(way), atol=1e-5)
    main(["traverse", "--ckpt", str(run), "--codes", "found.npz", "--units", "1", "--steps", "1", "--out", "units.npz"])
    np.testing.assert_allclose(tiles("units.npz")[0, 0], model.decode(found)[0], atol=1e-5)


def test_the_same_seed_finds_the_same_codes(players):
    for name in ("one", "two"):
        main(["project", "--ckpt", str(players["digits"]), "-n", "2", "--steps", "5", "--out", f"{name}.npz"])
    with np.load("one.npz") as one, np.load("two.npz") as two:
        np.testing.assert_array_equal(one["code"], two["code"])
        assert one["code"].shape == (2, 16)
    main(["project", "--ckpt", str(players["digits"]), "-n", "2", "--steps", "5", "--seed", "1"])
    with np.load(players["digits"] / "project.npz") as other, np.load("one.npz") as one:
        assert (other["path"] != one["path"]).any()
    assert (players["digits"] / "pictures" / "project.png").exists()


def test_features_of_a_network_count_too(players, run, refused):
    found = {}
    for features in ([], ["--features", str(run)]):
        project = ["project", "--ckpt", str(players["digits"]), "-n", "1", "--steps", "5", "--force"]
        main([*project, *features, "--out", "found.npz"])
        with np.load("found.npz") as arrays:
            found[bool(features)] = arrays["code"]
    assert (found[True] != found[False]).any()
    assert "does not encode" in refused(
        "project", "--ckpt", str(players["digits"]), "--features", str(players["digits"])
    )


def test_samples_without_an_encoder_are_traversed_and_edited(players, monkeypatch, tiles, refused):
    main(["traverse", "--ckpt", str(players["digits"]), "--units", "2", "--steps", "3", "--out", "units.npz"])
    drawn = tiles("units.npz")
    assert drawn.shape[:2] == (2, 4)
    assert (drawn[0, 0] == drawn[1, 0]).all()
    assert (drawn[:, 1] != drawn[:, 3]).any((1, 2, 3)).all()
    seer = SimpleNamespace(features=lambda images: images.flatten(1), of_features=lambda pixels: pixels[:, :40] - 0.5)
    monkeypatch.setattr("genlab.commands.edit.trained_classifier", lambda data, device: (seer, 1.0))
    edit = ["edit", "--ckpt", str(players["faces"]), "--attribute", "Smiling", "-n", "2", "--labelled", "50"]
    main([*edit, "--steps", "2", "--strength=0..1", "--out", "edits.npz"])
    drawn, model = tiles("edits.npz"), genlab.load(players["faces"])
    random = torch.Generator().manual_seed(0)
    codes, seen = model.draw_codes(2, generator=random), model.draw_codes(200, generator=random)
    smiles = genlab.CelebA().attribute_names.index("Smiling")
    has = model.decode(seen).flatten(1)[:, smiles] > 0.5
    order = torch.randperm(200, generator=random)
    few = [order[has[order]][:50], order[~has[order]][:50]]
    direction = seen[few[0]].mean(0) - seen[few[1]].mean(0)
    np.testing.assert_allclose(drawn[:, 0], drawn[:, 1], atol=1e-5)
    np.testing.assert_allclose(drawn[:, 2], model.decode(codes + direction), atol=1e-4)
    seer.features = lambda images: images.flatten(1) - images.flatten(1).mean(0)
    seer.of_features = lambda pixels: pixels @ torch.eye(64)[:, :10]
    main(["edit", "--ckpt", str(players["digits"]), "--attribute=0", "-n=2", "--labelled=20", "--out=zeros.npz"])
    assert tiles("zeros.npz").shape[0] == 2
    assert "CelebA has no attribute Smilng; did you mean Smiling?" in refused(
        "edit", "--ckpt", str(players["faces"]), "--attribute", "Smilng"
    )


def test_conditional_models_decode_under_a_condition(players, refused):
    project = ["project", "--ckpt", str(players["conditional"]), "-n", "1", "--steps", "2"]
    assert "decodes under a condition; give one, such as --condition 0" in refused(*project)
    main([*project, "--condition", "3", "--out", "found.npz"])
    assert "takes no conditions" in refused("project", "--ckpt", str(players["digits"]), "--condition", "3")


def test_what_cannot_be_projected_is_said_in_a_line(players, run, refused):
    write_image(Path("a.png"), size=(8, 8))
    Path("text.txt").write_text("no image")
    assert "none of the images can be read: text.txt" in refused("project", "--ckpt", str(run), "--image", "text.txt")
    assert "there is no nowhere.png" in refused("project", "--ckpt", str(run), "--image", "nowhere.png")
    assert "x.png is not a file of codes, whose name ends in .npz" in refused("project", "--out", "x.png")
    digits = str(players["digits"])
    told = refused("edit", "--ckpt", digits, "--attribute", "Smiling", "--input", "a.png")
    assert "cannot encode --input; find codes of images with `genlab project`" in told
    assert "or --codes of `genlab project`" in refused("interpolate", "--ckpt", digits)
    go_on = ["interpolate", "--ckpt", digits, "--codes", "b.npz"]
    assert "give --input or --codes, not both" in refused(*go_on, "--input", "a.png")
    Path("b.npz").write_bytes(b"nothing")
    assert "b.npz cannot be read: it is missing, damaged" in refused(*go_on)
    np.savez("b.npz", code=np.zeros((3, 2), np.float32))
    assert "b.npz holds codes of shape (3, 2), but this model takes codes of 16 finite numbers" in refused(*go_on)
    np.savez("b.npz", code=np.full((3, 16), np.nan, np.float32))
    assert "b.npz holds codes that are not finite, but this model takes codes of 16" in refused(*go_on)
    np.savez("b.npz", style=np.zeros((3, 16), np.float32))
    assert "b.npz holds styles, but this model takes codes" in refused(*go_on)
    np.savez("b.npz", code=np.zeros((1, 16), np.float32))
    assert "an interpolation takes 2 codes or more; --codes has 1" in refused(*go_on)


def test_codes_of_predict_are_codes_too(run, tiles):
    write_image(Path("a.png"), size=(8, 8))
    write_image(Path("b.png"), seed=1, size=(8, 8))
    main(["predict", "--ckpt", str(run), "--input", "a.png", "b.png", "--out", "codes.npz"])
    main(["interpolate", "--ckpt", str(run), "--codes", "codes.npz", "--steps", "2", "--out", "way.npz"])
    with np.load("codes.npz") as arrays:
        np.testing.assert_allclose(tiles("way.npz")[0], arrays["reconstruction"], atol=1e-5)


def test_path_lengths_are_measured_beside_samples(players, run, refused):
    with pytest.warns(UserWarning, match="few"):
        main(
            [
                "evaluate",
                "--ckpt",
                str(players["digits"]),
                "--ppl",
                "--features",
                str(run),
                "--limit",
                "50",
                "--out",
                "found.json",
            ]
        )
    found = json.loads(Path("found.json").read_text())
    assert found["path_length_z"] > 0 < found["path_length_z_standard_error"]
    assert found["paths"].startswith("50 pairs of codes")
    assert "path_length_w" not in found
    told = refused("evaluate", "--ckpt", str(players["digits"]), "--truncation", "0.5")
    assert "--truncation is for styles, and the GAN in " in told
    assert "2 is not from 0 to 1" in refused("sample", "--truncation", "2")
