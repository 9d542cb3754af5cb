"""What a run's folder is, and that only the `fit` that trains a run writes there."""

import contextlib
import os
import shutil
from pathlib import Path
from unittest.mock import MagicMock

import pytest
import torch
import yaml
from lightning.pytorch.loggers import TensorBoardLogger

from genlab import runs
from genlab.callbacks import run_config
from genlab.cli import main
from genlab.errors import GenlabError

SMOKE = ["--config=overlays/smoke.yaml", "--trainer.enable_progress_bar=false"]
FIT = ["fit", "--config=vae_digits.yaml", *SMOKE]


@pytest.mark.parametrize("command", ["validate", "test", "predict"])
def test_commands_that_only_look_leave_the_config_as_it_is(command, own):
    before = (own / "config.yaml").read_bytes()
    main([command, "--trainer.max_epochs=7"])
    assert (own / "config.yaml").read_bytes() == before


def test_the_current_folder_is_a_run_or_a_folder_of_runs(own, monkeypatch):
    (newest,) = own.parent.iterdir()
    with pytest.raises(GenlabError, match=r"^\. has no checkpoints/best.ckpt"):
        runs.find_checkpoint("")
    with pytest.raises(GenlabError, match=r"^/ has no checkpoints/best.ckpt"):
        runs.find_checkpoint("/")
    monkeypatch.chdir(own.parent)
    assert runs.find_checkpoint(".", "last") == Path(newest.name, "checkpoints", "last.ckpt")
    monkeypatch.chdir(newest.name)
    assert runs.find_checkpoint(".", "last") == Path("checkpoints", "last.ckpt")


@pytest.mark.parametrize("command", ["validate", "test", "predict", "fit"])
def test_a_strangers_folder_is_no_run_whatever_its_files_are_called(command, own):
    stranger = Path("p/checkpoints")
    stranger.mkdir(parents=True)
    shutil.copy(own / "checkpoints" / "last.ckpt", stranger / "m.ckpt")
    for name in ("config.yaml", "metrics.csv"):
        Path("p", name).write_text("seed_everything: 3\nmodel:\n  layers: 2\n")
    arguments = [*FIT[1:], "--trainer.max_epochs=4"] if command == "fit" else []
    main([command, f"--ckpt_path={stranger / 'm.ckpt'}", *arguments])
    for name in ("config.yaml", "metrics.csv"):
        assert Path("p", name).read_text() == "seed_everything: 3\nmodel:\n  layers: 2\n"
    assert {path.name for path in Path("p").iterdir()} == {"config.yaml", "metrics.csv", "checkpoints"}
    assert Path("runs/vae_digits/1").exists() == (command == "fit")


@pytest.mark.parametrize("option", ["--ckpt", "--ckpt_path"])
def test_the_trainers_commands_take_the_checkpoint_that_is_named_as_tools_do(option, own):
    shutil.copytree(own, "runs/vae_digits/1")
    main(["predict", option, str(own)])
    assert (own / "predictions.npz").exists()
    assert not Path("runs/vae_digits/1/predictions.npz").exists()


def test_a_run_keeps_its_config_when_it_is_resumed(own):
    before = (own / "config.yaml").read_bytes()
    main(["fit", "--config=vae_digits.yaml", "--ckpt_path=last", "--trainer.max_epochs=4"])
    assert (own / "config.yaml").read_bytes() == before
    assert torch.load(own / "checkpoints" / "last.ckpt", weights_only=True)["epoch"] == 3


@pytest.mark.parametrize(
    ("folder", "change"),
    [
        (".", []),
        ("elsewhere", []),
        ("elsewhere", ["--model.code_size=3"]),
        (".", ["--data=MNIST"]),
        ("elsewhere", ["--model=Autoencoder"]),
    ],
)
def test_a_resumed_runs_config_starts_a_new_run_from_any_folder_with_any_change(folder, change, own, monkeypatch):
    shutil.copy(own / "checkpoints" / "last.ckpt", "m.ckpt")
    main([*FIT, "--ckpt_path=m.ckpt", "--trainer.max_epochs=4"])
    own, config = own.absolute(), Path("runs/vae_digits/1/config.yaml").absolute()
    Path(folder).mkdir(exist_ok=True)
    monkeypatch.chdir(folder)
    main(["fit", "--config", str(config), *SMOKE, *change])
    name = {"--data=MNIST": "vae_digits-mnist", "--model=Autoencoder": "vae_digits-autoencoder"}.get("".join(change))
    new = Path("runs", name, "0") if name else Path("runs/vae_digits/2" if folder == "." else "runs/vae_digits/0")
    assert torch.load(new / "checkpoints" / "last.ckpt", weights_only=True)["global_step"] == 2
    assert torch.load(own / "checkpoints" / "last.ckpt", weights_only=True)["global_step"] == 66


