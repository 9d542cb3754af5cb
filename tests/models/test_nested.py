"""A trained model as an argument of another."""

import shutil
import warnings
from pathlib import Path

import pytest
import torch
from lightning.pytorch import Trainer

import genlab
from genlab.cli import main

OUTER = """
import torch
from lightning.pytorch import LightningModule
from torch import nn

from genlab.capabilities import DrawsCodes, Samples
from genlab.models import ImageModel, Prior, frozen


class CodeFlow(Prior, ImageModel):
    '''Codes of a frozen model, whitened: scaled noise is decoded by it.'''

    capabilities = (DrawsCodes, Samples)

    def __init__(self, image_shape, inner: LightningModule):
        super().__init__(image_shape)
        self.save_hyperparameters()
        self.inner = frozen(inner)
        self.code_shape = inner.code_shape
        self.scale = nn.Linear(*self.code_shape, *self.code_shape)

    def loss(self, batch):
        codes = self.inner.encode(self.images(batch))
        return (self.scale(torch.randn_like(codes)).std(0) - codes.std(0)).square().mean()

    def training_step(self, batch, batch_idx):
        loss = self.loss(batch)
        self.log_batch({"loss": loss}, "loss")
        return loss

    def evaluation_step(self, stage, batch, batch_idx):
        self.log_epoch(stage, {"loss": self.loss(batch)}, batch, "loss")

    def configure_optimizers(self):
        return torch.optim.Adam(self.scale.parameters())

    def decode(self, z):
        with torch.no_grad():
            return self.inner.decode(self.scale(z))
"""
QUICK = ["--config=overlays/smoke.yaml", "--trainer.enable_progress_bar=false"]


@pytest.fixture
def outer(run, working_folder, monkeypatch) -> Path:
    """A run of a model around the model of `run`, whose files have been removed."""
    Path("outer.py").write_text(OUTER)
    inner = shutil.copytree(run, "inner/0")
    loaded = f"{{class_path: genlab.load, init_args: {{path: {inner}}}}}"
    model = f"model: {{class_path: outer.CodeFlow, init_args: {{inner: {loaded}}}}}"
    Path("flow.yaml").write_text(f"{model}\ndata: {{class_path: Digits}}\n")
    main(["fit", "--config=flow.yaml", *QUICK])
    shutil.rmtree("inner")
    return Path("runs/flow/0")


def test_a_trained_model_is_stored_whole_and_loaded_without_its_file(outer, run):
    model, inner = genlab.load(outer), genlab.load(run)
    x = torch.rand(3, *inner.image_shape)
    torch.testing.assert_close(model.inner.encode(x), inner.encode(x))
    assert not any(weight.requires_grad for weight in model.inner.parameters())
    assert not model.train().inner.training
    main(["sample", "--ckpt", str(outer), "--out=samples.png"])
    assert Path("samples.png").exists()


def test_it_is_resumed_without_its_file(outer):
    before = torch.load(outer / "checkpoints" / "last.ckpt", weights_only=True)
    main(["fit", "--config=flow.yaml", *QUICK, "--ckpt_path=last", "--trainer.max_epochs=2"])
    after = torch.load(outer / "checkpoints" / "last.ckpt", weights_only=True)
    assert after["epoch"] == before["epoch"] + 1
    changed = {
        name for name, value in after["state_dict"].items() if not torch.equal(value, before["state_dict"][name])
    }
    assert changed == {"scale.weight", "scale.bias"}
    assert after["hyper_parameters"] == before["hyper_parameters"]


def test_another_inner_model_is_not_resumed_in_its_place(outer, run, refused):
    shutil.copytree(run, "inner/0")
    other = ["--model.inner.class_path=genlab.VAE", "--model.inner.image_shape=[1,8,8]", "--model.inner.code_size=3"]
    told = refused("fit", "--config=flow.yaml", *QUICK, *other, "--ckpt_path=last", "--trainer.max_epochs=2")
    assert "a different model from the config's: inner.init_args.code_size" in told


