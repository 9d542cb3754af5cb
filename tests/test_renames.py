"""Old names of classes and arguments: configs and command lines warn about them, checkpoints do not."""

import inspect
import warnings
from pathlib import Path

import pytest
import torch
import yaml
from jsonargparse._util import import_object

import genlab
from genlab import renames
from genlab.cli import main
from genlab.hparams import with_current_paths
from genlab.runs.summaries import settings_of

SMALL = ["--config=overlays/smoke.yaml", "--trainer.enable_progress_bar=false"]
CONFIG = """
model:
  class_path: VAE
  init_args:
    encoder: {class_path: OldEncoder, init_args: {units: [16]}}
    decoder: {class_path: genlab.networks.MLPDecoder, init_args: {units: [16]}}
data: Digits
"""


@pytest.fixture
def renamed(monkeypatch, working_folder) -> None:
    """Pretend that `hidden` of the MLPs was `units`, MLPEncoder OldEncoder, and `batch_size` of some data `size`."""
    monkeypatch.setattr(renames, "CLASSES", {"genlab.networks.OldEncoder": "genlab.networks.MLPEncoder"})
    units = {"units": "hidden"}
    of_data = {"genlab.Digits": {"size": "batch_size"}}
    monkeypatch.setattr(
        renames, "ARGUMENTS", {"genlab.networks.MLPEncoder": units, "genlab.networks.MLPDecoder": units} | of_data
    )
    Path("old.yaml").write_text(CONFIG)


def warned(*arguments: str) -> list[str]:
    """Return a command's warnings about old names."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        main(arguments)
    return [str(each.message) for each in caught if "next release" in str(each.message)]


def test_configs_and_options_may_have_old_names(renamed):
    found = warned("fit", "--config=old.yaml", *SMALL, "--data.size=50", "--model.decoder.units=[8]")
    assert [line.partition(";")[0] for line in found] == [
        "OldEncoder is called genlab.networks.MLPEncoder now",
        "model.encoder.units is called hidden now",
        "model.decoder.units is called hidden now",
        "data.size is called batch_size now",
    ]
    config = yaml.safe_load(Path("runs/old/0/config.yaml").read_text())
    networks = config["model"]["init_args"]
    assert networks["encoder"]["class_path"].endswith(".MLPEncoder")
    assert networks["encoder"]["init_args"]["hidden"] == [16]
    assert networks["decoder"]["init_args"]["hidden"] == [8]
    assert config["data"]["init_args"]["batch_size"] == 50
    assert "units" not in str(config)


def test_arguments_of_a_class_that_is_not_named_may_have_old_names(renamed):
    assert len(warned("fit", "--model=VAE", "--data=Digits", *SMALL, "--model.encoder.units", "[4]")) == 1
    assert settings_of(Path("runs/vae-digits/0"))["model.encoder.hidden"] == "[4]"


def test_settings_of_data_may_have_old_names_for_tools(renamed):
    main(["fit", "--model=VAE", "--data=Digits", *SMALL])
    (line,) = warned("reconstruct", "--data.size=9", "-n=4")
    assert line.startswith("data.size is called batch_size now")


def test_old_names_in_checkpoints_are_no_ones_business(renamed):
    main(["fit", "--config=old.yaml", *SMALL])
    path = Path("runs/old/0/checkpoints/last.ckpt")
    checkpoint = torch.load(path, weights_only=True)
    described = checkpoint["hyper_parameters"]
    described["encoder"] = {"class_path": "genlab.networks.mlp.OldEncoder", "init_args": {"units": [16]}}
    torch.save(checkpoint, path)
    config = Path("runs/old/0/config.yaml")
    config.write_text(config.read_text().replace("hidden:", "units:"))
    assert warned("sample") == []
    assert warned("validate") == []
    assert warned("fit", "--ckpt_path=last", "--trainer.max_epochs=2") == []
    assert len(warned("fit", "--config=old.yaml", *SMALL, "--ckpt_path=last", "--trainer.max_epochs=3")) == 3
    assert settings_of(Path("runs/old/0"))["model.encoder.hidden"] == "[16]"
    assert genlab.load("runs/old/0").hparams["encoder"]["class_path"] == "genlab.networks.MLPEncoder"


def test_classes_that_inherit_a_constructor_are_rebuilt_too(renamed):
    own = "import genlab\nclass {0}(genlab.networks.MLPEncoder):\n    {1}\n"
    init = "def __init__(self, image_shape, code_size, units=()): super().__init__(image_shape, code_size, units)"
    Path("heirs.py").write_text(own.format("Heir", "pass") + own.format("Other", init))
    for name, units in ("Heir", "hidden"), ("Other", "units"):
        encoder = [f"--model.encoder=heirs.{name}", f"--model.encoder.{units}=[16]"]
        main(["fit", "--model=VAE", "--data=Digits", *SMALL, *encoder, f"--name={name}"])
        path = Path(f"runs/{name}/0/checkpoints/last.ckpt")
        checkpoint = torch.load(path, weights_only=True)
        assert checkpoint["hyper_parameters"]["encoder"]["init_args"].pop(units) == [16]
        checkpoint["hyper_parameters"]["encoder"]["init_args"]["units"] = [16]
        torch.save(checkpoint, path)
        assert warned("sample", f"--ckpt={path}") == []


def test_only_what_is_of_genlab_is_translated(renamed):
    described = {"_class_path": "mine.Digits", "size": 3, "name": "OldEncoder", "net": "genlab.networks.OldEncoder"}
    assert with_current_paths(described) == described | {"net": "genlab.networks.MLPEncoder"}
    both = {"class_path": "genlab.Digits", "init_args": {"size": 1, "batch_size": 2}}
    assert with_current_paths(both) == both


def test_old_and_new_name_at_once_are_refused(renamed, refused):
    Path("both.yaml").write_text("model: VAE\ndata: {class_path: Digits, init_args: {size: 1, batch_size: 2}}\n")
    assert "Digits has no argument size" in refused("fit", "--config=both.yaml", *SMALL)


def test_wandbs_logger_is_found_where_it_was(working_folder):
    overlay = Path("tracked.yaml")
    overlay.write_text("trainer: {logger: {class_path: genlab.callbacks.SafeWandbLogger, init_args: {offline: true}}}")
    (line,) = warned("fit", "--model=VAE", "--data=Digits", *SMALL, f"--config={overlay}")
    assert line.startswith("genlab.callbacks.SafeWandbLogger is called genlab.loggers.SafeWandbLogger now")


@pytest.mark.parametrize("path", renames.ARGUMENTS)
def test_new_names_are_arguments_and_old_ones_are_none(path):
    known = inspect.signature(import_object(path)).parameters
    for old, new in renames.ARGUMENTS[path].items():
        assert new in known
        assert old not in known


def test_networks_had_a_width(working_folder):
    Path("old.yaml").write_text(
        "model: {class_path: GAN, init_args: {generator: {class_path: DCGANGenerator, init_args: {width: 8}}}}\n"
        "data: Digits\n"
    )
    found = warned("fit", "--config=old.yaml", *SMALL, "--model.discriminator.width=4")
    assert sorted(line.partition(";")[0] for line in found) == [
        "model.discriminator.width is called channels now",
        "model.generator.width is called channels now",
    ]
    settings = settings_of(Path("runs/old/0"))
    assert (settings["model.generator.channels"], settings["model.discriminator.channels"]) == ("8", "4")
