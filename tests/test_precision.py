"""Families stay finite in half precision, for a thousand steps."""

from functools import partial

import pytest
import torch
from lightning.pytorch import Callback, Trainer, seed_everything
from lightning.pytorch.plugins import MixedPrecision

import genlab
from genlab.networks import MLPDecoder, MLPEncoder

SMALL = {"encoder": partial(MLPEncoder, hidden=(64,)), "decoder": partial(MLPDecoder, hidden=(64,))}
FAMILIES = {
    "VAE": lambda data: genlab.VAE(data.image_shape, **SMALL),
    "CVAE": lambda data: genlab.CVAE(data.image_shape, data.num_classes, **SMALL),
}


class Losses(Callback):
    def __init__(self) -> None:
        self.values: list[float] = []

    def on_train_batch_end(self, trainer, model, outputs, batch, batch_idx) -> None:
        self.values.append(outputs["loss"].item())


@pytest.mark.parametrize("precision", ["bf16-mixed", "16-mixed"])
@pytest.mark.parametrize("family", FAMILIES)
def test_a_thousand_steps_are_finite_and_learn(family, precision):
    seed_everything(0)
    data, losses = genlab.Digits(), Losses()
    scaler = torch.amp.GradScaler("cpu") if precision == "16-mixed" else None
    Trainer(
        max_steps=1000,
        plugins=MixedPrecision(precision, "cpu", scaler),
        callbacks=[losses],
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        limit_val_batches=0,
    ).fit(FAMILIES[family](data), datamodule=data)
    losses = torch.tensor(losses.values)
    assert len(losses) == 1000
    assert losses.isfinite().all()
    assert losses[-100:].mean() < 0.8 * losses[:10].mean()
