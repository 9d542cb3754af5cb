"""Every family is described by what it can do, and can do it."""

import functools
import io
import json
import math

import numpy as np
import pytest
import torch
from PIL import Image

import genlab
from genlab.boltzmann import GibbsSampling
from genlab.capabilities import default_path
from genlab.cli import main
from genlab.commands.edit import learned_direction
from genlab.commands.shared.trained import encoded
from genlab.diffusion import SAMPLERS, Sampling
from genlab.explore.directions import LABELLED, attribute_direction, attribute_names
from genlab.explore.opened import explored_at
from genlab.images import eight_bits
from tests.explore.conftest import arguments


@pytest.fixture(scope="module")
def site_of(serve, family):
    """Returns a client of a family's server."""
    return functools.cache(lambda name: serve(family(name)))


def able(told: dict) -> set[str]:
    return {name for name, can in told["can"].items() if can}


def test_an_autoencoder_has_a_map_by_principal_components_and_priors_that_are_fitted(site_of):
    site = site_of("autoencoder")
    told = site.described()
    assert able(told) == {"encode", "decode", "reconstruct"}
    assert told["priors"] == ["gaussian", "gmm"]
    codes = site.array("gallery/codes", "<f4").reshape(told["gallery"]["count"], -1)
    plane, directions = told["map"], told["directions"]
    assert (plane["axes"], plane["manifold"]) == ("pca", False)
    np.testing.assert_allclose(plane["mean"], codes.mean(0), atol=1e-4)
    points = (codes - plane["mean"]) @ np.transpose(plane["basis"])
    np.testing.assert_allclose(points.std(0), directions["std"][:2], rtol=1e-3)
    assert directions["std"] == sorted(directions["std"], reverse=True)
    np.testing.assert_allclose(told["units"]["std"], codes.std(0), rtol=1e-3, atol=1e-4)
    assert told["units"]["order"][0] == codes.std(0).argmax()
    assert "there is no prior own; there are gaussian, gmm" in site.refused("draw")
    drawn = site.computed("draw", count=3, prior="gmm")
    assert site.computed("decode", drawn.tobytes()).shape == (3, 1, 8, 8)


def test_a_gan_has_sliders_of_its_prior_but_no_map(site_of):
    told = site_of("gan").described()
    assert able(told) == {"decode", "draw", "sample"}
    assert (told["map"], told["directions"], told["attributes"]) == (None, None, [])
    assert told["priors"] == ["own"]
    np.testing.assert_allclose(told["units"]["std"], 1, atol=0.15)


def test_a_stylegan_has_styles_for_codes_with_their_principal_directions(site_of, family):
    site = site_of("stylegan")
    told, model = site.described(), genlab.load(family("stylegan"))
    assert told["styles"]
    assert (told["code_shape"], told["flat"]) == ([model.style_size], True)
    assert able(told) == {"decode", "draw", "sample"}
    drawn = site.computed("draw", count=3, seed=4)
    styles = model.styles(model.draw_codes(3, generator=torch.Generator().manual_seed(4)))
    np.testing.assert_allclose(drawn, styles[:, 0], atol=1e-5)
    np.testing.assert_array_equal(site.computed("decode", drawn.tobytes()), eight_bits(model.synthesize(styles)))
    many = model.styles(model.draw_codes(1000, generator=torch.Generator().manual_seed(0)))[:, 0]
    center = np.float32(told["units"]["mean"])
    truncated = model.styles(model.draw_codes(3, generator=torch.Generator().manual_seed(4)), truncation=0.5)
    np.testing.assert_allclose((center + drawn) / 2, truncated[:, 0], atol=1e-5)
    np.testing.assert_allclose(told["directions"]["std"][0] ** 2, torch.cov(many.T).trace(), rtol=1)
    first = torch.tensor(told["directions"]["vectors"][0])
    assert ((many - many.mean(0)) @ first).std(correction=0).item() == pytest.approx(
        told["directions"]["std"][0], rel=1e-3
    )
    assert explored_at(family("stylegan"), arguments(), styles=False).code_shape == model.code_shape


