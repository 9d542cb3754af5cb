"""Tools on images of one's own, on other data, splits and devices, and on conditional models."""

import contextlib
import csv
import os
import shutil
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

import genlab
from genlab import devices
from genlab.cli import main
from genlab.data.files.framing import Framing
from genlab.models.stages import Schedule
from genlab.networks.corruption import GaussianNoise
from genlab.networks.stack import DenseLayer
from tests.data.pictures import write_image, write_images

DIGIT = (1, 8, 8)


def framed(*paths: Path | str, shape: tuple[int, int, int] = DIGIT, **options: Any) -> Tensor:
    """Images as a model of images of a shape is to see these files."""
    pixels = [Framing(shape, **options).decode(Path(path).read_bytes()) for path in paths]
    return torch.from_numpy(np.stack(pixels)) / 255


@pytest.fixture
def photos() -> list[str]:
    """The paths of three photographs of different sizes in the folder `photos`."""
    sizes = {"a.png": (30, 20), "b.jpg": (16, 40), "c.png": (8, 8)}
    return [str(write_image(Path("photos", name), seed=ord(name[0]), size=size)) for name, size in sizes.items()]


@pytest.fixture
def calls(monkeypatch) -> dict[str, list[tuple[Tensor, Tensor]]]:
    """What tools give to the methods of models, and what they get, by the methods' names."""
    made: dict[str, list[Any]] = {}

    def recording(method, device):
        def called(*args, **kwargs):
            result = method(*args, **kwargs)
            made.setdefault(method.__name__, []).append((args[0], result))
            return result

        return called

    monkeypatch.setattr(devices, "_at_hand", recording)
    return made


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
    assert "--along lerp takes 2 images or more; --input has 1" in refused(*interpolate, photos[0])
    assert "--along square takes exactly 4 images; --input has 3" in refused(*interpolate, *photos, "--along", "square")
    assert "leave out --input" in refused(*interpolate, *photos, "--between", "samples")


