"""`genlab sample` and other tools on conditional models."""

import os
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.datasets import ImageFolder

import genlab
from genlab.cli import main
from genlab.commands.sample import _folders


def pixels(path) -> np.ndarray:
    return np.asarray(Image.open(path))


def test_all_classes_are_drawn_one_a_row_with_one_code_a_column(conditional, tiles):
    main(["sample", "--ckpt", str(conditional["digits"]), "--columns", "3", "--seed", "2", "--out", "classes.npz"])
    drawn = tiles("classes.npz")
    assert drawn.shape[:2] == (10, 3)
    model = genlab.load(conditional["digits"])
    codes = torch.randn(3, model.code_size, generator=torch.Generator().manual_seed(2))
    with torch.no_grad():
        expected = model.given(torch.tensor([7])).decode(codes)[1]
    np.testing.assert_allclose(drawn[7, 1], expected, atol=1e-5)


@pytest.mark.parametrize("options", [["-n=3"], ["-n=3", "--columns=5"]])
def test_the_count_is_that_of_each_condition(conditional, tiles, options):
    main(["sample", f"--ckpt={conditional['digits']}", *options, "--out=three.npz"])
    assert tiles("three.npz").shape[:2] == (10, 3)


def test_one_class_is_drawn_when_asked_for(conditional, tiles):
    sample = ["sample", "--ckpt", str(conditional["digits"]), "--condition", "7", "-n", "4", "--columns", "2"]
    main([*sample, "--out", "7.npz"])
    model = genlab.load(conditional["digits"])
    with torch.no_grad():
        expected = model.given(torch.tensor([7])).sample(4, generator=torch.Generator().manual_seed(0))[3]
    np.testing.assert_allclose(tiles("7.npz")[1, 1], expected, atol=1e-5)
    main(sample)
    assert (conditional["digits"] / "pictures" / "sample-7.png").exists()


@pytest.mark.parametrize(
    ("tool", "title"),
    [
        (["sample", "-n=2"], "Samples of 7"),
        (["interpolate", "-n=1", "--steps=2", "--between=samples"], "Linear interpolations between samples given 7"),
        (["traverse", "--steps=2"], "Traversals of single units given 7"),
        (["reconstruct", "-n=2"], "Reconstructions given 7"),
        (["edit", "--attribute=3", "-n=2", "--steps=2"], "Edits of 3 given 7"),
        (["latent", "-n=9"], "Codes of 9 of 180 test images given 7"),
    ],
)
def test_titles_name_the_condition(tool, title, conditional):
    main([*tool, "--ckpt", str(conditional["digits"]), "--condition=7", "--out=7.npz"])
    with np.load("7.npz") as arrays:
        assert arrays["title"] == title


@pytest.mark.parametrize(
    ("run", "words"),
    [("digits", None), ("celeba", "the attributes of the first image"), ("frey", "the source of the first image")],
)
def test_the_title_of_interpolations_names_the_condition_of_the_first_image(run, words, conditional):
    main(["interpolate", f"--ckpt={conditional[run]}", "-n=1", "--steps=2", "--out=a.npz"])
    data = genlab.Digits()
    data.setup("test")
    first = torch.randperm(len(data.test_set), generator=torch.Generator().manual_seed(0))[:1]
    label = data.test_set[first]["label"].item()
    with np.load("a.npz") as arrays:
        assert arrays["title"] == f"Linear interpolations between test images given {words or label}"


def test_images_of_each_class_are_written_as_torchvision_reads_them(conditional, refused):
    arguments = ["sample", "--ckpt", str(conditional["digits"]), "--per-class", "3", "--out", "more"]
    main(arguments)
    written = ImageFolder("more")
    assert written.classes == [str(i) for i in range(10)]
    assert len(written) == 30
    assert written[0][0].size == (8, 8)
    model, noise = genlab.load(conditional["digits"]), torch.Generator().manual_seed(0)
    with torch.no_grad():
        expected = model.given(torch.tensor([0])).decode(torch.randn(3, model.code_size, generator=noise))[0, 0] * 255
    np.testing.assert_allclose(np.asarray(written[0][0])[..., 0], expected, atol=0.501)  # rounded, not truncated
    for more in ([], ["--force"], ["--out", "."]):
        assert "already exists; give another name" in refused(*arguments, *more)
    assert "more.png is to be a folder but has the extension of a file" in refused(*arguments, "--out", "more.png")
    assert len(ImageFolder("more")) == 30
    assert [path.name for path in Path.cwd().iterdir()] == ["more"]


