"""Gradients accumulated over batches in manual optimization: like one batch of twice the size, in float64."""

from functools import partial

import pytest
import torch
from lightning.pytorch import Trainer, seed_everything

import genlab
from genlab.data import DegradedPairs, DomainsFromPairs
from genlab.data.degradations import Edges
from genlab.losses import ScaledR1
from genlab.models import ImageModel, StageSchedule
from genlab.networks import DenseLayer, MLPDecoder, MLPDiscriminator, PatchDiscriminator, ResNetGenerator, UNet
from genlab.schedules import Linear

SHAPE = (1, 8, 8)
EPOCH = 6
"""Number of batches of 32 images in each of two epochs; of 16 images, there are twice as many."""


def gan() -> ImageModel:
    networks = {
        "generator": partial(MLPDecoder, hidden=(16,)),
        "discriminator": partial(MLPDiscriminator, hidden=(16,), dropout=0.0),
    }
    model = genlab.GAN(SHAPE, 4, critic_steps=2, ema_decay=0.5, schedule=Linear, **networks)
    noise = torch.randn(4096, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0)).split(16)
    taken = iter(noise)
    model.noise = lambda count: torch.cat([next(taken) for _ in range(count // 16)])
    return model


def pix2pix() -> ImageModel:
    networks = {
        "generator": partial(UNet, channels=4, dropout=0.0),
        "discriminator": partial(PatchDiscriminator, channels=4),
    }
    return genlab.Pix2Pix(SHAPE, SHAPE, ema_decay=0.5, **networks)


def cyclegan() -> ImageModel:
    networks = {
        "generator": partial(ResNetGenerator, channels=4, blocks=1),
        "discriminator": partial(PatchDiscriminator, channels=4),
    }
    return genlab.CycleGAN(SHAPE, SHAPE, pool_size=0, ema_decay=0.5, schedule=Linear, **networks)


def stacked() -> ImageModel:
    layers = [partial(DenseLayer, size=16), partial(DenseLayer, size=4)]
    return genlab.StackedAutoencoder(SHAPE, layers, [StageSchedule(1)], schedule=Linear)


def trained(build, batch_size: int, **options) -> tuple[ImageModel, Trainer]:
    seed_everything(0)
    model = build()
    data = genlab.Digits(batch_size=batch_size)
    if isinstance(model, genlab.Pix2Pix | genlab.CycleGAN):
        data = DegradedPairs(data, Edges())
    if isinstance(model, genlab.CycleGAN):
        data = DomainsFromPairs(data)
    quiet = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False, "limit_val_batches": 0}
    trainer = Trainer(
        **quiet, precision="64-true", max_epochs=2, limit_train_batches=EPOCH * 32 // batch_size, **options
    )
    trainer.fit(model, data)
    return model, trainer


@pytest.mark.parametrize("build", [gan, pix2pix, cyclegan, stacked])
def test_accumulated_gradients_are_those_of_one_larger_batch(build):
    whole, trainer = trained(build, 32)
    before = trainer.global_step
    parts, trainer = trained(build, 16, accumulate_grad_batches=2)
    assert trainer.global_step == before == 2 * EPOCH
    torch.testing.assert_close(parts.state_dict(), whole.state_dict(), rtol=1e-6, atol=1e-9)


def test_a_last_step_of_fewer_batches_is_of_their_mean():
    whole, _ = trained(gan, 32)
    parts, trainer = trained(gan, 32, accumulate_grad_batches=EPOCH + 1)
    assert trainer.global_step == 2
    alone, _ = trained(gan, 32, accumulate_grad_batches=EPOCH)
    assert torch.equal(next(alone.parameters()), next(parts.parameters()))
    assert not torch.equal(next(whole.parameters()), next(parts.parameters()))


def test_a_scaled_penalty_is_that_of_the_whole_step():
    networks = {
        "generator": partial(MLPDecoder, hidden=(16,)),
        "discriminator": partial(MLPDiscriminator, hidden=(16,), dropout=0.0),
    }
    weights = []
    for batch_size, options in ((32, {}), (16, {"accumulate_grad_batches": 2})):
        model, _ = trained(lambda: genlab.GAN(SHAPE, 4, penalty=ScaledR1, **networks), batch_size, **options)
        weights.append(model.penalty.weight)
    assert weights == pytest.approx([2e-4 * 64 / 32] * 2)


def test_stages_clip_the_gradients_of_a_step():
    moved = []
    for options in ({}, {"gradient_clip_val": 1e-3}, {"gradient_clip_val": 1e-3, "accumulate_grad_batches": 2}):
        seed_everything(0)
        layers = [partial(DenseLayer, size=16)]
        model = genlab.StackedAutoencoder(SHAPE, layers, [StageSchedule(1, lr=1.0)], optimizer=torch.optim.SGD)
        before = torch.cat([parameter.detach().flatten() for parameter in model.parameters()])
        quiet = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False, "limit_val_batches": 0}
        trainer = Trainer(max_epochs=1, limit_train_batches=2, **quiet, **options)
        trainer.fit(model, genlab.Digits())
        after = torch.cat([parameter.detach().flatten() for parameter in model.parameters()])
        moved.append((after - before).norm().item() / trainer.global_step)
    assert moved[0] > 0.1
    assert 5e-4 < moved[1] <= 1.001e-3
    assert moved[2] == pytest.approx(1e-3, rel=1e-3)  # a single step
