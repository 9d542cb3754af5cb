"""The command lines of the README and of the pages in docs run as printed, one after the other, on tiny data."""

import contextlib
import re
import shlex
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import genlab
from genlab.cli import TOOL_COMMANDS, main

from .data.pictures import write_image, write_images

ROOT = Path(__file__).parents[1]
PAGES = ["README.md", *sorted(path.relative_to(ROOT).as_posix() for path in ROOT.glob("docs/*.md"))]
QUICK = [
    "--trainer.max_epochs=1",
    *(f"--trainer.limit_{kind}_batches=1" for kind in ("train", "val", "test")),
    "--pictures.count=8",
]
"""Options for every training that starts: one batch of each kind, and small pictures."""
EACH_LAYER = ["--model.pretraining=[{epochs: 1, lr: 0.01}]"]
SHORT_STAGES = {
    "vqvae_mnist.yaml": [
        "--trainer.max_epochs=2",
        *(f"--model.{stage}=[{{epochs: 1}}]" for stage in ("autoencoder", "prior")),
    ],
    "dbn_digits.yaml": ["--trainer.max_epochs=-1", *EACH_LAYER, "--model.up_down=[]"],
    "narrow_dbn_mnist.yaml": ["--trainer.max_epochs=-1", *EACH_LAYER],
}
"""Options for trainings whose last stage later lines need."""
SMALL = ["--data.image_size=64", *(f"--model.{network}.channels=8" for network in ("generator", "discriminator"))]
DENOISERS = ("diffusion_mnist", "cdiffusion_mnist", "cdiffusion_frey", "latent_diffusion_celeba")
SMALLER = {"cyclegan_facades.yaml": SMALL, "pix2pix_facades.yaml": SMALL} | {
    f"{name}.yaml": ["--model.network.channels=8"] for name in DENOISERS
}
SMALLER["map_vae_celeba.yaml"] = ["--model.encoder.channels=8", "--model.decoder.channels=8"]
SMALLER["rbm_mnist.yaml"] = ["--model.hidden=100"]
"""Options for trainings with large images or networks."""
LINES = re.compile(r"^ {4}(genlab [^\n]*)|(?<=`)(genlab [^`\n]*)(?=`<br>)", re.MULTILINE)
"""Lines of code blocks, and lines in table cells."""
FILES = re.compile(r"^```\w+\n# (my\w*\.\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
"""Files that a page prints, with their names."""


def command_lines(page: str) -> list[str]:
    text = (ROOT / page).read_text(encoding="utf-8")
    return [block or cell for block, cell in LINES.findall(text)]


def run(line: str) -> None:
    """Run a line as a shell would, including redirection of its output to a file."""
    arguments = shlex.split(line, comments=True)[1:]
    quick = []
    if arguments[0] == "fit" and "--ckpt_path" not in arguments:
        own = SHORT_STAGES | SMALLER
        quick = [*QUICK, *(option for name in arguments for option in own.get(name, ()))]
    if ">" in arguments:
        *arguments, _, file = arguments
        with Path(file).open("w", encoding="utf-8") as printed, contextlib.redirect_stdout(printed):
            main(arguments)
    else:
        main([*arguments, *quick])


@pytest.mark.parametrize("page", PAGES)
def test_every_command_line_runs_as_printed(page, data_dir, working_folder, monkeypatch):
    monkeypatch.setattr("uvicorn.Server.run", lambda *args: None)  # `genlab explore` would serve until stopped
    monkeypatch.setattr("webbrowser.open", lambda address: True)
    monkeypatch.setattr("genlab.evaluation.extractors.STEPS", 50)  # training steps of a classifier
    monkeypatch.setattr("genlab.evaluation.likelihood.CODES", 50)  # codes for an estimate, unless a line gives a number
    monkeypatch.setattr("genlab.evaluation.sentences.CODES", 5)
    monkeypatch.setattr(genlab.diffusion.Sampling.__init__, "__defaults__", (genlab.diffusion.dpm_solver, 8, 1.0))
    data = shutil.copytree(data_dir, working_folder / "data")
    monkeypatch.setenv("GENLAB_DATA_DIR", str(data))
    for side in ("trainA", "trainB", "testA", "testB"):
        write_images(data / "horse2zebra" / side, 4)
    for folder, count in {"my_photos": 12, "my_pairs/train": 4, "my_pairs/test": 2}.items():
        write_images(working_folder / folder, count, size=(80, 40))
    for name in ("a.jpg", "b.jpg"):
        write_image(working_folder / name, size=(60, 40))
    write_image(working_folder / "mask.png", size=(28, 28))
    Image.fromarray(np.repeat(np.uint8([0, 255]), 14)[:, None].repeat(28, 1)).save(working_folder / "lower.png")
    for name, content in FILES.findall((ROOT / page).read_text(encoding="utf-8")):
        Path(name).write_text(content, encoding="utf-8")
    for line in command_lines(page):
        try:
            run(line)
        except SystemExit as end:
            if end.code:
                pytest.fail(f"`{line}` ended with {end.code}")
        finally:
            if torch.distributed.is_initialized():
                torch.distributed.destroy_process_group()


def test_readme_has_a_command_for_every_tool():
    shown = {line.split()[1] for page in PAGES for line in command_lines(page)}
    assert not {*TOOL_COMMANDS} - shown