def test_a_class_goes_by_its_name_and_a_nameless_one_by_its_number(conditional, refused, tiles):
    sample = ["sample", "-n", "4", "--columns", "2", "--ckpt"]
    main([*sample, str(conditional["pets"]), "--condition", "dog", "--out", "dog.npz"])
    model = genlab.load(conditional["pets"])
    assert model.condition.class_names == ("cat", "dog")
    with torch.no_grad():
        expected = model.given(torch.tensor([1])).sample(4, generator=torch.Generator().manual_seed(0))[3]
    np.testing.assert_allclose(tiles("dog.npz")[1, 1], expected, atol=1e-5)
    old = torch.load(conditional["pets"] / "checkpoints" / "last.ckpt", weights_only=True)
    assert old["hyper_parameters"].pop("class_names") == ["cat", "dog"]
    torch.save(old, "old.ckpt")
    assert genlab.load("old.ckpt").condition.class_names == ("0", "1")
    main([*sample, "old.ckpt", "--condition", "1", "--out", "1.npz"])
    main([*sample, str(conditional["pets"]), "--condition", "1", "--out", "one.npz"])
    for name in ("1", "one"):
        np.testing.assert_array_equal(tiles(f"{name}.npz"), tiles("dog.npz"))
    told = refused(*sample, str(conditional["pets"]), "--condition", "dg", "--out", "x.png")
    assert "there is no class dg; did you mean dog?" in told


def test_folders_of_classes_bear_their_names_unless_these_would_be_read_in_another_order(conditional):
    main(["sample", "--ckpt", str(conditional["pets"]), "--per-class", "2", "--out", "more"])
    assert ImageFolder("more").classes == ["cat", "dog"]
    assert _folders(("b", "a")) == ["0", "1"]
    assert _folders(("..", "a")) == _folders(("a", "b/c")) == _folders(("a", "b\0")) == ["0", "1"]
    assert _folders(tuple(map(str, range(11))))[:2] == ["00", "01"]


def test_a_number_never_stands_for_a_class_of_another_number():
    names = ("1", "2", "10")
    model = genlab.CVAE((1, 8, 8), 3, class_names=names)
    assert [model.condition.typed(name, torch.empty).item() for name in names] == [0, 1, 2]
    with pytest.raises(genlab.GenlabError, match="there is no class 0; there are 1, 2, 10"):
        model.condition.typed("0", torch.empty)
    for wrong in (("a", "b"), ("a", "a", "b")):
        with pytest.raises(genlab.GenlabError, match="3 classes need 3 different names"):
            genlab.CGAN((1, 8, 8), 3, class_names=wrong)


def test_attributes_are_drawn_in_turn_or_as_asked_for(conditional, tiles):
    run = str(conditional["celeba"])
    main(["sample", "--ckpt", run, "--columns", "2", "--out", "faces.npz"])
    assert tiles("faces.npz").shape[:2] == (9, 2)
    assert np.load("faces.npz")["row_labels"].tolist()[:3] == ["most common", "Male", "Smiling"]
    main(["sample", "--ckpt", run, "--condition", "Smiling=1,Male=0", "-n", "2", "--out", "smile.npz"])
    model = genlab.load(run)
    data = genlab.CelebA(attributes=list(model.condition.attribute_names))
    data.prepare_data()
    data.setup()
    condition = data.test_set.facts["attributes"][data.test_set.rows].mean(0, keepdim=True).round()  # as for most faces
    condition[0, :2] = torch.tensor([0, 1])
    with torch.no_grad():
        expected = model.given(condition).sample(2, generator=torch.Generator().manual_seed(0))
    np.testing.assert_allclose(tiles("smile.npz")[0, 1], expected[1], atol=1e-4)


def test_halves_are_completed_beside_the_truth(conditional, tiles):
    main(["sample", "--ckpt", str(conditional["frey"]), "--columns", "3", "--out", "rows.npz"])
    drawn = tiles("rows.npz")
    assert drawn.shape == (8, 5, 1, 28, 20)
    source, truth = drawn[0, 0, 0], drawn[0, 4, 0]
    np.testing.assert_array_equal(source[:, :10], truth[:, :10])
    assert (source[:, 10:] != truth[:, 10:]).any()
    masked = (truth * 255).round().astype(np.uint8)
    Image.fromarray(masked).save("face.png")
    masked[:, 10:] = 77
    Image.fromarray(masked).save("half.png")
    for name in ("face", "half"):  # the half to be completed is removed from either
        given = ["--condition-image", f"{name}.png", "-n", "5", "--out", f"{name}s.npz"]
        main(["sample", "--ckpt", str(conditional["frey"]), *given])
    assert tiles("faces.npz").shape[:2] == (1, 5)
    np.testing.assert_array_equal(tiles("faces.npz"), tiles("halfs.npz"))


