"""`genlab translate`, and `genlab evaluate` on models that translate."""

import contextlib
import json
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import genlab
from genlab.cli import main
from genlab.commands.translate import found_files
from genlab.metrics.translation import sharpness, translation_scores
from genlab.models.shared.tiles import in_tiles

FACADES = ["--data.image_size=32", "--model.generator.channels=4", "--model.discriminator.channels=4"]


@pytest.fixture(scope="module")
def trained(tmp_path_factory, data_dir) -> Path:
    """A folder with runs of pix2pix on facades, in colour, and of CycleGAN on digits, two batches each."""
    folder = tmp_path_factory.mktemp("translation")
    with contextlib.chdir(folder), pytest.MonkeyPatch.context() as patch:
        patch.setenv("GENLAB_DATA_DIR", str(data_dir))
        main(["fit", "--config", "pix2pix_facades.yaml", "--config", "overlays/smoke.yaml", *FACADES])
        main(["fit", "--config", "cyclegan_digits.yaml", "--config", "overlays/smoke.yaml"])
    return folder / "runs"


@pytest.fixture
def facades(trained) -> str:
    return str(trained / "pix2pix_facades" / "0")


@pytest.fixture
def digits(trained) -> str:
    return str(trained / "cyclegan_digits" / "0")


def write(path: Path, width: int, height: int, mode: str = "RGB") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    channels = len(Image.new(mode, (1, 1)).getbands())
    values = np.random.default_rng(width).integers(0, 256, (height, width, channels), dtype=np.uint8)
    Image.fromarray(values.squeeze(), mode).save(path)
    return path


def test_files_of_any_size_keep_their_names_and_places(facades, capsys):
    write(Path("photos/one.png"), 32, 32)
    write(Path("photos/more/two.jpg"), 50, 37)
    write(Path("photos/grey.bmp"), 20, 45, "L")
    write(Path("photos/clear.webp"), 33, 9, "RGBA")
    main(["translate", "--ckpt", facades, "--input", "photos", "--output", "out"])
    assert capsys.readouterr().out.splitlines()[-1] == "4 images in out"
    sizes = {path.relative_to("out").as_posix(): Image.open(path).size for path in Path("out").rglob("*.*")}
    assert sizes == {"one.png": (32, 32), "more/two.jpg": (50, 37), "grey.bmp": (20, 45), "clear.webp": (33, 9)}


def test_a_file_is_what_the_model_makes_of_it(facades):
    path = write(Path("photo.png"), 40, 36)
    main(["translate", "--ckpt", facades, "--input", "photo.png", "--output", "out", "--side-by-side", "--seed", "3"])
    x = torch.from_numpy(np.asarray(Image.open(path)).copy()).permute(2, 0, 1)[None] / 255
    y = genlab.load(facades).translate(x, generator=torch.Generator().manual_seed(3)).detach()
    expected = (torch.cat([x, y], 3)[0] * 255).byte().permute(1, 2, 0).numpy()
    assert np.abs(np.asarray(Image.open("out/photo.png")).astype(int) - expected).max() <= 1


def test_both_directions_tiles_and_patterns(digits):
    for number in range(3):
        write(Path(f"large{number}.png"), 30, 21)
    ways = {"whole": [], "back": ["--direction", "b_to_a"], "tiles": ["--tile"]}
    for folder, options in ways.items():
        main(["translate", "--ckpt", digits, "--input", "large[01].png", "--output", folder, *options])
    pictures = [np.asarray(Image.open(Path(folder) / "large0.png")) for folder in ways]
    assert all(picture.shape == (21, 30) for picture in pictures)
    assert not np.array_equal(pictures[0], pictures[1])
    x = torch.from_numpy(np.asarray(Image.open("large0.png").convert("L")).copy())[None, None] / 255
    with torch.no_grad():
        tiled = in_tiles(genlab.load(digits).translate, x, 8, 8)[0, 0]
    assert np.abs(pictures[2].astype(int) - (255 * tiled).numpy()).max() <= 1
    assert not Path("whole/large2.png").exists()


