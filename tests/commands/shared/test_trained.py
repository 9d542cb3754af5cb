"""Trained models as tools open them: once, on a device, and with data other than their own."""

import contextlib
import shutil
from pathlib import Path

import pytest
import torch

import genlab
from genlab import devices
from genlab.cli import main
from tests.data.pictures import framed, write_images
from tests.run_folders import out_of


@pytest.fixture(scope="module")
def album(tmp_path_factory) -> Path:
    """A folder with an autoencoder's run on photographs in the folder `album`, since renamed to `moved`."""
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
    assert "takes images of shape (1, 8, 8), but MNIST has (1, 28, 28)" in refused(*reconstruct, "--data", "MNIST")


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
    """Networks are called only from methods that move their inputs."""
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
            object.__setattr__(model, "given", moving(model.given, device))  # it moves conditions itself
        for module in model.modules():
            module.register_forward_pre_hook(lambda network, given: strayed.append(network) if not inside else None)
        calls.append(device)
        return devices_moved(model, device, *more)

    strayed, calls, devices_moved = [], [], devices.moved
    monkeypatch.setattr(devices, "_at_hand", moving)
    monkeypatch.setattr("genlab.commands.shared.trained.moved", watched)
    monkeypatch.setattr("genlab.evaluation.extractors.moved", watched)
    path = {"run": run, "faces": faces}.get(model) or conditional[model]
    options = [str(run) if part == "RUN" else part for part in arguments]
    main([*options, "--ckpt", str(path), "--out", out_of(options)])
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
    main([*arguments, "--ckpt", str(checkpoint), "--out", out_of(arguments)])
    assert opened == [checkpoint]
