"""Tiny trainings of every family, which the attacks damage."""

import os
import shutil
from pathlib import Path
from typing import Any

import torch

from tests.attack.runner import run
from tests.attack.strike import strike
from tests.data.pictures import write_images

SMALL = ["--model.generator.channels=4", "--model.discriminator.channels=4"]
DENSE = ["--model.encoder.hidden=[16]", "--model.decoder.hidden=[16]"]
STAGES = [f"--model.{name}=[{{epochs: 1}}]" for name in ("pretraining", "fine_tuning", "classifier")]
ONE_BLOCK = "--model.generator={class_path: ResNetGenerator, init_args: {channels: 4, blocks: 1}}"
FAMILIES = {
    "autoencoder": ["autoencoder_digits.yaml", *DENSE],
    "stacked": ["stacked_digits.yaml", "--model.layers=[{class_path: DenseLayer, init_args: {size: 8}}]", *STAGES],
    "vae": ["vae_digits.yaml", *DENSE],
    "cvae": ["cvae_digits.yaml", *DENSE],
    "gan": ["gan_digits.yaml", "--model.generator.hidden=[16]", "--model.discriminator.hidden=[16]"],
    "cgan": ["cgan_mnist.yaml", "--data=Digits", *SMALL],
    "pix2pix": ["pix2pix_digits.yaml", *SMALL],
    "cyclegan": ["cyclegan_digits.yaml", *SMALL[1:], ONE_BLOCK, "--model.pool_size=4"],
}
TOOLS = dict.fromkeys(FAMILIES, "sample") | {
    "autoencoder": "reconstruct",
    "stacked": "reconstruct",
    "pix2pix": "translate",
    "cyclegan": "translate",
}
"""For each family, a tool that draws a picture."""
LONGER = "--trainer.max_epochs=3"


def fit(family: str, *more: str) -> list[str]:
    """Return the command that trains a family."""
    config, *arguments = FAMILIES[family]
    return ["fit", "--config", config, f"--config={Path(__file__).parent / 'tiny.yaml'}", *arguments, *more]


TRAININGS = {
    **{family: fit(family) for family in FAMILIES},
    "accumulated": fit("vae", "--trainer.accumulate_grad_batches=2"),
    "validated often": fit("vae", "--trainer.val_check_interval=2"),
    "saved often": fit("gan", "--last_checkpoint.every_n_train_steps=1"),
}


class Victims:
    """A folder with the run of each training in a subfolder, and beside each run the results of intact files.

    The number of calls of each hook is in `calls`. "vae" also has predictions and a density of codes, "gan" a
    classifier in its cache; "pictures" is a VAE of images in a folder, which are cached.
    """

    def __init__(self, base: Path) -> None:
        self.base = base
        folder = base / "data" / "pictures"
        write_images(folder, 40, "png", size=(10, 10), mode="L")
        options = ["--data.image_size=8", "--data.channels=1", "--data.batch_size=8", f"--data.folder={folder}"]
        self.fit_pictures = fit("vae", "--data=ImageFolder", *options)

    def train(self, name: str) -> None:
        """Train one of them in the current folder."""
        command = self.fit_pictures if name == "pictures" else TRAININGS[name]
        must(*command, strike(counts="calls"))
        last = next(Path("runs").glob("*/0/checkpoints/last.ckpt"))
        shutil.copy(last, "last.ckpt")
        if name == "gan":
            must("evaluate", "--limit=20", "--out=evaluate.json")
        if name == "vae":
            must("predict")
            must("sample", "--out=drawn.png")
            must("sample", "--prior=gaussian", "--out=gaussian.png")
            shutil.copytree("runs", "before")
            must(*command, LONGER, "--ckpt_path=last")
            shutil.copy(last, "longer.ckpt")
            shutil.copy(last.parents[1] / "metrics.csv", "longer.csv")
            shutil.rmtree("runs")
            Path("before").rename("runs")

    def copy(self, name: str) -> Path:
        """Copy one of them into the current folder, and return its run."""
        shutil.copytree(self.base / name, Path.cwd(), dirs_exist_ok=True)
        os.environ["GENLAB_CACHE_DIR"] = str(Path("cache").absolute())
        return next(Path("runs").glob("*/0"))


def must(*command: str) -> None:
    """Run a command that must succeed."""
    ended = run(*command)
    assert ended.code == 0, ended


def content(checkpoint: Path) -> dict[str, Any]:
    """Return the content of a checkpoint, except for what depends on paths."""
    found = torch.load(checkpoint, weights_only=True)
    return {key: value for key, value in found.items() if key not in ("callbacks", "loops")}
