"""User-defined networks, losses, models and data, in modules of the current folder."""

import importlib
import json
import re
import shlex
import shutil
import subprocess
import sys
from importlib.machinery import PathFinder
from pathlib import Path

import numpy as np
import pytest
import torch

import genlab
from genlab.cli import main
from genlab.parsing import own_code

SMOKE = ["--config=overlays/smoke.yaml", "--trainer.enable_progress_bar=false"]
MODULES = {
    "my_nets": """
from torch import nn

class MyEncoder(nn.Sequential):
    def __init__(self, shape: tuple[int, int, int], size: int, hidden: int = 32):
        channels, height, width = shape
        super().__init__(nn.Flatten(), nn.Linear(channels * height * width, hidden), nn.ReLU(), nn.Linear(hidden, size))
""",
    "my_losses": """
def squared(logits, x):
    return (logits.sigmoid() - x).square().flatten(1).sum(1)
""",
    "my_data": """
import torch
from lightning.pytorch import LightningDataModule
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader

class Numerals(LightningDataModule):
    def __init__(self, most: int = 200, parts: str = "dict"):
        super().__init__()
        self.most, self.parts = most, parts

    def setup(self, stage):
        digits = load_digits()
        self.images = torch.tensor(digits.images[: self.most, None], dtype=torch.float32) / 16
        self.labels = torch.tensor(digits.target[: self.most])

    def train_dataloader(self):
        rows = list(zip(self.images, self.labels))
        return DataLoader(rows, 16, shuffle=True, collate_fn=self.together)

    def together(self, rows):
        x, y = (torch.stack(column) for column in zip(*rows))
        return {
            "dict": {"image": x, "label": y},
            "pair": {"source": 1 - x, "target": x},
            "domains": {"a": 1 - x, "b": x},
            "text": "text",
        }[self.parts]

    val_dataloader = train_dataloader

class Shaped(Numerals):
    image_shape = (1, 8, 8)

class Failing(Numerals):
    def setup(self, stage):
        raise ValueError("no disk")
""",
    "broken_nets": "import math\n1 / 0\n",
    "unfinished_nets": "import math\ndef (\n",
    "greedy_nets": "import no_such_package\n",
}


@pytest.fixture
def modules(working_folder) -> None:
    """Modules in the current folder."""
    for name, text in MODULES.items():
        Path(f"{name}.py").write_text(text)
    importlib.invalidate_caches()


def forget() -> None:
    """Forget imported modules, as in a new process."""
    for name in (*MODULES, "my_models"):
        sys.modules.pop(name, None)


@pytest.fixture
def own(modules) -> Path:
    """A run with a user-defined encoder."""
    Path("my.yaml").write_text("model: {class_path: VAE, init_args: {encoder: my_nets.MyEncoder}}\ndata: Digits\n")
    main(["fit", "--config=my.yaml", *SMOKE])
    forget()
    return Path("runs/my/0")


def test_the_current_folder_comes_last_on_the_path_and_for_as_long_as_a_command_runs(working_folder):
    for name in ("torch.py", "random.py", "my_nets.py"):
        Path(name).write_text("")
    before = list(sys.path)
    with own_code.importable():
        assert sys.path == [*before, str(working_folder)]
        importlib.invalidate_caches()
        assert PathFinder.find_spec("random").origin != str(working_folder / "random.py")
        assert PathFinder.find_spec("my_nets").origin == str(working_folder / "my_nets.py")
    assert sys.path == before


def test_a_stray_file_shadows_nothing_for_python_m_either(working_folder):
    Path("argparse.py").write_text("1 / 0")
    place = {"PYTHONPATH": str(Path(genlab.__file__).parents[1])}
    told = subprocess.run([sys.executable, "-m", "genlab", "--version"], env=place, capture_output=True, text=True)
    assert told.stdout == f"genlab {genlab.__version__}\n"


def test_a_network_in_the_current_folder_trains_and_every_tool_uses_it(own):
    for command in ("reconstruct", "sample", "latent", "test", "predict"):
        main([command])
        forget()
    main(["fit", "--config=my.yaml", "--ckpt_path=last", *SMOKE, "--trainer.max_epochs=2"])
    assert type(genlab.load(own).encoder).__name__ == "MyEncoder"