@pytest.mark.parametrize(
    ("name", "path"), [("gan", "lerp"), ("cvae", "lerp"), ("stylegan", "lerp"), ("diffusion", "slerp")]
)
def test_interpolations_take_the_same_path_as_on_the_command_line(name, path, site_of, family, tmp_path, monkeypatch):
    assert site_of(name).described()["path"] == path
    monkeypatch.chdir(tmp_path)
    condition = ["--condition=7"] if name == "cvae" else []
    main(["interpolate", f"--ckpt={family(name)}", "--between=samples", "-n=1", *condition, "--out=way.npz"])
    with np.load("way.npz") as arrays:
        assert str(arrays["title"]).startswith({"lerp": "Linear", "slerp": "Spherical"}[path])


def test_a_conditional_model_interpolates_along_the_path_of_its_kind():
    assert default_path(genlab.CVAE) is genlab.latent.lerp
    assert default_path(genlab.ConditionalDiffusion) is genlab.latent.slerp


def test_a_class_is_a_condition(site_of, family):
    site = site_of("cvae")
    told = site.described()
    assert told["condition"] == {"kind": "classes", "names": [*"0123456789"]}
    assert told["attributes"] == []
    codes = site.computed("draw", count=4, condition=7)
    images = site.computed("decode", codes.tobytes(), condition=7)
    model = genlab.load(family("cvae"))
    np.testing.assert_array_equal(images, eight_bits(model.given(7).decode(torch.from_numpy(codes.copy()))))
    assert (images != site.computed("decode", codes.tobytes(), condition=1)).any()
    np.testing.assert_array_equal(site.computed("sample", count=10, seed=2), eight_bits(model.sample(10, seed=2)))
    labels = site.array("gallery/conditions", "<f4")
    assert labels.tolist() == told["gallery"]["labels"]
    for wrong in ("10", "-1", "1.5", '"1"', "true", "[1]", "{", "null", "[" * 10**4):
        assert site.refused("sample", condition=wrong).startswith(("a class is", "the condition is not valid JSON"))
    assert "needs a condition" in site.refused("decode", codes.tobytes())


def test_attributes_are_switches(site_of):
    site = site_of("cvae_of_attributes")
    told = site.described()
    names, usual = told["condition"]["names"], told["condition"]["usual"]
    assert told["condition"]["kind"] == "attributes"
    assert len(names) == len(usual) > 1
    codes = site.computed("draw", condition=json.dumps(usual)).tobytes()
    flipped = [1 - usual[0], *usual[1:]]
    first, second = (site.computed("decode", codes, condition=json.dumps(each)) for each in (usual, flipped))
    assert (first != second).any()
    assert site.array("gallery/conditions", "<f4").size == told["gallery"]["count"] * len(names)
    for wrong in ("[]", json.dumps([2, *usual[1:]]), "[NaN]", json.dumps(["1", *usual[1:]]), "1"):
        assert site.refused("decode", codes, condition=wrong).startswith(f"attributes are {len(names)} numbers")


def test_an_image_is_a_condition_that_the_body_begins_with(site_of):
    site = site_of("cvae_of_images")
    told = site.described()
    assert told["condition"]["kind"] == "image"
    assert told["gallery"]["kind"] == "pairs"
    size = math.prod(told["condition"]["shape"])
    source = site.array("gallery/conditions").tobytes()[:size]
    assert source == site.array("gallery/images", part="source").tobytes()[:size]
    target = site.array("gallery/images", part="target").tobytes()[: math.prod(told["image_shape"])]
    code = site.computed("encode", source + target)
    np.testing.assert_allclose(
        code.ravel(), site.array("gallery/codes", "<f4")[: code.size], atol=0.01
    )  # degraded images are rounded
    assert site.computed("sample", source, count=3).shape[0] == 3
    assert "are not images of 1 x 28 x 20" in site.refused("sample", source[:-1])


def test_framing_makes_a_source_of_an_uploaded_image(site_of):
    site = site_of("cvae_of_images")
    told = site.described()
    content = io.BytesIO()
    Image.new("L", (70, 90), 200).save(content, "PNG")
    source = site.computed("frame", content.getvalue(), part="source")
    assert [*source.shape[1:]] == told["condition"]["shape"]
    assert (source == 200).any()
    assert (source != 200).any()  # the half that is removed


