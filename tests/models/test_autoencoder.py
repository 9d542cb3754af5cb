"""The deterministic autoencoder."""

from functools import partial

import pytest
import torch
from lightning.pytorch import Trainer

import genlab
from genlab.losses import absolute_error, cross_entropy, squared_error
from genlab.networks import MLPDecoder, MLPEncoder

SHAPE = (1, 6, 5)


@pytest.mark.parametrize("loss", [squared_error, absolute_error, cross_entropy])
def test_it_learns_its_images_under_every_loss(loss):
    torch.manual_seed(0)
    x = torch.rand(8, *SHAPE).round()
    model = genlab.Autoencoder(SHAPE, 8, partial(MLPEncoder, hidden=()), partial(MLPDecoder, hidden=(64,)), loss)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    for _ in range(300):
        optimizer.zero_grad()
        loss(model.decoder(model.encode(x)), x).mean().backward()
        optimizer.step()
    assert (model.reconstruct(x) - x).abs().mean() < 0.05


def test_training_descends_on_real_digits():
    torch.manual_seed(0)
    data = genlab.Digits()
    model = genlab.Autoencoder(data.image_shape, optimizer=partial(torch.optim.Adam, lr=1e-3))
    trainer = Trainer(max_epochs=4, logger=False, enable_checkpointing=False, enable_progress_bar=False)
    before = trainer.validate(model, data, verbose=False)[0]["val/loss"]
    trainer.fit(model, data)
    after = trainer.validate(model, data, verbose=False)[0]["val/loss"]
    assert after < before / 3


def test_it_cannot_sample():
    assert genlab.models.capabilities.abilities(genlab.Autoencoder(SHAPE)) == ["encode", "decode", "reconstruct"]