@pytest.mark.parametrize(
    ("data", "arguments", "message"),
    [
        ("digits", ["--condition", "12"], "there is no class 12; there are 0 to 9"),
        ("digits", ["--condition-image", "x.png"], "conditions are not images"),
        ("digits", ["--condition", "7", "--condition-image", "x.png"], "conditions are not images"),
        ("celeba", ["--condition", "Smile=1"], "there is no attribute Smile; did you mean Smiling?"),
        ("celeba", ["--condition", "Smiling=yes"], "Smiling=1 or Smiling=0, not Smiling=yes"),
        ("celeba", ["--per-class", "3"], "has no classes to sample from"),
        ("celeba", ["--condition", "Smiling=1,Smiling=0"], "Smiling is given twice in Smiling=1,Smiling=0"),
        ("digits", ["--strip", "3", "--per-class", "2"], "leave out --from-image, --prior and --per-class"),
        ("digits", ["--prior", "gmm"], "has a prior of its own"),
        ("digits", ["--per-class", "3", "--condition", "7"], "leave out the condition"),
        ("frey", ["--condition", "7"], "give --condition-image FILE"),
        ("frey", ["--condition", "7", "--condition-image", "x.png"], "leave out --condition"),
        ("frey", ["--condition-image", "x.png"], "x.png cannot be read as an image: No such file or directory"),
    ],
)
def test_conditions_that_there_are_not_are_said(data, arguments, message, conditional, refused):
    assert message in refused("sample", "--ckpt", str(conditional[data]), "--out", "x.png", *arguments)


@pytest.mark.parametrize(
    ("make", "told"), [(os.mkfifo, "a FIFO"), (lambda x: Path(x).symlink_to("/dev/zero"), "a device")]
)
def test_an_image_that_is_no_regular_file_is_not_opened(make, told, conditional, refused):
    make("x.png")
    message = refused("sample", "--ckpt", str(conditional["frey"]), "--condition-image", "x.png", "--out", "y.png")
    assert message == f"genlab: x.png cannot be read as an image: {told}, not a regular file"


def test_a_model_without_conditions_says_so(run, refused):
    assert "takes no conditions" in refused("sample", "--ckpt", str(run), "--condition", "7", "--out", "x.png")


def test_a_style_is_carried_over_to_every_class(conditional, tiles):
    main(["transfer", "--ckpt", str(conditional["digits"]), "-n", "3", "--seed", "1", "--out", "styles.npz"])
    drawn = tiles("styles.npz")
    assert drawn.shape[:2] == (3, 11)
    data, model = genlab.Digits(), genlab.load(conditional["digits"])
    data.setup()
    batch = data.test_set[torch.randperm(180, generator=torch.Generator().manual_seed(1))[:3]]
    with torch.no_grad():
        codes = model.given(batch["label"]).encode(batch["image"])
        expected = model.given(torch.tensor([4])).decode(codes)[2]
    np.testing.assert_array_equal(drawn[0, 0], batch["image"][0])
    np.testing.assert_allclose(drawn[2, 5], expected, atol=1e-5)
    with np.load("styles.npz") as arrays:
        assert arrays["row_labels"].tolist() == [str(label) for label in batch["label"].tolist()]
        assert arrays["column_labels"].tolist() == ["image", *"0123456789"]


def test_attributes_are_changed_one_a_column_and_images_cannot_be(conditional, refused, tiles):
    main(["transfer", "--ckpt", str(conditional["celeba"]), "-n", "2", "--out", "faces.npz"])
    assert tiles("faces.npz").shape[:2] == (2, 9)
    assert np.load("faces.npz")["column_labels"].tolist()[:3] == ["image", "Male", "Smiling"]
    assert "no classes or attributes to change" in refused("transfer", "--ckpt", str(conditional["frey"]))


@pytest.mark.parametrize("data", ["digits", "celeba", "frey"])
def test_other_tools_see_images_under_their_conditions(data, conditional):
    main(["reconstruct", "--ckpt", str(conditional[data]), "-n", "4", "--out", "r.png"])
    assert pixels("r.png").std() > 10
    main(["evaluate", "--ckpt", str(conditional[data]), "--samples", "5", "--limit", "10", "--out", "e.json"])