def test_pairs_are_translated_beside_the_truth(site_of):
    site = site_of("pix2pix")
    told = site.described()
    assert able(told) == {"translate"}
    assert told["gallery"]["kind"] == "pairs"
    assert told["translation"]["parts"] == {"a_to_b": {"start": "source", "end": "target", "truth": "target"}}
    shape = told["translation"]["directions"]["a_to_b"]
    image = site.array("gallery/images", part="source").tobytes()[: math.prod(shape)]
    query = {"shape": ",".join(map(str, shape)), "direction": "a_to_b", "seed": 1}
    first, second = (site.computed("translate", image, **query) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    assert "2 images were sent" in site.refused("translate", 2 * image, **query)
    larger = site.computed("translate", bytes(shape[0] * 40 * 24), shape=f"{shape[0]},40,24")
    assert larger.shape[2:] == (40, 24)
    assert "translates a_to_b" in site.refused("translate", image, **{**query, "direction": "b_to_a"})


def test_domains_are_translated_both_ways(site_of):
    told = site_of("cyclegan").described()
    assert set(told["translation"]["directions"]) == set(told["translation"]["parts"]) == {"a_to_b", "b_to_a"}


def test_stacked_autoencoders_encode_and_decode(site_of):
    site = site_of("stacked")
    told = site.described()
    assert told["flat"]
    assert {"encode", "decode", "reconstruct"} <= able(told)
    codes = site.array("gallery/codes", "<f4").tobytes()[: 4 * told["code_shape"][0]]
    assert site.computed("decode", codes).shape == (1, 1, 8, 8)


def test_a_diffusion_model_samples_as_asked_and_shows_the_way(site_of, family):
    site, model = site_of("diffusion"), genlab.load(family("diffusion"))
    told = site.described()
    assert told["steps"] == {"samplers": [*SAMPLERS], "usual": 10, "most": 100, "guided": False}
    model.sampling = Sampling(SAMPLERS["ancestral"], steps=3)
    expected = model.sample(4, seed=7)
    asked = {"count": 4, "seed": 7, "sampler": "ancestral", "steps": 3}
    sampled = site.computed("sample", **asked)
    np.testing.assert_array_equal(sampled, eight_bits(expected))
    way = site.computed("way", **asked, chosen=2)
    np.testing.assert_array_equal(
        way, eight_bits(model.on_the_way(4, 8, generator=torch.Generator().manual_seed(7))[2])
    )
    np.testing.assert_allclose(way[-1], sampled[2], atol=1)
    model.sampling = Sampling()
    np.testing.assert_array_equal(site.computed("sample", count=2), eight_bits(model.sample(2, seed=0)))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"steps": 0}, "the number of steps must be from 1 to 100, not 0"),
        ({"steps": 101}, "the number of steps must be from 1 to 100, not 101"),
        ({"steps": "many"}, "steps is a whole number"),
        ({"sampler": "best"}, "the sampler must be one of ancestral, ddim, dpm, euler, heun"),
        ({"guidance": "1e999"}, "guidance is a number"),
        ({"guidance": -1}, "guidance is -1.0; it must be at least 0"),
        ({"guidance": 2}, "a Diffusion has no condition to follow"),
        ({"chosen": 1}, "chosen is a whole number from 0 to 0"),
    ],
)
def test_settings_of_sampling_that_make_no_sense_are_told(settings, message, site_of):
    assert message in site_of("diffusion").refused("way", **settings)
    if "chosen" not in settings:
        assert message in site_of("diffusion").refused("sample", **settings)
        assert "does not sample in steps" in site_of("gan").refused("sample", steps=3)


