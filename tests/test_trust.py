"""Opening a checkpoint imports no foreign code, and uses no foreign data folder, unless the user allows it."""

import shutil
import sys
from pathlib import Path

import pytest
import torch

import genlab
from genlab import runs, trust
from genlab.cli import main

SPRUNG = Path("sprung")
HELPERS = """
from pathlib import Path

from genlab.losses import squared_error
from genlab.networks import MLPEncoder

Path("sprung").touch()


class Encoder(MLPEncoder):
    pass


def error(logits, x):
    return squared_error(logits, x)
"""


@pytest.fixture
def helpers(working_folder, monkeypatch):
    """An importable module in the current folder."""
    Path("helpers.py").write_text(HELPERS)
    monkeypatch.syspath_prepend(working_folder)
    yield
    sys.modules.pop("helpers", None)


@pytest.fixture
def foreign(run, helpers) -> str:
    """A checkpoint from elsewhere, whose encoder is a class of a module called helpers."""
    encoder = torch.load(run / "checkpoints" / "last.ckpt", weights_only=True)["hyper_parameters"]["encoder"]
    return altered(run, encoder=encoder | {"class_path": "helpers.Encoder"})


def altered(run: Path, **hparams: object) -> str:
    content = torch.load(run / "checkpoints" / "last.ckpt", weights_only=True)
    content["hyper_parameters"] |= hparams
    torch.save(content, "foreign.ckpt")
    return "foreign.ckpt"


def own_run() -> Path:
    """Train a run whose encoder is a class from the current folder, and return its folder."""
    smoke = ["--config=overlays/smoke.yaml", "--model.encoder=helpers.Encoder"]
    main(["fit", "--config=vae_digits.yaml", *smoke])
    SPRUNG.unlink()
    del sys.modules["helpers"]
    return Path("runs/vae_digits/0")


TOLD = "foreign.ckpt names helpers.Encoder, which would be imported, and is not from a run known to be yours; give"


@pytest.mark.parametrize(
    "command",
    [
        ["sample", "--ckpt"],
        ["reconstruct", "--ckpt"],
        ["test", "--ckpt_path"],
        ["predict", "--ckpt_path"],
        ["fit", "--config=vae_digits.yaml", "--ckpt_path"],
    ],
    ids=lambda command: command[0],
)
def test_a_command_imports_nothing_that_a_foreign_checkpoint_names(command, foreign, refused):
    assert TOLD in refused(*command, foreign)
    assert not SPRUNG.exists()


def test_load_imports_it_when_it_is_trusted_or_imported_already(foreign):
    with pytest.raises(genlab.GenlabError, match=r"names helpers\.Encoder"):
        genlab.load(foreign)
    assert not SPRUNG.exists()
    assert type(genlab.load(foreign, trust=True).encoder).__name__ == "Encoder"
    assert type(genlab.load(foreign).encoder).__name__ == "Encoder"


@pytest.mark.parametrize("command", [["sample", "--ckpt"], ["test", "--ckpt_path"]], ids=["sample", "test"])
def test_a_command_imports_it_when_told_to(command, foreign):
    main([*command, foreign, "--trust"])
    assert SPRUNG.exists()


def test_functions_and_deep_arguments_are_looked_at_too(run, helpers):
    deep = {"class_path": "genlab.networks.ConvEncoder", "init_args": {"activation": {"class_path": "helpers.Encoder"}}}
    for hparams in ({"encoder": deep}, {"loss": "helpers.error"}, {"layers": ["a", ["helpers.error"]]}):
        with pytest.raises(genlab.GenlabError, match=r"foreign\.ckpt names helpers\.\w+, which would be imported"):
            genlab.load(altered(run, **hparams))
    assert not SPRUNG.exists()


def test_names_that_cannot_be_imported_are_only_text():
    assert not [*trust.unknown_names({"folder": "faces.small", "name": "train.jpg", "loss": "genlab.losses.L1"})]
    assert not [*trust.unknown_names({"class_path": "torch.nn.ReLU", "version": "1.2", "text": "a: b", "on": "5"})]
    assert [*trust.unknown_names({"class_path": "no_such_package.Thing"})] == ["no_such_package.Thing"]


@pytest.mark.parametrize(
    "text",
    ['{"class_path": "helpers.Encoder"}', "class_path: helpers.Encoder", "encoder.yaml", "encoder.txt"],
    ids=["JSON", "YAML", "a file", "a file of another name"],
)
def test_what_the_parser_would_read_out_of_a_text_is_looked_at_too(text, run, helpers):
    for name in ("encoder.yaml", "encoder.txt"):
        Path(name).write_text("class_path: helpers.Encoder")
    with pytest.raises(genlab.GenlabError, match=r"foreign\.ckpt names .*, which would be imported"):
        genlab.load(altered(run, encoder=text))
    assert not SPRUNG.exists()


COMMAND = "touch sprung"