def test_from_another_folder_a_line_says_what_is_missing(own, refused, monkeypatch):
    checkpoint = (own / "checkpoints" / "last.ckpt").absolute()
    Path("elsewhere").mkdir()
    monkeypatch.chdir("elsewhere")
    missing = "cannot import my_nets: run from the folder where my_nets.py is, or install it"
    for command in ("sample", "test", "predict"):
        assert refused(command, "--ckpt", str(checkpoint)).endswith(missing)
    shutil.copy("../my.yaml", "my.yaml")
    assert refused("fit", "--config=my.yaml") == f"genlab: model.encoder: {missing}"


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("nowhere.Encoder", "cannot import nowhere: run from the folder where nowhere.py is, or install it"),
        ("nowhere.deep.Encoder", "cannot import nowhere: run from the folder where nowhere/ is, or install it"),
        ("my_nets.MyEncodr", "my_nets has no MyEncodr; did you mean MyEncoder?"),
        ("broken_nets.E", "cannot import broken_nets: ZeroDivisionError: division by zero (broken_nets.py, line 2)"),
        ("unfinished_nets.E", "(unfinished_nets.py, line 2)"),
        ("greedy_nets.Encoder", "cannot import greedy_nets: No module named 'no_such_package'"),
        ("genlab.networks.MLPEncodr", "genlab.networks has no MLPEncodr; did you mean MLPEncoder?"),
    ],
)
def test_why_a_class_is_not_found(name, reason, modules, refused):
    assert refused("fit", "--config=vae_digits.yaml", f"--model.encoder={name}").endswith(reason)


@pytest.mark.parametrize("section", ["model", "data", "model.encoder"])
def test_a_class_with_arguments_and_one_of_any_section_is_looked_for_too(section, refused):
    described = json.dumps({"class_path": "nowhere.Thing", "init_args": {"a": 1}})
    for value in ("nowhere.Thing", described):
        told = refused("fit", "--config=vae_digits.yaml", f"--{section}={value}")
        assert told.endswith("cannot import nowhere: run from the folder where nowhere.py is, or install it")
    assert not Path("runs").exists()


def test_a_loss_of_ones_own_is_named_and_found_again(modules, refused, monkeypatch):
    main(["fit", "--config=autoencoder_digits.yaml", "--model.loss=my_losses.squared", *SMOKE])
    forget()
    main(["reconstruct"])
    forget()
    checkpoint = Path("runs/autoencoder_digits/0/checkpoints/last.ckpt").absolute()
    Path("elsewhere").mkdir()
    monkeypatch.chdir("elsewhere")
    assert "cannot import my_losses: run from" in refused("reconstruct", "--ckpt", str(checkpoint))


DATA = "--data=my_data.Numerals"


@pytest.fixture
def numerals(modules) -> Path:
    """A run of a VAE on a user-defined DataModule, which declares no shape and has no test images."""
    main(["fit", "--model=VAE", DATA, *SMOKE])
    forget()
    return Path("runs/vae-numerals/0")


def test_data_of_ones_own_say_their_shape_by_their_first_batch_and_are_found_in_the_config(numerals, capsys):
    checkpoint = torch.load(numerals / "checkpoints/last.ckpt", weights_only=True)
    assert "datamodule_hyper_parameters" not in checkpoint
    assert tuple(checkpoint["hyper_parameters"]["image_shape"]) == (1, 8, 8)
    for command in ("reconstruct", "latent", "traverse", "probe", "validate", "predict"):
        main([command])
        forget()
    assert (numerals / "pictures" / "reconstruct.png").exists()
    main(["reconstruct", "--out=drawn.npz"])
    assert np.load("drawn.npz")["subject"] == "VAE on Numerals, epoch 1"
    assert "data: Numerals" in capsys.readouterr().out
    assert np.load(numerals / "predictions.npz")["code"].shape == (200, 20)  # validation images