def test_an_image_is_traversed_alone_by_as_much_as_test_images_vary(run, photos, calls, refused):
    assert "one image is traversed, --input has 3; give one" in refused(
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
    assert "--fid and --features judge a model's samples; leave out --input" in refused(
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
    main([tool, "--ckpt", str(conditional[data]), "--out", "x.png"])
    _, codes = calls["encode"][-1]
    model = genlab.load(conditional[data])
    images = opened(model)
    with torch.no_grad():
        batch = images[torch.arange(len(images))]
        expected = model.given(model.condition(batch)).encode(model.images(batch))
    nearest = (codes[:, None] - expected).abs().amax(2).amin(1)
    assert float(nearest.max()) < 1e-5


def opened(model: Any) -> Any:
    """The test images that a conditional model of the fixture is for, or pairs."""
    data: Any = genlab.data.DegradedPairs(genlab.FreyFaces(), genlab.data.Half())
    if model.num_classes:
        data = genlab.Digits()
    elif model.attribute_names:
        data = genlab.CelebA(attributes=list(model.attribute_names))
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
    assert "say which one those of --input have, such as --condition cat" in refused(*pets)
    main([*pets, "--condition", "dog"])
    _, codes = calls["encode"][-1]
    with torch.no_grad():
        expected = genlab.load(conditional["pets"]).given(torch.tensor([1])).encode(framed(*photos, shape=(3, 8, 8)))
    torch.testing.assert_close(codes, expected)
    main(["reconstruct", "--ckpt", str(conditional["frey"]), "--out", "x.png", "--input", photos[1]])
    torch.testing.assert_close(calls["encode"][-1][0], framed(photos[1], shape=(1, 28, 20)))


def test_a_model_without_conditions_says_so_before_data_are_read(run, photos, refused):
    told = refused("reconstruct", "--ckpt", str(run), "--input", *photos, "--condition", "7")
    assert "knows no conditions" in told


@pytest.fixture(scope="module")
def album(tmp_path_factory) -> Path:
    """A folder with an autoencoder's run on photographs in the folder `album`, which has moved to `moved` since."""
    folder = tmp_path_factory.mktemp("album")
    write_images(folder / "album", 12)
    options = ["--data=ImageFolder", f"--data.folder={folder / 'album'}", "--data.image_size=8", "--data.crop=[12, 10]"]
    with contextlib.chdir(folder):
        main(["fit", "--model=Autoencoder", *options, "--config", "overlays/smoke.yaml", "--data.batch_size=4"])
    torch.set_flush_denormal(False)
    (folder / "album").rename(folder / "moved")
    return folder


def test_a_run_whose_data_have_moved_is_told_where_they_are(album, calls, refused):
    reconstruct = ["reconstruct", "--ckpt", str(next(album.glob("runs/*/0"))), "--out", "x.png"]
    assert f"there is no folder {album / 'album'}" in refused(*reconstruct)
    main([*reconstruct, "--data.folder", str(album / "moved"), "--data.flip=true"])
    names = sorted(path.name for path in (album / "moved").iterdir())
    every = framed(*(album / "moved" / name for name in names), shape=(3, 8, 8), crop=(12, 10))
    seen = calls["reconstruct"][-1][0]
    assert float((seen[:, None] - every).abs().flatten(2).amax(2).amin(1).max()) < 1e-6


def test_files_need_no_data_but_their_framing(album, photos, calls):
    main(["reconstruct", "--ckpt", str(next(album.glob("runs/*/0"))), "--out", "x.png", "--input", photos[0]])
    torch.testing.assert_close(calls["reconstruct"][-1][0], framed(photos[0], shape=(3, 8, 8), crop=(12, 10)))


def test_places_that_the_user_names_need_no_trust(album, photos, refused):
    shutil.copytree(next(album.glob("runs/*/0")), "theirs")
    reconstruct = ["reconstruct", "--ckpt", "theirs", "--out", "x.png"]
    assert "takes its data from" in refused(*reconstruct)
    main([*reconstruct, "--data.folder", str(album / "moved")])
    main([*reconstruct, "--force", "--input", *photos])


def test_a_class_that_a_setting_replaces_is_not_imported_either(conditional, refused, capsys):
    theirs = Path(shutil.copytree(conditional["frey"], "theirs"), "checkpoints", "last.ckpt")
    Path("planted.py").write_text("print('planted')")
    content = torch.load(theirs, weights_only=True)
    content["datamodule_hyper_parameters"]["data"] = {"class_path": "planted.Data", "init_args": {}}
    torch.save(content, theirs)
    told = refused("reconstruct", "--ckpt", str(theirs), "--data.data", "FreyFaces", "--out", "x.png")
    assert "names planted.Data, which would be imported" in told
    assert "planted\n" not in capsys.readouterr().out


def test_settings_of_data_are_those_of_fit(run, data_dir, refused):
    reconstruct = ["reconstruct", "--ckpt", str(run), "--out", "x.png"]
    assert "data: Digits has no argument bach_size; did you mean batch_size?" in refused(
        *reconstruct, "--data.bach_size", "3"
    )
    assert "batch_size takes a whole number, not many" in refused(*reconstruct, "--data.batch_size=many")
    assert "argument --data.seed: expected one argument" in refused(*reconstruct, "--data.seed")
    assert "takes images of shape (1, 8, 8), MNIST has (1, 28, 28)" in refused(*reconstruct, "--data", "MNIST")


def test_other_data_and_another_split_are_looked_at(run, calls):
    data = genlab.Digits(seed=3)
    data.setup()
    for split, images in {"train": data.train_set, "val": data.val_set}.items():
        main(
            [
                "latent",
                "--ckpt",
                str(run),
                "--data",
                "Digits",
                "--data.seed",
                "3",
                "--split",
                split,
                "--out",
                f"{split}.png",
            ]
        )
        seen = torch.cat([x for x, _ in calls.pop("encode")])
        assert len(seen) == len(images)
        torch.testing.assert_close(seen.mean(0), (images.images / 255).mean(0))


@pytest.mark.parametrize(
    ("name", "there", "expected"),
    [
        (None, None, "cpu"),
        (None, ("cuda", 2), "cuda"),
        (None, ("mps", 1), "mps"),
        ("cpu", ("cuda", 2), "cpu"),
        ("cuda:1", ("cuda", 2), "cuda:1"),
        ("cuda:2", ("cuda", 2), "there is no device cuda:2; this machine has cpu, cuda:0, cuda:1"),
        ("cuda", None, "there is no device cuda; this machine has cpu"),
        ("mps", ("cuda", 1), "there is no device mps; this machine has cpu, cuda:0"),
        ("gpu", ("cuda", 1), "there is no device gpu; this machine has cpu, cuda:0"),
        ("meta", None, "there is no device meta; this machine has cpu"),
    ],
)
def test_the_device_is_the_accelerator_or_the_one_asked_for(name, there, expected, monkeypatch):
    monkeypatch.setattr(torch.accelerator, "is_available", lambda: there is not None)
    monkeypatch.setattr(torch.accelerator, "current_accelerator", lambda: there and torch.device(there[0]))
    monkeypatch.setattr(torch.accelerator, "device_count", lambda: there[1] if there else 0)
    try:
        found = str(devices.device_of(name))
    except genlab.GenlabError as error:
        found = str(error)
    assert found == expected


def test_a_device_that_is_not_there_is_said_before_any_file_is_opened(refused):
    told = refused("sample", "--device", "cuda:7", "--ckpt", "nowhere.ckpt")
    assert "there is no device cuda:7" in told


MODELS = {
    "autoencoder": lambda: genlab.Autoencoder((1, 8, 8), corruption=partial(GaussianNoise, sigma=0.1)),
    "stacked": lambda: genlab.models.StackedAutoencoder(
        (1, 8, 8), layers=[partial(DenseLayer, size=9)], pretraining=[Schedule(1)]
    ),
    "vae": lambda: genlab.VAE((1, 8, 8), code_size=2),
    "gan": lambda: genlab.GAN((1, 8, 8), code_size=2),
    "cvae": lambda: genlab.CVAE((1, 8, 8), num_classes=3),
    "cgan": lambda: genlab.CGAN((1, 8, 8), num_classes=3),
    "pix2pix": lambda: genlab.Pix2Pix((1, 8, 8), (1, 8, 8), ema_decay=0.9),
    "cyclegan": lambda: genlab.models.CycleGAN((1, 8, 8), (1, 8, 8)),
}


@pytest.mark.parametrize("name", MODELS)
def test_methods_work_on_the_models_device_and_take_and_give_tensors_on_the_cpu(name, monkeypatch):
    """On the meta device, whose tensors have no values but refuse others, for want of an accelerator."""
    places = []

    def move(tensors, device):
        if str(device) == "cpu":
            places.append(str(tensors.device))
            return torch.zeros(tensors.shape)
        return devices_move(tensors, device)

    devices_move = devices.move_data_to_device
    monkeypatch.setattr(devices, "move_data_to_device", move)
    monkeypatch.setattr(torch, "is_autocast_enabled", lambda *given: False)  # which knows no such device
    model: Any = devices.moved(MODELS[name]().eval(), torch.device("meta"))
    assert {str(x.device) for x in (*model.parameters(), *model.buffers())} == {"meta"}
    x, z, noise = torch.rand(2, 1, 8, 8), torch.randn(2, getattr(model, "code_size", 2)), torch.Generator()
    able = [model] if not hasattr(model, "given") else [model, model.given(torch.tensor([1]))]
    arguments = {
        "encode": (x,),
        "decode": (z,),
        "reconstruct": (x,),
        "log_likelihood": (x, 3, noise),
        "sample": (2,),
        "translate": (x,),
    }
    for one in able:
        for method, given in arguments.items():
            if hasattr(one, method):
                options = {"generator": noise} if method in ("sample", "translate") else {}
                assert getattr(one, method)(*given, **options).device == torch.device("cpu")
    assert "meta" in places


TOOLS: dict[str, list[list[str]]] = {
    "run": [
        ["sample"],
        ["sample", "--prior", "gmm", "--components", "2"],
        ["reconstruct"],
        ["latent"],
        ["traverse"],
        ["interpolate"],
        ["interpolate", "--between", "samples"],
        ["evaluate", "--samples", "2"],
        ["probe"],
        ["evaluate", "--fid", "--features", "RUN"],
    ],
    "digits": [
        ["sample"],
        ["transfer"],
        ["interpolate"],
        ["latent", "--condition", "3"],
        ["evaluate", "--samples", "2"],
    ],
    "faces": [["edit", "--attribute", "Smiling"]],
}


@pytest.mark.parametrize(("model", "arguments"), [(model, tool) for model, tools in TOOLS.items() for tool in tools])
@pytest.mark.filterwarnings("ignore:.* images are few")
def test_tools_let_the_model_work_where_its_tensors_are_moved(model, arguments, run, conditional, faces, monkeypatch):
    """No network is called but by methods that move what they are given."""
    inside = []

    def moving(method, device):
        def called(*args, **kwargs):
            inside.append(method)
            try:
                return method(*args, **kwargs)
            finally:
                inside.pop()

        return called

    def watched(model, device, *more):
        if hasattr(model, "given"):
            object.__setattr__(model, "given", moving(model.given, device))  # which moves conditions itself
        for module in model.modules():
            module.register_forward_pre_hook(lambda network, given: strayed.append(network) if not inside else None)
        calls.append(device)
        return devices_moved(model, device, *more)

    strayed, calls, devices_moved = [], [], devices.moved
    monkeypatch.setattr(devices, "_at_hand", moving)
    monkeypatch.setattr("genlab.commands.shared.trained.moved", watched)
    monkeypatch.setattr("genlab.evaluation.extractors.moved", watched)
    path = {"run": run, "faces": faces}.get(model) or conditional[model]
    main([*(str(run) if part == "RUN" else part for part in arguments), "--ckpt", str(path), "--out", "x.png"])
    assert not strayed
    assert set(map(str, calls)) == {"cpu"}


@pytest.mark.parametrize(
    ("model", "arguments"),
    [
        ("run", ["sample"]),
        ("run", ["sample", "--prior", "gaussian"]),
        ("run", ["reconstruct"]),
        ("run", ["latent", "-n", "20", "--side", "2"]),
        ("run", ["features"]),
        ("run", ["interpolate"]),
        ("run", ["traverse"]),
        ("run", ["evaluate", "--samples", "2", "--limit", "5"]),
        ("run", ["evaluate", "--samples", "2", "--limit", "5", "--input", "photos"]),
        ("run", ["probe", "--labels", "1", "--draws", "1", "--limit", "60"]),
        ("run", ["predict", "--input", "photos"]),
        ("digits", ["transfer", "-n", "2"]),
        ("faces", ["edit", "--attribute", "Smiling", "-n", "2"]),
        ("run", ["sample", "--data.batch_size", "7", "--prior", "gaussian"]),
    ],
)
def test_a_checkpoint_is_read_once(model, arguments, run, faces, conditional, photos, monkeypatch):
    given = {"run": run, "faces": faces}.get(model) or conditional[model]
    checkpoint = Path(shutil.copytree(given, "run")) / "checkpoints" / "last.ckpt"
    opened, torch_load = [], torch.load

    def counted_load(path, *args, **kwargs):
        opened.append(path)
        return torch_load(path, *args, **kwargs)

    monkeypatch.setattr(torch, "load", counted_load)
    main([*arguments, "--ckpt", str(checkpoint), "--out", "x.png"])
    assert opened == [checkpoint]


def test_names_of_files_that_are_no_utf_8_are_printed_and_written(run, photos, capsys):
    name = os.fsdecode(b"\xff.png")
    odd = Path(shutil.copy(photos[0], name))
    main(["evaluate", "--ckpt", str(run), "--input", str(odd), "--samples", "2", "--limit", "5", "--out", "o.csv"])
    assert r"\udcff.png" in capsys.readouterr().out
    assert b"\xff.png," in Path("o.csv").read_bytes()