def test_the_config_of_a_run_of_genlab_0_1_may_name_its_checkpoint_and_starts_a_new_run_too(own):
    config = yaml.safe_load((own / "config.yaml").read_text()) | {"ckpt_path": str(own / "checkpoints" / "last.ckpt")}
    (own / "config.yaml").write_text(yaml.safe_dump(config))
    assert runs.run_of(own / "checkpoints" / "last.ckpt") == own
    main(["fit", "--config", str(own / "config.yaml"), *SMOKE])
    assert torch.load("runs/vae_digits/1/checkpoints/last.ckpt", weights_only=True)["global_step"] == 2


def test_a_copied_config_is_only_a_file(own):
    Path("a/b").mkdir(parents=True)
    Path("a/b/config.yaml").write_text((own / "config.yaml").read_text().replace("max_epochs: 3", "max_epochs: 1"))
    main(["fit", "--config=a/b/config.yaml", *SMOKE])
    assert Path("runs/a/0/config.yaml").exists()


def test_trackers_get_a_config_that_starts_a_new_run(own, monkeypatch):
    experiment = MagicMock()
    monkeypatch.setattr(TensorBoardLogger, "experiment", experiment)
    main([*FIT, "--ckpt_path=last", "--trainer.max_epochs=4", "--config=overlays/tensorboard.yaml"])
    (_, text), _ = experiment.add_text.call_args
    assert "max_epochs: 4" in text
    assert "ckpt_path" not in text


def test_what_cannot_be_read_back_is_not_written():
    text = "Unable to serialize instance <function <lambda> at 0x7f>"
    config = {"model": {"init_args": {"encoder": text, "size": 2, "layers": [text, 1]}}}
    assert run_config.readable(config) == {"model": {"init_args": {"size": 2, "layers": [1]}}}


def test_a_run_that_came_to_nothing_leaves_nothing(refused):
    told = refused(*FIT, "--data=SideBySidePairs", "--data.folder=facades", "--data.image_size=8")
    assert "the data gave source, target" in told
    assert not Path("runs").exists() or not [*Path("runs").rglob("*")]


def test_the_name_of_a_run_is_not_its_path_and_a_line_says_so(own, refused):
    assert "there is no checkpoint vae_digits; did you mean runs/vae_digits?" in refused("sample", "--ckpt=vae_digits")


def test_a_run_that_is_not_there_gets_one_line_whether_its_path_is_relative_or_absolute(tmp_path, refused):
    assert "there is no checkpoint elsewhere/runs" in refused("sample", "--ckpt=elsewhere/runs")
    assert f"there is no checkpoint {tmp_path}/runs" in refused("sample", f"--ckpt={tmp_path}/runs")


def test_links_that_lead_nowhere_are_no_newest_run(own):
    broken = Path("runs/vae_digits/1/checkpoints")
    broken.mkdir(parents=True)
    (broken / "last.ckpt").symlink_to("last.ckpt")
    assert runs.newest_run() == own
    with contextlib.suppress(SystemExit):
        main(["reconstruct"])
    assert (own / "pictures" / "reconstruct.png").exists()


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        (["--config=vae_digits.yaml"], "vae_digits"),
        (["--config=vae_digits.yaml", "--data", "MNIST"], "vae_digits-mnist"),
        (
            ["--config=vae_digits.yaml", "--data.class_path=genlab.MNIST", "--model=Autoencoder"],
            "vae_digits-autoencoder-mnist",
        ),
        (["--model", "VAE", "--data=Digits"], "vae-digits"),
        (["--model=genlab.VAE", '--data={"class_path": "Digits"}'], "vae-digits"),
        (["--config=vae_digits.yaml", "--data=MNIST", "--name=my_experiment"], "my_experiment"),
        (["--config=vae_digits.yaml", "--config=named.yaml"], "from_a_file"),
    ],
)
def test_what_a_run_is_called(arguments, name):
    Path("named.yaml").write_text("name: from_a_file")
    main(["fit", *arguments, *SMOKE])
    run = Path("runs", name, "0")
    assert "name" not in yaml.safe_load((run / "config.yaml").read_text())


def test_what_is_typed_finds_the_run_again(own):
    typed = ["--config=vae_digits.yaml", "--data=MNIST", *SMOKE]
    main(["fit", *typed])
    main(["fit", *typed, "--ckpt_path=last", "--trainer.max_epochs=2"])
    main(["predict", *typed])
    run = Path("runs/vae_digits-mnist/0")
    assert torch.load(run / "checkpoints" / "last.ckpt", weights_only=True)["epoch"] == 1
    assert (run / "predictions.npz").exists()
    main(["predict", "--config=vae_digits.yaml", "--data=Digits"])  # in the config's run, as there is no other
    assert (own / "predictions.npz").exists()


