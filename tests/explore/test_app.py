"""What the server answers about a VAE with a 2-D code: what the Python interface returns, to the last bit."""

import math

import numpy as np
import pytest
import torch

import genlab
from genlab.images import eight_bits


@pytest.fixture(scope="module")
def site(serve, run):
    return serve(run)


def test_the_description_says_what_the_model_can_do(site):
    told = site.described()
    assert told["title"].startswith("VAE on Digits, epoch")
    assert told["image_shape"] == [1, 8, 8]
    assert (told["code_shape"], told["flat"]) == ([2], True)
    assert told["can"] == {
        "encode": True,
        "decode": True,
        "draw": True,
        "sample": True,
        "reconstruct": True,
        "translate": False,
    }
    assert told["priors"] == ["own", "gaussian", "gmm"]
    assert told["attributes"] == [f"is {digit}" for digit in range(10)]
    assert told["gallery"]["kind"] == "images"
    assert len(told["gallery"]["labels"]) == told["gallery"]["count"] == 180
    assert (told["condition"], told["translation"], told["notes"]) == (None, None, [])


def test_the_map_of_two_units_shows_the_codes_and_the_prior(site):
    plane = site.described()["map"]
    codes = site.array("gallery/codes", "<f4").reshape(-1, 2)
    assert (plane["axes"], plane["manifold"]) == ("units", True)
    assert (plane["mean"], plane["basis"]) == ([0, 0], [[1, 0], [0, 1]])
    left, right, bottom, top = plane["extent"]
    assert (codes > [left, bottom]).all()
    assert (codes < [right, top]).all()
    assert left < -3 < 3 < right


def test_decoding_gives_the_pixels_of_the_python_interface(site, run):
    codes = torch.randn(7, 2)
    expected = eight_bits(genlab.load(run).decode(codes))
    np.testing.assert_array_equal(site.computed("decode", codes.numpy().tobytes()), expected)


def test_encoding_and_reconstructing_images_of_the_gallery(site, run):
    images = site.array("gallery/images").reshape(-1, 1, 8, 8)[:5]
    model, x = genlab.load(run), torch.from_numpy(images.copy()).float() / 255
    codes = site.computed("encode", images.tobytes())
    np.testing.assert_allclose(codes, model.encode(x), atol=1e-6)
    np.testing.assert_allclose(codes, site.array("gallery/codes", "<f4").reshape(-1, 2)[:5], atol=1e-5)
    np.testing.assert_array_equal(site.computed("reconstruct", images.tobytes()), eight_bits(model.reconstruct(x)))


def test_a_seed_gives_the_same_samples_as_python_and_codes_that_decode_to_them(site, run):
    expected = eight_bits(genlab.load(run).sample(6, seed=3))
    np.testing.assert_array_equal(site.computed("sample", count=6, seed=3), expected)
    codes = site.computed("draw", count=6, seed=3)
    np.testing.assert_array_equal(site.computed("decode", codes.tobytes()), expected)


def test_fitted_priors_draw_where_the_codes_lie(site):
    codes = site.array("gallery/codes", "<f4").reshape(-1, 2)
    for prior in ("gaussian", "gmm"):
        drawn = site.computed("draw", count=1024, seed=1, prior=prior)
        np.testing.assert_allclose(drawn.mean(0), codes.mean(0), atol=0.3)
        np.testing.assert_allclose(drawn.std(0), codes.std(0), rtol=0.25)
    assert "there is no prior flat" in site.refused("draw", prior="flat")


def test_the_direction_of_a_class_leads_to_its_images(site):
    labels = np.array(site.described()["gallery"]["labels"])
    codes = site.array("gallery/codes", "<f4").reshape(-1, 2)
    direction = site.array("attributes/is 0", "<f4")
    assert (codes[labels == 0] @ direction).mean() > (codes[labels != 0] @ direction).mean()
    assert site.client.get(f"/api/models/{site.key}/attributes/is 11").status_code == 404


def test_nothing_is_written(site, run):
    before = {path: path.stat().st_mtime_ns for path in run.rglob("*")}
    site.described()
    for prior in ("own", "gaussian", "gmm"):
        site.computed("draw", prior=prior)
    site.array("attributes/is 3", "<f4")
    assert {path: path.stat().st_mtime_ns for path in run.rglob("*")} == before


@pytest.mark.parametrize(
    ("primitive", "body", "query", "message"),
    [
        ("decode", b"", {}, "are not codes of 2 numbers"),
        ("decode", b"123", {}, "are not codes of 2 numbers"),
        ("decode", np.float32([math.nan, 0]).tobytes(), {}, "not all finite"),
        ("decode", np.float32([math.inf, 0]).tobytes(), {}, "not all finite"),
        ("decode", bytes(8 * 1025), {}, "from 1 to 1,024"),
        ("encode", bytes(63), {}, "not images of 1 x 8 x 8"),
        ("draw", b"", {"count": 10**9}, "from 1 to 1,024"),
        ("draw", b"", {"count": 0}, "from 1 to 1,024"),
        ("draw", b"", {"count": "many"}, "count is a whole number"),
        ("draw", b"", {"count": "1" * 5000}, "count is a whole number"),
        ("draw", b"", {"seed": -1}, "seed is a whole number"),
        ("sample", b"", {"count": 10**9}, "from 1 to 1,024"),
        ("translate", bytes(64), {"shape": "1,8,8"}, "cannot translate"),
        ("translate", bytes(64), {"shape": "1,8"}, "a shape is"),
        ("translate", bytes(64), {"shape": "1,99999999,8"}, "a shape is"),
        ("decode", bytes(8), {"view": "a", "turn": "x"}, "turn is a whole number"),
        ("destroy", b"", {}, "no such primitive"),
    ],
    ids=lambda part: part if isinstance(part, str) else "",
)
def test_nonsense_is_answered_in_one_line_and_the_server_lives(site, primitive, body, query, message):
    assert message in site.refused(primitive, body, **query)
    assert len(site.computed("sample", count=1)) == 1


def test_codes_far_away_are_decoded_to_something(site):
    assert site.computed("decode", np.float32([1e30, -1e30]).tobytes()).shape == (1, 1, 8, 8)


def test_unknown_runs_and_files_are_not_found(site):
    for address in (
        "/api/models/runs/nothing/0",
        "/api/models/../../etc/passwd",
        "/api/runs/etc/passwd/training",
        f"/api/runs/{site.key}/pictures/..%2Fconfig.yaml",
        f"/api/models/{site.key}/gallery/secrets",
        "/page/..%2Fapp.py",
        "/page/../app.py",
        "/page/",
        "/elsewhere",
    ):
        answer = site.client.get(address)
        assert answer.status_code == 404, address
        assert set(answer.json()) == {"error"}


def test_conditions_are_for_conditional_models(site):
    assert site.client.get(f"/api/models/{site.key}/gallery/conditions").status_code == 404
