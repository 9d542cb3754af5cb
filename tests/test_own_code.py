"""Networks, losses, models and data of one's own, in modules of the current folder."""

import importlib
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib.machinery import PathFinder
from pathlib import Path

import pytest

import genlab
from genlab import own_code
from genlab.cli import main

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
    "broken_nets": "import math\n1 / 0\n",
    "unfinished_nets": "import math\ndef (\n",
    "greedy_nets": "import no_such_package\n",
}


@pytest.fixture
def modules(working_folder) -> Iterator[None]:
    """Modules in the current folder."""
    for name, text in MODULES.items():
        Path(f"{name}.py").write_text(text)
    importlib.invalidate_caches()
    yield
    forget()


def forget() -> None:
    """As in a new process."""
    for name in MODULES:
        sys.modules.pop(name, None)


@pytest.fixture
def own(modules) -> Path:
    """A run of an encoder of one's own."""
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
    assert refused("fit", "--config=my.yaml") == f"genlab: encoder: {missing}"


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
    arguments = [f"--model.encoder={name}", f'--model.encoder={{"class_path": "{name}", "init_args": {{"a": 1}}}}']
    for argument in arguments:
        assert refused("fit", "--config=vae_digits.yaml", argument).endswith(reason)
    assert refused("fit", "--data=Digits", f"--model={name}").endswith(reason)
    assert refused("fit", "--model=VAE", f"--data={name}").endswith(reason)
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
