"""Tools on a user's own images, on other data, splits and devices, and on conditional models."""

import csv
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import genlab
from genlab.cli import main
from genlab.conditions import Attributes, Labels
from tests.data.pictures import framed
from tests.run_folders import out_of


def test_predictions_of_files_are_the_models_of_images_framed_as_its_data_are(run, photos, capsys, refused):
    Path("photos/bad.png").write_bytes(b"no image")
    arguments = ["predict", "--ckpt", str(run), "--input", "photos", "--out", "codes.npz"]
    main(arguments)
    told = capsys.readouterr().out.splitlines()
    assert told == [
        "1 image could not be read: photos/bad.png: not an image",
        "codes.npz: code (3, 2), reconstruction (3, 1, 8, 8)",
    ]
    with np.load("codes.npz") as found, torch.no_grad():
        assert found["path"].tolist() == photos
        np.testing.assert_allclose(found["code"], genlab.load(run).encode(framed(*photos)), atol=1e-5)
    assert "codes.npz already exists" in refused(*arguments)
    assert "none of the images can be read: photos/bad.png: not an image" in refused(
        "predict", "--ckpt", str(run), "--input", "photos/bad.png", "--out", "none.npz"
    )


def test_faces_are_framed_as_celeba_is(faces, photos):
    main(["predict", "--ckpt", str(faces), "--input", photos[0], "--out", "face.npz"])
    model = genlab.load(faces)
    with np.load("face.npz") as found, torch.no_grad():
        expected = model.encode(framed(photos[0], shape=(3, 64, 64), width_share=148 / 178))
        np.testing.assert_allclose(found["code"], expected, atol=1e-4)


@pytest.mark.parametrize("tool", ["reconstruct", "latent", "traverse", "interpolate"])
def test_tools_look_at_files_in_their_order(tool, run, photos, calls):
    given = photos[:1] if tool == "traverse" else photos
    main([tool, "--ckpt", str(run), "--out", "x.png", "--input", *given])
    seen = calls["encode"][-1][0]
    torch.testing.assert_close(seen, framed(*given))
    assert Path("x.png").exists()


def test_a_pattern_a_folder_and_a_number_say_which_files(run, photos, calls):
    main(["reconstruct", "--ckpt", str(run), "--out", "x.png", "--input", "photos/[ab].*", "photos", "-n", "2"])
    torch.testing.assert_close(calls["reconstruct"][-1][0], framed(*photos[:2]))


def test_interpolation_goes_from_each_image_to_the_next(run, photos, calls, refused):
    interpolate = ["interpolate", "--ckpt", str(run), "--steps", "3", "--input"]
    main([*interpolate, *photos, "--out", "x.png"])
    (_, codes), (way, _) = calls["encode"][-1], calls["decode"][-1]
    expected = [codes[0], codes[:2].mean(0), codes[1], codes[1], codes[1:].mean(0), codes[2]]
    torch.testing.assert_close(way, torch.stack(expected))
    assert "an interpolation takes 2 images or more; --input has 1" in refused(*interpolate, photos[0])
    assert "--along square takes exactly 4 images; --input has 3" in refused(*interpolate, *photos, "--along", "square")
    assert "leave out --input" in refused(*interpolate, *photos, "--between", "samples")


def test_an_image_is_traversed_alone_by_as_much_as_test_images_vary(run, photos, calls, refused):
    assert "traverse takes one image, and --input has 3; give one" in refused(
        "traverse", "--ckpt", str(run), "--input", *photos
    )
    main(["traverse", "--ckpt", str(run), "--input", photos[0], "--steps", "3", "--range", "1", "--out", "x.png"])
    (images, codes), (_, code) = calls["encode"][-2:]
    assert len(images) == 180
    deviation, mean = torch.std_mean(codes, 0)
    changed = calls["decode"][-1][0].view(2, 3, 2)
    first = int(deviation.argmax())
    torch.testing.assert_close(changed[0, :, first], mean[first] + deviation[first] * torch.tensor([-1.0, 0, 1]))
    torch.testing.assert_close(changed[0, :, 1 - first], code[0, 1 - first].expand(3))


def test_files_are_edited_along_a_vector_from_training_images(faces, photos, calls):
    main(["edit", "--ckpt", str(faces), "--attribute", "Smiling", "--steps", "3", "--input", *photos, "--out", "x.png"])
    images, codes = calls["encode"][-1]
    torch.testing.assert_close(images, framed(*photos, shape=(3, 64, 64), width_share=148 / 178))
    edited = torch.stack([given for given, _ in calls["decode"][-3:]])
    torch.testing.assert_close(edited[:, 1], codes)
    assert (edited[:, 2] - edited[:, 1]).norm() > 0
    assert sum(len(given) for given, _ in calls["encode"][:-1]) > 100


def table(path: str) -> list[list[str]]:
    with Path(path).open() as file:
        return list(csv.reader(file))


