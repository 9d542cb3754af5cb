"""Families stay finite in half precision, for a thousand steps."""

import csv
from functools import partial

import pytest
import torch
from lightning.pytorch import Trainer, seed_everything
from lightning.pytorch.plugins import MixedPrecision

import genlab
from genlab.callbacks import MetricsFile
from genlab.losses import GradientPenalty, Wasserstein
from genlab.networks import DCGANGenerator, MLPDecoder, MLPDiscriminator, MLPEncoder
from genlab.optimizers import GANAdam

SMALL = {"encoder": partial(MLPEncoder, hidden=(64,)), "decoder": partial(MLPDecoder, hidden=(64,))}
PLAYERS = {
    "generator": partial(DCGANGenerator, width=8),
    "discriminator": partial(MLPDiscriminator, hidden=(64,)),
    "generator_optimizer": partial(GANAdam, lr=1e-3),
}
FAMILIES = {
    "VAE": lambda data: genlab.VAE(data.image_shape, **SMALL),
    "CVAE": lambda data: genlab.CVAE(data.image_shape, data.num_classes, **SMALL),
    "GAN": lambda data: genlab.GAN(data.image_shape, **PLAYERS),
    "WGAN": lambda data: genlab.GAN(data.image_shape, **PLAYERS, loss=Wasserstein, penalty=GradientPenalty),
}


@pytest.mark.parametrize("precision", ["bf16-mixed", "16-mixed"])
@pytest.mark.parametrize("family", FAMILIES)
def test_a_thousand_steps_are_finite_and_learn(family, precision, working_folder):
    seed_everything(0)
    data = genlab.Digits()
    scaler = torch.amp.GradScaler("cpu") if precision == "16-mixed" else None
    model = FAMILIES[family](data)
    Trainer(
        max_steps=1000,
        plugins=MixedPrecision(precision, "cpu", scaler),
        logger=MetricsFile(working_folder),
        enable_checkpointing=False,
        enable_progress_bar=False,
        limit_val_batches=0,
    ).fit(model, datamodule=data)
    with (working_folder / "metrics.csv").open(newline="") as file:
        rows = [{name: float(value) for name, value in row.items() if value} for row in csv.DictReader(file)]
    curves = {name: torch.tensor([row[name] for row in rows if name in row]) for name in rows[0]}
    assert len(curves["step"]) == 1000
    assert all(curve.isfinite().all() for curve in curves.values())
    if family.endswith("GAN"):
        assert scaler is None or scaler.get_scale() > 1
        assert curves["train/diversity"][-100:].mean() > 2 * curves["train/diversity"][:10].mean()
    else:
        assert curves["train/loss"][-100:].mean() < 0.8 * curves["train/loss"][:10].mean()