def test_a_machine_of_chains_samples_in_steps_and_shows_the_way(site_of, family):
    site, model = site_of("rbm"), genlab.load(family("rbm"))
    assert site.described()["steps"] == {"samplers": [], "usual": 1000, "most": 2000, "guided": False}
    model.sampling = GibbsSampling(steps=20)
    np.testing.assert_array_equal(site.computed("sample", count=3, steps=20), eight_bits(model.sample(3, seed=0)))
    way = site.computed("way", count=3, steps=20, chosen=1)
    np.testing.assert_array_equal(
        way, eight_bits(model.on_the_way(3, 8, generator=torch.Generator().manual_seed(0))[1])
    )
    assert "has no sampler to choose" in site.refused("sample", sampler="heun")


def test_a_diffusion_model_interpolates_and_reconstructs_and_no_gallery_is_turned_into_noise(site_of, family):
    site = site_of("diffusion")
    told = site.described()
    assert able(told) >= {"sample", "reconstruct"}
    assert (told["flat"], told["real"], told["map"]) == (False, True, None)
    assert site.post("sample", count=2).content == site.post("sample", count=2).content
    image = site.array("gallery/images").tobytes()[:64]
    assert site.computed("reconstruct", image).shape == (1, 1, 8, 8)
    code, pixels = site.computed("encode", image), np.frombuffer(image, np.uint8).reshape(1, 1, 8, 8)
    expected = genlab.load(family("diffusion")).encode(torch.from_numpy(pixels / np.float32(255)))
    np.testing.assert_allclose(code, expected, atol=1e-5)
    np.testing.assert_array_equal(site.computed("decode", code.tobytes()), site.computed("reconstruct", image))
    assert site.client.get(f"/api/models/{site.key}/gallery/codes").status_code == 404


def test_directions_of_attributes_are_those_of_genlab_edit(family):
    explored = explored_at(family("faces"), arguments())
    for name in ("Smiling", "Male"):
        assert name in attribute_names(explored)
        expected = learned_direction(explored.trained, name, LABELLED, torch.Generator().manual_seed(0))
        torch.testing.assert_close(attribute_direction(explored, name), expected, atol=1e-5, rtol=0)


def test_no_training_image_is_encoded_twice_for_directions_and_densities(family, monkeypatch):
    explored = explored_at(family("autoencoder"), arguments())
    seen = []

    def encoding(trained, images, rows):
        seen.extend(rows.tolist())
        return encoded(trained, images, rows)

    monkeypatch.setattr("genlab.explore.explored.encoded", encoding)
    monkeypatch.setattr("genlab.explore.explored.FITTED_ON", 60)
    monkeypatch.setattr("genlab.explore.directions.LABELLED", 30)
    explored.density("gaussian")
    assert len(seen) == 60
    for name in attribute_names(explored):
        attribute_direction(explored, name)
    assert len(seen) == len(set(seen)) > 60


def test_data_that_are_gone_leave_a_model_that_can_be_explored(serve, family, tmp_path, monkeypatch):
    monkeypatch.setenv("GENLAB_DATA_DIR", str(tmp_path / "nothing"))
    site = serve(family("faces"))
    told = site.described()
    assert told["gallery"] is None
    assert len(told["notes"]) == 1
    assert told["units"] is not None
    assert site.computed("sample", count=2).shape[0] == 2
    assert site.client.get(f"/api/models/{site.key}/gallery/images").status_code == 404


def test_an_upload_is_framed_as_the_data_are(site_of):
    site = site_of("faces")
    shape = site.described()["image_shape"]
    content = io.BytesIO()
    Image.new("RGB", (300, 200), (10, 200, 30)).save(content, "JPEG", quality=95)
    framed = site.computed("frame", content.getvalue())
    assert [*framed.shape] == [1, *shape]
    assert np.abs(framed[0].mean((1, 2)) - [10, 200, 30]).max() < 3
    assert "not an image" in site.refused("frame", b"no image at all")
    assert "not an image" in site.refused("frame", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n")
    assert "there are no images called b" in site.refused("frame", content.getvalue(), part="b")


def test_a_decompression_bomb_is_not_decoded(site_of):
    content = io.BytesIO()
    Image.new("1", (8_000, 8_000)).save(content, "PNG", compress_level=9)
    assert len(content.getvalue()) < 10**5
    assert "pixels" in site_of("faces").refused("frame", content.getvalue())