@pytest.mark.parametrize("name", ["a/b", "..", "", "*"])
def test_a_name_is_that_of_a_folder(name, refused):
    assert refused(*FIT, f"--name={name}") == (
        f"genlab: a run cannot be called {name!r}; --name takes letters, digits and _ . - + ="
    )
    assert not Path("runs").exists()


@pytest.fixture
def signed(own) -> Path:
    """The copy of the run, signed as if it had been trained in its folder."""
    text = (own / "config.yaml").read_text()
    (own / "config.yaml").write_text(runs.signed(text.split("\n", 1)[1], own))
    return own


@pytest.mark.parametrize(
    "checkpoint",
    [
        ["--ckpt_path", "runs/vae_digits/0"],
        ["--ckpt", "runs/vae_digits"],
        ["--ckpt_path=runs/vae_digits/0/checkpoints/last.ckpt"],
        ["--ckpt_path=last"],
    ],
)
def test_a_run_is_resumed_by_what_its_own_config_says(checkpoint, signed):
    overlay = Path("overlays/few.yaml")
    overlay.parent.mkdir()
    overlay.write_text("trainer: {limit_train_batches: 5, max_epochs: 9}")
    main(["fit", *checkpoint, f"--config={overlay}", "--trainer.max_epochs", "4"])
    state = torch.load(signed / "checkpoints" / "last.ckpt", weights_only=True)
    assert (state["epoch"], state["global_step"]) == (3, 71)
    assert state["hyper_parameters"]["code_size"] == 2
    assert [path.name for path in Path("runs/vae_digits").iterdir()] == ["0"]


def test_a_run_that_is_resumed_keeps_its_model_and_its_name(signed, refused):
    resume = ["fit", "--ckpt_path=last", "--trainer.max_epochs=4"]
    assert "a different model from the config's: code_size differ" in refused(*resume, "--model.code_size=3")
    assert "but the config has one of class Autoencoder" in refused(*resume, "--model=Autoencoder")
    assert "runs/vae_digits/0 keeps its name when it is resumed" in refused(
        "fit", "--ckpt_path=runs/vae_digits", "--name=other"
    )
    assert "no run in runs/other has a checkpoint" in refused(*resume, "--name=other")


def test_the_config_of_a_run_that_is_not_ones_own_is_not_believed(own, refused):
    told = refused("fit", "--ckpt_path=runs/vae_digits", "--trainer.max_epochs=4")
    assert told.startswith("genlab: runs/vae_digits/0 is not known to be yours, and its config may import anything;")
    main(["fit", "--ckpt_path=runs/vae_digits", "--trainer.max_epochs=4", "--trust"])
    assert torch.load(own / "checkpoints" / "last.ckpt", weights_only=True)["epoch"] == 3


def test_a_checkpoint_in_no_run_needs_a_config(own, refused):
    shutil.copy(own / "checkpoints" / "last.ckpt", "m.ckpt")
    assert "m.ckpt is not in a run, whose config would say how to train it; give --config" in refused(
        "fit", "--ckpt_path=m.ckpt"
    )
    assert "nothing.ckpt does not exist; give --config, or the path of a run" in refused("fit", "--ckpt=nothing.ckpt")


def test_the_folder_of_several_runs_is_its_newest(own):
    newer = Path(shutil.copytree(own, "runs/vae_digits/1"))
    os.utime(newer / "checkpoints" / "last.ckpt", (2e9, 2e9))
    main(["reconstruct", "--ckpt=runs/vae_digits"])
    main(["predict", "--ckpt=runs/vae_digits/"])
    assert (newer / "pictures" / "reconstruct.png").exists()
    assert not (own / "pictures" / "reconstruct.png").exists()
    assert (newer / "predictions.npz").exists()


def test_nothing_is_said_of_a_seed_that_nobody_looked_for(own, recwarn):
    main(["test"])
    assert not [warning for warning in recwarn if "seed" in str(warning.message)]


def test_a_run_that_was_extended_says_how_to_extend_it_again(own, refused):
    resume = ["fit", "--config=vae_digits.yaml", f"--ckpt_path={own}", "--trainer.max_epochs=3"]
    main([*resume, "--trainer.max_epochs=5"])
    told = refused(*resume)
    assert "trained for more epochs than max_epochs, 3; raise --trainer.max_epochs to resume" in told
    main([*resume, "--trainer.max_epochs=6"])
    assert torch.load(own / "checkpoints" / "last.ckpt", weights_only=True)["epoch"] == 5