def test_what_cannot_be_read_is_skipped_and_said(facades, capsys, refused):
    write(Path("photos/good.png"), 16, 16)
    Path("photos/bad.png").write_bytes(b"no image")
    Path("photos/cut.png").write_bytes(Path("photos/good.png").read_bytes()[:200])
    main(["translate", "--ckpt", facades, "--input", "photos", "--output", "out"])
    told = capsys.readouterr().out.splitlines()
    assert told[-2] == "1 image in out"
    assert told[-1].startswith("2 images could not be read: photos/bad.png: not an image; photos/cut.png: ")
    assert [path.name for path in Path("out").iterdir()] == ["good.png"]
    assert "none of the images can be read" in refused("translate", "--ckpt", facades, "--input", "photos/bad.png")


def test_odd_files_are_skipped_and_said(facades, capsys, refused):
    write(Path("photos/good.png"), 16, 16)
    os.mkfifo("photos/fifo.png")
    Path("photos/loop.png").symlink_to("loop.png")
    Path("photos/zero.png").symlink_to("/dev/zero")
    main(["translate", "--ckpt", facades, "--input", "photos", "--output", "out"])
    told = capsys.readouterr().out.splitlines()
    assert told[-2] == "1 image in out"
    assert "photos/fifo.png: a FIFO, not a regular file; photos/loop.png: Too many levels" in told[-1]
    assert "photos/zero.png: a device, not a regular file" in told[-1]
    for name in ("fifo", "loop", "zero"):
        message = refused("translate", "--ckpt", facades, "--input", f"photos/{name}.png", "--output", "new")
        assert f"none of the images can be read: photos/{name}.png: " in message
    for text, told in (("", "an --input is empty"), ("x" * 300, "there is no xxx")):
        assert told in refused("translate", "--ckpt", facades, "--input", text, "--output", "new")
    assert not Path("new").exists()


def test_nothing_is_overwritten(facades, refused):
    write(Path("photos/a.png"), 16, 16)
    write(Path("photos/b.png"), 16, 16)
    before = Path("photos/a.png").read_bytes()
    for options in ([], ["--force"]):
        message = refused("translate", "--ckpt", facades, "--input", "photos", "--output", "photos", *options)
        assert "photos/a.png is one of the images to translate; give another --output" in message
    assert Path("photos/a.png").read_bytes() == before
    Path("out").mkdir()
    Path("out/b.png").write_text("mine")
    assert "out/b.png already exists" in refused("translate", "--ckpt", facades, "--input", "photos", "--output", "out")
    assert [path.name for path in Path("out").iterdir()] == ["b.png"]
    main(["translate", "--ckpt", facades, "--input", "photos", "--output", "out", "--force"])
    assert Image.open("out/b.png").size == (16, 16)


@pytest.mark.parametrize("name", ["new.gif", "new.jp2", "new.PNG"])
def test_a_file_is_written_in_the_format_of_its_name(facades, name):
    write(Path("photos/a.png"), 16, 16)
    main(["translate", "--ckpt", facades, "--input", "photos/a.png", "--output", name])
    assert Image.open(name).size == (16, 16)


def test_an_output_that_cannot_be_stops_before_anything_is_written(facades, refused):
    write(Path("photos/a.png"), 16, 16)
    Path("photos/b").write_bytes(Path("photos/a.png").read_bytes())
    told = refused("translate", "--ckpt", facades, "--input", "photos/a.png", "photos/b", "--output", "out")
    assert "out/b has no extension of a format that can be written" in told
    told = refused("translate", "--ckpt", facades, "--input", "photos/*", "photos/b", "--output", "b.jpg")
    assert "b.jpg is one file for 2 images; give the name of a folder as --output" in told
    told = refused("translate", "--ckpt", facades, "--input", "photos/a.png", "--output", "out.pdf")
    assert "out.pdf is to be a folder but has the extension of a file" in told
    assert not Path("out.pdf").exists()
    assert not Path("out").exists()