def test_in_python_it_is_an_argument_like_any_other(run, working_folder, monkeypatch):
    Path("outer.py").write_text(OUTER)
    monkeypatch.syspath_prepend(".")
    from outer import CodeFlow

    model = CodeFlow((1, 8, 8), genlab.load(run))
    described = model.hparams["inner"]
    assert described["class_path"] == "genlab.VAE"
    assert described["init_args"]["code_size"] == model.inner.code_shape[0]


def test_lightning_warns_of_other_parts_in_evaluation_mode_than_the_frozen_ones(run, working_folder, monkeypatch):
    Path("outer.py").write_text(OUTER)
    monkeypatch.syspath_prepend(".")
    from outer import CodeFlow

    def warned(model) -> bool:
        data, quiet = genlab.Digits(), {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False}
        with warnings.catch_warnings(record=True) as caught:
            Trainer(max_steps=1, limit_val_batches=0, **quiet).fit(model, data)
        return any("in eval mode" in str(warning.message) for warning in caught)

    model = CodeFlow((1, 8, 8), genlab.load(run))
    assert not warned(model)
    monkeypatch.setattr(model, "train", lambda mode=True: model)  # `setup` calls it
    model.training = True
    model.scale.eval()
    assert warned(model)


def test_the_stage_of_a_staged_model_goes_with_it():
    from functools import partial

    layers = [partial(genlab.networks.DenseLayer, size=size) for size in (6, 3)]
    stages = [genlab.models.StageSchedule(1)]
    stacked = genlab.StackedAutoencoder((1, 8, 8), layers, stages, fine_tuning=stages)
    stacked._position = 1
    holder = torch.nn.ModuleDict({"inner": stacked})
    other = genlab.StackedAutoencoder((1, 8, 8), layers, stages, fine_tuning=stages)
    torch.nn.ModuleDict({"inner": other}).load_state_dict(holder.state_dict())
    assert other.stage.name == "layer2"
    assert other.code_shape == (3,)


LAYER = """
import torch
from lightning.pytorch import LightningModule
from torch import nn

from genlab.models import ImageModel, frozen


class Layer(ImageModel):
    '''A layer of a deep model, trained on what the frozen layers below it make of images.'''

    def __init__(self, image_shape, size: int = 4, below: LightningModule | None = None):
        super().__init__(image_shape)
        self.save_hyperparameters()
        self.below = None if below is None else frozen(below)
        self.units = nn.Linear(64 if below is None else below.units.out_features, size)

    def forward(self, x):
        return self.units(x.flatten(1) if self.below is None else self.below(x))

    def training_step(self, batch, batch_idx):
        loss = (self(self.images(batch)).std(0) - 1).square().mean()
        self.log_batch({"loss": loss}, "loss")
        return loss

    def evaluation_step(self, stage, batch, batch_idx):
        self.log_epoch(stage, {"loss": self(self.images(batch)).mean()}, batch, "loss")

    def configure_optimizers(self):
        return torch.optim.Adam(self.units.parameters())
"""


def test_models_of_one_class_stand_on_each_other(working_folder):
    Path("layers.py").write_text(LAYER)
    quick = ["--data=Digits", *QUICK]
    main(["fit", "--model=layers.Layer", "--model.size=3", "--name=first", *quick])
    for name, below, size in (("second", "first", 3), ("third", "second", 5)):
        loaded = f"{{class_path: genlab.load, init_args: {{path: runs/{below}/0}}}}"
        main(
            ["fit", "--model=layers.Layer", f"--model.size={size}", f"--model.below={loaded}", f"--name={name}", *quick]
        )
        shutil.rmtree(f"runs/{below}")
        main(["fit", f"--ckpt_path=runs/{name}/0", "--trainer.max_epochs=2"])
    third = genlab.load("runs/third/0")
    sizes = [layer.units.out_features for layer in (third, third.below, third.below.below)]
    assert sizes == [5, 3, 3]
    assert third.below.below.below is None