@pytest.mark.parametrize(
    "factory",
    [
        {"class_path": "os.system", "init_args": {"command": COMMAND}},
        {"class_path": "subprocess.getoutput", "init_args": {"cmd": COMMAND}},
        {"class_path": "subprocess.Popen", "init_args": {"args": ["touch", "sprung"]}},
        {"class_path": "builtins.exec", "init_args": {"source": "import helpers"}},
        {"class_path": "torch.hub.load", "init_args": {"repo_or_dir": ".", "model": "net", "source": "local"}},
        {"class_path": "torch.load", "init_args": {"f": "evil.pt", "weights_only": False}},
        {"class_path": "genlab.load", "init_args": {"path": "evil", "trust": True}},
        "os.system",
        "genlab.__main__.main",
    ],
    ids=lambda factory: factory if isinstance(factory, str) else factory["class_path"],
)
def test_functions_and_the_systems_own_modules_are_no_classes_of_a_checkpoint(factory, run, helpers):
    for argument in ("encoder", "likelihood", "optimizer"):
        with pytest.raises(genlab.GenlabError, match=r"foreign\.ckpt names .*, which would be imported"):
            genlab.load(altered(run, **{argument: factory}))
    assert not SPRUNG.exists()


def test_a_checkpoint_may_be_made_of_another_that_is_looked_at_by_itself():
    nested = {"class_path": "genlab.models.checkpoint.load", "init_args": {"path": "first", "trust": False}}
    assert not [*trust.unknown_names({"first_stage": nested})]


@pytest.mark.parametrize("path", ["runs/vae_digits/0/checkpoints/../../../../precious", "memory://precious"])
def test_no_foreign_checkpoint_says_what_lightning_deletes(path, run, refused):
    Path("precious").mkdir()
    content = torch.load(run / "checkpoints" / "last.ckpt", weights_only=True)
    for state in content["callbacks"].values():
        state |= {"best_model_path": path, "best_k_models": {path: torch.tensor(9.0)}, "last_model_path": path}
    torch.save(content, "foreign.ckpt")
    told = refused("fit", "--config", str(run / "config.yaml"), "--ckpt_path=foreign.ckpt", "--trainer.max_epochs=4")
    assert f"foreign.ckpt lets callbacks delete what is in {path} and is not from a run" in told
    assert Path("precious").exists()


def test_no_config_grants_trust(foreign, refused):
    Path("trust.yaml").write_text("trust: true")
    told = refused("fit", "--config=vae_digits.yaml", "--config=trust.yaml", "--ckpt_path", foreign)
    assert "a config or an environment variable cannot grant trust" in told
    assert not SPRUNG.exists()


def test_a_run_of_ones_own_names_ones_own_classes(helpers):
    run = own_run()
    main(["sample", "--ckpt", str(run)])
    assert SPRUNG.exists()
    del sys.modules["helpers"]
    main(["test"])
    del sys.modules["helpers"]
    main(["fit", "--config", str(run / "config.yaml"), "--ckpt_path", str(run), "--trainer.max_epochs=2"])
    assert (run / "pictures" / "sample.png").exists()


def test_a_run_from_elsewhere_is_not_ones_own_whatever_it_is_called(helpers, refused, monkeypatch, tmp_path_factory):
    run = own_run()
    moved = run.with_name("1")
    shutil.copytree(run, moved)
    assert runs.run_of(moved / "checkpoints" / "last.ckpt") == moved
    assert "names helpers.Encoder, which would be imported" in refused("sample", "--ckpt", str(moved))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("another user's")))
    assert "names helpers.Encoder, which would be imported" in refused("sample", "--ckpt", str(run))
    assert not SPRUNG.exists()


def test_without_a_home_runs_are_trained_and_nobodys(helpers, refused, monkeypatch):
    Path("file").touch()
    monkeypatch.setenv("XDG_STATE_HOME", "file/inside")
    run = own_run()
    assert "names helpers.Encoder, which would be imported" in refused("sample", "--ckpt", str(run))


@pytest.mark.parametrize(
    "place", [{"data_dir": "elsewhere"}, {"folder": "/elsewhere/facades"}, {"folder": "../facades"}]
)
def test_data_of_a_foreign_checkpoint_go_nowhere_but_to_the_users_folder(place, run, refused):
    content = torch.load(run / "checkpoints" / "last.ckpt", weights_only=True)
    data = {"_class_path": "genlab.data.SideBySidePairs", "folder": "facades"} | place
    torch.save(content | {"datamodule_hyper_parameters": data}, "foreign.ckpt")
    for command in (["reconstruct", "--ckpt"], ["test", "--ckpt_path"]):
        told = refused(*command, "foreign.ckpt")
        assert f"foreign.ckpt takes its data from {next(iter(place.values()))} and is not from a run known" in told
    assert not Path("elsewhere").exists()


def test_a_checkpoint_of_data_in_the_users_folder_needs_no_trust(run):
    shutil.copy(run / "checkpoints" / "last.ckpt", "colleague.ckpt")
    main(["reconstruct", "--ckpt", "colleague.ckpt"])
    assert Path("pictures/reconstruct.png").exists()