def test_one_image_becomes_one_file(facades, capsys, refused):
    write(Path("photos/a.png"), 20, 16)
    arguments = ["translate", "--ckpt", facades, "--input", "photos/a.png", "--output", "new/b.jpg"]
    main(arguments)
    assert capsys.readouterr().out.splitlines() == ["new/b.jpg"]
    assert (Image.open("new/b.jpg").size, Image.open("new/b.jpg").format) == ((20, 16), "JPEG")
    assert "new/b.jpg already exists" in refused(*arguments)
    assert "photos/a.png is one of the images to translate" in refused(*arguments[:-1], "photos/a.png")


def test_mistakes_are_said_in_one_line(facades, digits, run, refused):
    write(Path("x/a.png"), 8, 8)
    write(Path("y/a.png"), 8, 8)
    assert "there is no nowhere; give image files" in refused("translate", "--ckpt", facades, "--input", "nowhere")
    assert "x/a.png and y/a.png are both called a.png" in refused(
        "translate", "--ckpt", facades, "--input", "x", "y", "--output", "out"
    )
    assert "translates a_to_b only" in refused("translate", "--ckpt", facades, "--direction", "b_to_a")
    assert "cannot translate; it can encode" in refused("translate", "--ckpt", str(run))
    assert "cannot sample; it can translate" in refused("sample", "--ckpt", digits)
    assert "are for files; give --input" in refused("translate", "--ckpt", digits, "--tile")
    assert "--samples is for likelihoods" in refused("evaluate", "--ckpt", digits, "--samples", "5")


def test_files_are_found_by_folder_name_and_pattern():
    for name in ("p/a.png", "p/q/b.png", "c.png", "notes.txt"):
        write(Path(name), 4, 4) if name.endswith("png") else Path(name).write_text("")
    assert found_files(["p", "c.png"], Path("out")) == {
        "a.png": Path("p/a.png"),
        "q/b.png": Path("p/q/b.png"),
        "c.png": Path("c.png"),
    }
    assert found_files(["p"], Path("p/q")) == {"a.png": Path("p/a.png")}
    assert found_files(["p/q"], Path("p")) == {"b.png": Path("p/q/b.png")}
    assert found_files(["*.png"], Path("out")) == {"c.png": Path("c.png")}
    assert found_files(["p/a.png", "p", "p/*"], Path("out"))["a.png"] == Path("p/a.png")
    assert found_files(["p/*", "*.*"], Path("out")) == {"a.png": Path("p/a.png"), "c.png": Path("c.png")}
    assert found_files(["p/**/*.png"], Path("out")) == {"a.png": Path("p/a.png"), "b.png": Path("p/q/b.png")}


def test_test_images_are_drawn_beside_their_translations(facades, digits, refused):
    main(["translate", "--ckpt", facades, "--out", "facades.npz", "-n", "4", "--columns", "4"])
    with np.load("facades.npz") as arrays:
        assert arrays["tiles"].shape == (3, 4, 3, 32, 32)
        assert arrays["row_labels"].tolist() == ["input", "output", "truth"]
    main(["translate", "--ckpt", digits, "--direction", "b_to_a", "-n", "8"])
    assert Path(digits, "pictures/translate-b_to_a.png").exists()
    assert "x.bmp has no picture extension" in refused("translate", "--ckpt", digits, "--out", "x.bmp")