def test_the_strangest_files_come_first_with_their_place_among_test_images(run, photos, capsys, refused):
    evaluate = ["evaluate", "--ckpt", str(run), "--samples", "20", "--out", "x.csv", "--input"]
    main([*evaluate, *photos])
    heading, *rows = table("x.csv")
    assert heading == ["file", "negative log-likelihood", "% of 180 test images below"]
    assert capsys.readouterr().out.splitlines()[-1] == "x.csv"
    model, data = genlab.load(run), genlab.Digits()
    data.setup()
    usual = -model.log_likelihood(data.test_set[torch.arange(180)]["image"], 20)
    found = {name: (float(score), float(percent)) for name, score, percent in rows}
    for photo in photos:
        score = -float(model.log_likelihood(framed(photo), 500))
        assert found[photo][0] == pytest.approx(score, rel=0.1)
        assert found[photo][1] == pytest.approx(100 * float((usual < found[photo][0]).float().mean()), abs=3)
    assert [score for score, _ in found.values()] == sorted((score for score, _ in found.values()), reverse=True)
    assert "--fid, --features and sampling options are for judging a model's samples; leave out --input" in refused(
        *evaluate, *photos, "--fid", "--force"
    )


def test_files_are_strange_to_an_autoencoder_when_it_cannot_give_them_back(faces, photos, refused):
    main(["evaluate", "--ckpt", str(faces), "--limit", "9", "--input", *photos, "--out", "x.csv"])
    heading, *rows = table("x.csv")
    assert heading == ["file", "squared error", "% of 9 test images below"]
    x = framed(*photos, shape=(3, 64, 64), width_share=148 / 178)
    with torch.no_grad():
        errors = (genlab.load(faces).reconstruct(x) - x).square().flatten(1).sum(1)
    for name, score, _ in rows:
        assert float(score) == pytest.approx(float(errors[photos.index(name)]), rel=1e-3)


@pytest.mark.parametrize("tool", ["latent", "traverse", "interpolate", "reconstruct", "probe"])
@pytest.mark.parametrize("data", ["digits", "celeba", "frey"])
def test_conditional_models_see_images_under_their_own_conditions(tool, data, conditional, calls):
    main([tool, "--ckpt", str(conditional[data]), "--out", out_of([tool])])
    _, codes = calls["encode"][-1]
    model = genlab.load(conditional[data])
    images = opened(model)
    with torch.no_grad():
        batch = images[torch.arange(len(images))]
        expected = model.under(batch).encode(model.images(batch))
    nearest = (codes[:, None] - expected).abs().amax(2).amin(1)
    assert float(nearest.max()) < 1e-5


def opened(model: Any) -> Any:
    """Return the test images that a conditional model of the fixture was built for, or pairs."""
    data: Any = genlab.data.DegradedPairs(genlab.FreyFaces(), genlab.data.Half())
    if isinstance(model.condition, Labels):
        data = genlab.Digits()
    elif isinstance(model.condition, Attributes):
        data = genlab.CelebA(attributes=list(model.condition.attribute_names))
    data.prepare_data()
    data.setup()
    return data.test_set


def test_a_way_is_decoded_under_the_first_images_condition_or_the_one_asked_for(conditional, calls):
    interpolate = ["interpolate", "--ckpt", str(conditional["digits"]), "-n", "1", "--seed", "1"]
    model = genlab.load(conditional["digits"])
    images = opened(model)
    order = torch.randperm(180, generator=torch.Generator().manual_seed(1))
    own = images[order[:1]]["label"]
    for number, (options, label) in enumerate([([], own), (["--condition", "4"], torch.tensor([4]))]):
        main([*interpolate, *options, "--out", f"{number}.png"])
        (way, drawn) = calls["decode"][-1]
        with torch.no_grad():
            torch.testing.assert_close(drawn, model.given(label).decode(way))


def test_a_conditional_model_needs_the_condition_of_files(conditional, photos, calls, refused):
    pets = ["predict", "--ckpt", str(conditional["pets"]), "--out", "x.npz", "--input", *photos]
    assert "give that of --input, such as --condition cat" in refused(*pets)
    main([*pets, "--condition", "dog"])
    _, codes = calls["encode"][-1]
    with torch.no_grad():
        expected = genlab.load(conditional["pets"]).given(torch.tensor([1])).encode(framed(*photos, shape=(3, 8, 8)))
    torch.testing.assert_close(codes, expected)
    main(["reconstruct", "--ckpt", str(conditional["frey"]), "--out", "x.png", "--input", photos[1]])
    torch.testing.assert_close(calls["encode"][-1][0], framed(photos[1], shape=(1, 28, 20)))


def test_a_model_without_conditions_says_so_before_data_are_read(run, photos, refused):
    told = refused("reconstruct", "--ckpt", str(run), "--input", *photos, "--condition", "7")
    assert "takes no conditions" in told


def test_names_of_files_that_are_no_utf_8_are_printed_and_written(run, photos, capsys):
    name = os.fsdecode(b"\xff.png")
    odd = Path(shutil.copy(photos[0], name))
    main(["evaluate", "--ckpt", str(run), "--input", str(odd), "--samples", "2", "--limit", "5", "--out", "o.csv"])
    assert r"\udcff.png" in capsys.readouterr().out
    assert b"\xff.png," in Path("o.csv").read_bytes()
