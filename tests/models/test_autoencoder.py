"""The deterministic autoencoder."""

from functools import partial

import pytest
import torch
from lightning.pytorch import Trainer

import genlab
from genlab.losses import (
    L1,
    TargetRate,
    WeightedSum,
    absolute_error,
    cross_entropy,
    gradient_error,
    squared_error,
)
from genlab.networks import ConvEncoder, DroppedPixels, GaussianNoise, MLPDecoder, MLPEncoder, UpsamplingDecoder

SHAPE = (1, 6, 5)


@pytest.mark.parametrize(
    "loss",
    [squared_error, absolute_error, cross_entropy, WeightedSum([squared_error, gradient_error], [1, 0.2])],
)
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
    assert genlab.capabilities.abilities(genlab.Autoencoder(SHAPE)) == ["encode", "decode", "reconstruct"]


def trained(epochs=3, **options):
    torch.manual_seed(0)
    data = genlab.Digits()
    model = genlab.Autoencoder(data.image_shape, optimizer=partial(torch.optim.Adam, lr=2e-3), **options)
    Trainer(max_epochs=epochs, logger=False, enable_checkpointing=False, enable_progress_bar=False).fit(model, data)
    return model.eval(), data.val_set[torch.arange(180)]["image"]


def test_a_denoising_autoencoder_takes_noise_away():
    model, images = trained(epochs=8, corruption=partial(GaussianNoise, sigma=0.3))
    noisy = model.corrupt(images, torch.Generator().manual_seed(0))
    assert (model.reconstruct(noisy) - images).square().mean() < 0.6 * (noisy - images).square().mean()


def test_validation_sees_the_same_noise_each_time():
    data = genlab.Digits()
    model = genlab.Autoencoder(data.image_shape, corruption=DroppedPixels)
    trainer = Trainer(logger=False, enable_checkpointing=False, enable_progress_bar=False)
    first, second = (trainer.validate(model, data, verbose=False) for _ in range(2))
    assert first == second
    assert genlab.Autoencoder(data.image_shape).corrupt(first) is first


def test_sparsity_silences_most_units():
    dense, images = trained(code_size=64, code_activation=torch.nn.ReLU)
    sparse, _ = trained(code_size=64, code_activation=torch.nn.ReLU, sparsity=partial(L1, weight=0.05))
    assert (sparse.encode(images) > 1e-3).float().mean() < 0.6 * (dense.encode(images) > 1e-3).float().mean()


def test_units_keep_to_their_target_rate():
    model, images = trained(
        epochs=8, code_size=64, code_activation=torch.nn.Sigmoid, sparsity=partial(TargetRate, rate=0.1)
    )
    assert model.encode(images).mean(0).sub(0.1).abs().mean() < 0.05


def test_its_parts_are_logged():
    model = genlab.Autoencoder(SHAPE, sparsity=L1)
    figures = model.errors(torch.rand(3, *SHAPE))
    assert set(figures) == {"loss", "reconstruction", "sparsity"}
    torch.testing.assert_close(figures["loss"], figures["reconstruction"] + figures["sparsity"])


@pytest.mark.parametrize("shape", [(1, 28, 20), (3, 64, 64), (1, 8, 8), (2, 9, 13)])
def test_upsampling_gives_back_every_shape(shape):
    model = genlab.Autoencoder(shape, 5, partial(ConvEncoder, channels=4), partial(UpsamplingDecoder, channels=4))
    assert model.reconstruct(torch.rand(2, *shape)).shape == (2, *shape)


def test_a_checkpoint_holds_corruption_and_sparsity_as_plain_data(tmp_path):
    model = genlab.Autoencoder(
        SHAPE,
        loss=WeightedSum([squared_error, gradient_error], [1.0, 0.5]),
        corruption=partial(GaussianNoise, sigma=0.2),
        code_activation=torch.nn.Sigmoid,
        sparsity=partial(TargetRate, rate=0.2),
    )
    trainer = Trainer(logger=False, enable_progress_bar=False, max_epochs=0)
    trainer.strategy.connect(model)
    trainer.save_checkpoint(tmp_path / "model.ckpt")
    again = genlab.load(tmp_path / "model.ckpt")
    assert (again.corruption.sigma, again.sparsity.rate) == (0.2, 0.2)
    assert again.loss == model.loss
    x = torch.rand(2, *SHAPE)
    torch.testing.assert_close(again.reconstruct(x), model.eval().reconstruct(x))