def test_translations_are_scored_against_the_truth_and_against_doing_nothing(facades, digits, capsys):
    main(["evaluate", "--ckpt", digits, "--out", "digits.json"])
    found = json.loads(Path("digits.json").read_text())
    data = genlab.data.DomainsFromPairs(genlab.data.DegradedPairs(genlab.Digits(), genlab.data.Edges(gain=1.0)))
    data.setup()
    a, b = (side[torch.arange(180)]["image"] for side in data.test_set.sides())
    model = genlab.load(digits)
    with torch.no_grad():
        error = (model.translate(a) - b).abs().mean()
        back = (model.translate(b, direction="b_to_a") - a).square().mean((1, 2, 3))
    assert found["a_to_b_l1"] == pytest.approx(error.item(), rel=1e-4)
    assert found["b_to_a_psnr"] == pytest.approx((-10 * back.log10()).mean().item(), rel=1e-4)
    assert found["a_to_b_l1_untranslated"] == pytest.approx((a - b).abs().mean().item(), rel=1e-4)
    main(["evaluate", "--ckpt", facades, "--out", "facades.json", "--limit", "3"])
    found = json.loads(Path("facades.json").read_text())
    assert found["a_to_b_images"] == "3 of the test split"
    assert 0 < found["a_to_b_ssim"] < 1
    assert found["a_to_b_sharpness"] > 0
    main(["evaluate", "--ckpt", digits, "--out", "val.json", "--split", "val", "--limit", "4"])
    assert json.loads(Path("val.json").read_text())["b_to_a_images"] == "4 of the val split"


def test_unpaired_translations_are_judged_by_their_domain(working_folder):
    smoke = ["--config", "overlays/smoke.yaml", "--model.generator.channels=4", "--model.discriminator.channels=4"]
    main(["fit", "--config", "cyclegan_celeba.yaml", *smoke, "--data.data.image_size=16"])
    with pytest.warns(UserWarning, match="images are few: FID and KID are unreliable"):
        main(["evaluate", "--features", "classifier"])
    found = json.loads(Path("runs/cyclegan_celeba/0/evaluate.json").read_text())
    assert "classifier of CelebA's attributes" in found["a_to_b_extractor"]
    for direction in ("a_to_b", "b_to_a"):
        assert found[f"{direction}_fid"] > 0
        assert found[f"{direction}_fid_untranslated"] > 0


def test_features_of_images_of_another_shape_are_refused(working_folder, refused):
    smoke = ["--config", "overlays/smoke.yaml", "--model.generator.channels=4", "--model.discriminator.channels=4"]
    faces = ["--data.pairs.data=CelebA", "--data.pairs.data.image_size=16", "--model.identity_weight=0"]
    main(["fit", "--config", "cyclegan_digits.yaml", *smoke, *faces])
    main(["fit", "--config", "vae_celeba.yaml", "--config", "overlays/smoke.yaml", "--data.image_size=16"])
    told = refused("evaluate", "--ckpt", "runs/cyclegan_digits/0", "--features", "runs/vae_celeba/0")
    assert "does not encode images of shape (1, 16, 16)" in told


def test_scores_are_their_formulas():
    torch.manual_seed(0)
    x = torch.rand(3, 3, 16, 16)
    y = (x + 0.1 * torch.randn_like(x)).clamp(0, 1)
    scores = translation_scores(x, y)
    torch.testing.assert_close(scores["l1"], (x - y).abs().mean((1, 2, 3)))
    torch.testing.assert_close(scores["psnr"], -10 * (x - y).square().mean((1, 2, 3)).log10())
    assert scores["ssim"].shape == (3,)
    assert "ssim" not in translation_scores(x[..., :8], y[..., :8])
    assert translation_scores(x, x)["psnr"].tolist() == [100.0] * 3


def test_scores_are_computed_in_float32_also_under_autocast():
    x = 0.9 + 0.05 * torch.rand(2, 3, 32, 32)
    y = (x + 0.02 * torch.randn_like(x)).clamp(0, 1)
    expected = translation_scores(x, y)
    with torch.autocast("cpu", torch.bfloat16):
        for name, values in translation_scores(x, y).items():
            assert torch.equal(values, expected[name])


def test_blurred_images_are_less_sharp_and_a_ramp_has_its_slope():
    ramp = (torch.arange(10.0) / 10).expand(1, 1, 10, 10)
    inside = sharpness(ramp[..., 0:10])
    assert inside.item() == pytest.approx((8 * 0.2 + 2 * 0.1) / 10 * 1.0, rel=1e-4)
    x = torch.rand(2, 3, 16, 16)
    assert (sharpness(torch.nn.functional.avg_pool2d(x, 3, 1, 1)) < sharpness(x)).all()