def test_the_first_batch_takes_no_random_numbers_from_training(modules):
    for data in ("Numerals", "Shaped"):
        main(["fit", "--model=VAE", f"--data=my_data.{data}", "--seed_everything=1", *SMOKE])
    one, two = (torch.load(f"runs/vae-{x}/0/checkpoints/last.ckpt", weights_only=True) for x in ("numerals", "shaped"))
    assert all(torch.equal(one["state_dict"][key], two["state_dict"][key]) for key in one["state_dict"])


def test_data_of_a_run_that_is_not_ones_own_are_not_imported(numerals, refused):
    moved = shutil.copytree(numerals, "runs/moved/0")
    told = refused("reconstruct", "--ckpt", str(moved))
    assert "names my_data.Numerals, which would be imported, and is not from a run known to be yours" in told
    main(["reconstruct", "--ckpt", str(moved), "--trust"])
    forget()
    Path("my_data.py").unlink()
    importlib.invalidate_caches()
    told = refused("reconstruct", "--ckpt", str(numerals), "--out=r.png")
    assert told.endswith("cannot import my_data: run from the folder where my_data.py is, or install it")


def test_classes_of_ones_own_data_are_counted_where_a_model_needs_them(modules):
    main(["fit", "--model=CVAE", DATA, *SMOKE])
    assert len(genlab.load("runs/cvae-numerals/0").condition.class_names) == 10
    forget()
    main(["sample"])
    main(["transfer"])
    forget()
    main(["fit", "--model=CVAE", DATA, *SMOKE, "--ckpt_path=last", "--trainer.max_epochs=2"])


@pytest.mark.parametrize(("model", "parts"), [("Pix2Pix", "pair"), ("CycleGAN", "domains")])
def test_pairs_and_domains_of_ones_own_are_translated(model, parts, modules):
    small = ["--model.generator=UNet", "--model.generator.channels=4", "--model.discriminator.channels=4"]
    main(["fit", f"--model={model}", DATA, f"--data.parts={parts}", *SMOKE, *small])
    forget()
    main(["translate", "-n", "2"])
    assert [*Path("runs").glob("*/0/pictures/translate*.png")]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (
            "Failing",
            "Failing has no image_shape, and no first batch (ValueError: no disk); set self.image_shape =",
        ),
        ("Numerals --data.parts=text", "the batches of Numerals are of type str and hold no images (B, C, H, W); give"),
    ],
)
def test_what_is_missing_in_ones_own_data_is_said(data, reason, modules, refused):
    assert reason in refused("fit", "--model=VAE", *f"--data=my_data.{data}".split())
    assert not [*Path("runs").glob("*/*")]


def test_what_a_model_predicts_nothing_is_told_before_data_are_read(refused, monkeypatch):
    main(["fit", "--config=gan_digits.yaml", *SMOKE])
    monkeypatch.setattr(genlab.Digits, "setup", None)
    assert "a GAN predicts nothing from images" in refused("predict")


def test_the_four_files_of_the_readme_work_as_printed(working_folder, capsys):
    readme = (Path(genlab.__file__).parents[1] / "README.md").read_text()
    section = readme.split("## Your own network, loss, model, data")[1].split("\n## ")[0]
    files = dict(re.findall(r"^```\w+\n# (my\w*\.\w+)\n(.*?)^```$", section, re.MULTILINE | re.DOTALL))
    assert [*files] == ["my_nets.py", "my_losses.py", "my_models.py", "my_data.py", "my.yaml"]
    for name, text in files.items():
        Path(name).write_text(text)
    importlib.invalidate_caches()
    for command in re.findall("^    genlab (.+)$", section, re.MULTILINE):
        main(shlex.split(command))
        forget()
    assert sorted(str(path.parent.parent) for path in Path("runs").glob("*/0/checkpoints/last.ckpt")) == [
        "runs/autoencoder_digits/0",
        "runs/cvae-mydigits/0",
        "runs/my/0",
    ]
    assert {path.name for path in Path("runs/my/0/pictures").iterdir()} > {"reconstruct.png", "latent.png"}
    with own_code.importable():
        assert genlab.load("runs/my/0").free == 4.0
    hidden = genlab.load("runs/my/0").encoder[1].out_features
    assert hidden == 64
