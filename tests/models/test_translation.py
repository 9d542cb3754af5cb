"""pix2pix and CycleGAN: alternating steps, one by one, and use on images of any size."""

import copy
from functools import partial
from itertools import pairwise

import pytest
import torch
from lightning.pytorch import Callback, Trainer, seed_everything
from torch.optim import SGD

import genlab
from genlab.data import DegradedPairs, DomainsFromPairs, Edges
from genlab.losses import LeastSquares, RelativisticAverage
from genlab.models.shared.replay import ImagePool
from genlab.models.shared.tiles import in_tiles, spans
from genlab.networks import PatchDiscriminator, ResNetGenerator, UNet
from genlab.optimizers import GANAdam

SHAPE = (1, 8, 8)
SMALL = {"discriminator": partial(PatchDiscriminator, channels=4)}
PIX2PIX = {"generator": partial(UNet, channels=4), **SMALL}
CYCLEGAN = {"generator": partial(ResNetGenerator, channels=4, blocks=1), **SMALL}


def pix2pix(**options):
    seed_everything(0)
    return genlab.Pix2Pix(SHAPE, SHAPE, **PIX2PIX | options)


def cyclegan(**options):
    seed_everything(0)
    return genlab.CycleGAN(SHAPE, SHAPE, **CYCLEGAN | options)


def pairs(batch_size=16):
    return DegradedPairs(genlab.Digits(batch_size=batch_size), Edges())


def data_for(model, batch_size=16):
    return pairs(batch_size) if isinstance(model, genlab.Pix2Pix) else DomainsFromPairs(pairs(batch_size))


def fitted(model, batches=4, batch_size=16, **options):
    defaults = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False, "limit_val_batches": 1}
    trainer = Trainer(max_steps=batches, **defaults | options)
    trainer.fit(model, data_for(model, batch_size))
    return trainer


MODELS = pytest.mark.parametrize("build", [pix2pix, cyclegan])


@MODELS
def test_each_step_moves_its_player_alone_and_leaves_the_others_gradients_as_they_were(build):
    model = build()
    update, steps = model.update, []

    def watched(optimizer, loss):
        before = {name: (p.detach().clone(), p.grad) for name, p in model.named_parameters()}
        update(optimizer, loss)
        now = dict(model.named_parameters())
        moved = {name.split(".")[0] for name, (value, _) in before.items() if not torch.equal(value, now[name])}
        touched = {name.split(".")[0] for name, (_, gradient) in before.items() if now[name].grad is not gradient}
        steps.append((moved, touched))

    model.update = watched
    fitted(model, 3)
    names = ["discriminator", "generator"] if build is pix2pix else ["generators", "discriminators"]
    assert steps == [({name}, {name}) for name in names] * 3


@MODELS
def test_steps_count_batches_and_learning_rates_fall_in_the_second_half(build):
    rates = []

    class Rates(Callback):
        def on_train_batch_start(self, trainer, model, batch, batch_idx):
            rates.append([optimizer.param_groups[0]["lr"] for optimizer in trainer.optimizers])

    trainer = fitted(build(), 8, callbacks=[Rates()])
    assert trainer.global_step == trainer.fit_loop.total_batch_idx + 1 == 8
    expected = [1, 1, 1, 1, 1, 0.75, 0.5, 0.25]
    assert rates == [pytest.approx([2e-4 * share] * 2) for share in expected]


def test_learning_rates_may_stay_and_cannot_fall_for_ever():
    trainer = fitted(pix2pix(decay_from=None), 2)
    assert not trainer.lr_scheduler_configs
    with pytest.raises(genlab.GenlabError, match="or --trainer.max_epochs if the data have a length"):
        fitted(pix2pix(), -1, max_epochs=-1)
    with pytest.raises(genlab.GenlabError, match="decay_from is 1.5"):
        pix2pix(decay_from=1.5)


def stepped(parameters, loss, rate):
    parameters = list(parameters)
    for weight, gradient in zip(parameters, torch.autograd.grad(loss, parameters, allow_unused=True), strict=True):
        weight.data -= rate * gradient


SGDS = {"generator_optimizer": partial(SGD, lr=0.01), "discriminator_optimizer": partial(SGD, lr=0.02)}


def batches_of(model, count):
    """Return the batches that a model is trained on."""
    kept = []
    step = model.training_step
    model.training_step = lambda batch, batch_idx: (kept.append(batch), step(batch, batch_idx))[1]
    fitted(model, count, limit_val_batches=0)
    return kept


def test_pix2pix_is_the_algorithm_of_the_paper_written_out():
    """Two batches with plain gradient descent, against a loop without Lightning."""
    model = pix2pix(generator=partial(UNet, channels=4, dropout=0.0), decay_from=None, **SGDS)
    bare = copy.deepcopy(model)
    generator, discriminator = bare.generator, bare.discriminator
    for batch in batches_of(model, 2):
        x, y = 2 * batch["source"] - 1, 2 * batch["target"] - 1
        d_real = torch.sigmoid(discriminator(torch.cat([x, y], 1)))
        d_fake = torch.sigmoid(discriminator(torch.cat([x, torch.tanh(generator(x))], 1)))
        stepped(discriminator.parameters(), -0.5 * (torch.log(d_real) + torch.log(1 - d_fake)).mean(), 0.02)
        fake = torch.tanh(generator(x))
        d_fake = torch.sigmoid(discriminator(torch.cat([x, fake], 1)))
        stepped(generator.parameters(), -torch.log(d_fake).mean() + 100 * (fake - y).abs().mean(), 0.01)
    for trained, expected in zip(model.parameters(), bare.parameters(), strict=True):
        torch.testing.assert_close(trained, expected, rtol=1e-4, atol=1e-6)


def test_cyclegan_is_the_algorithm_of_the_paper_written_out():
    """Two batches with plain gradient descent, against a loop without Lightning, and without pools."""
    model = cyclegan(pool_size=0, decay_from=None, **SGDS)
    bare = copy.deepcopy(model)
    g, f = bare.generators["a_to_b"], bare.generators["b_to_a"]
    d_a, d_b = bare.discriminators["a"], bare.discriminators["b"]
    for batch in batches_of(model, 2):
        a, b = 2 * batch["a"] - 1, 2 * batch["b"] - 1
        fake_b, fake_a = torch.tanh(g(a)), torch.tanh(f(b))
        loss = ((d_b(fake_b) - 1) ** 2).mean() + ((d_a(fake_a) - 1) ** 2).mean()
        loss = loss + 10 * (torch.tanh(f(fake_b)) - a).abs().mean() + 10 * (torch.tanh(g(fake_a)) - b).abs().mean()
        loss = loss + 5 * (torch.tanh(f(a)) - a).abs().mean() + 5 * (torch.tanh(g(b)) - b).abs().mean()
        stepped(bare.generators.parameters(), loss, 0.01)
        loss = sum(
            0.5 * ((d(real) - 1) ** 2).mean() + 0.5 * (d(fake.detach()) ** 2).mean()
            for d, real, fake in ((d_a, a, fake_a), (d_b, b, fake_b))
        )
        stepped(bare.discriminators.parameters(), loss, 0.02)
    for trained, expected in zip(model.parameters(), bare.parameters(), strict=True):
        torch.testing.assert_close(trained, expected, rtol=1e-4, atol=1e-6)


@MODELS
@pytest.mark.parametrize("options", [{"loss": LeastSquares}, {"loss": RelativisticAverage}, {"ema_decay": 0.9}])
def test_every_loss_trains_and_its_checkpoint_translates_the_same(build, options, working_folder):
    model = build(**options)
    fitted(model).save_checkpoint("model.ckpt")
    x = torch.rand(3, *SHAPE)
    for direction in model.directions:
        one, other = (
            m.eval().translate(x, direction=direction, generator=torch.Generator().manual_seed(1))
            for m in (model, genlab.load("model.ckpt"))
        )
        assert torch.equal(one, other)
        assert one.shape == x.shape
        assert 0 <= one.min() <= one.max() <= 1


@MODELS
def test_the_average_translates(build):
    model = build(ema_decay=0.99)
    fitted(model)
    average = model.average.module if build is pix2pix else model.average.module["a_to_b"]
    current = model.generator if build is pix2pix else model.generators["a_to_b"]
    assert model.best_generator("a_to_b") in (average, model.average)
    for now, mean in zip(current.parameters(), average.parameters(), strict=True):
        assert not torch.equal(now, mean) or not now.grad.any()


@MODELS
def test_figures_of_validation_are_the_averages(build):
    model = build(ema_decay=0.99, generator=partial(UNet, channels=4, dropout=0.0))
    trainer = fitted(model)
    data = data_for(model)
    (before,) = trainer.validate(model, data, verbose=False)
    with torch.no_grad():
        for parameter in (model.generator if build is pix2pix else model.generators).parameters():
            parameter.add_(1)
    (after,) = trainer.validate(model, data, verbose=False)
    assert before == after


class Reseed(Callback):
    """Makes random numbers depend only on the epoch, since resumed training would draw others."""

    def on_train_epoch_start(self, trainer, model):
        torch.manual_seed(trainer.current_epoch)


@MODELS
def test_pools_averages_and_schedules_are_resumed_exactly(build, working_folder):
    options = {"max_epochs": 2, "limit_train_batches": 6, "limit_val_batches": 0, "callbacks": [Reseed()]}

    class Save(Callback):
        def on_train_epoch_end(self, trainer, model):
            if trainer.current_epoch == 0:
                trainer.save_checkpoint("half.ckpt")

    whole = build(ema_decay=0.9)
    fitted(whole, -1, **options | {"callbacks": [Reseed(), Save()]})
    torch.load("half.ckpt", weights_only=True)
    resumed = build(ema_decay=0.9)
    trainer = Trainer(logger=False, enable_checkpointing=False, enable_progress_bar=False, **options)
    trainer.fit(resumed, data_for(resumed), ckpt_path="half.ckpt", weights_only=True)
    for name, value in whole.state_dict().items():
        assert torch.equal(value, resumed.state_dict()[name]), name
    if build is cyclegan:
        for domain, pool in whole.pools.items():
            assert len(pool.images) == 50
            assert torch.equal(torch.stack(pool.images), torch.stack(resumed.pools[domain].images))


def test_a_full_pool_gives_older_images_half_of_the_time():
    torch.manual_seed(0)
    pool = ImagePool(50)
    first = torch.arange(50.0)[:, None]
    assert torch.equal(pool(first), first)
    new = torch.arange(50.0, 4050.0)
    given = torch.cat([pool(some[:, None]) for some in new.split(16)])[:, 0]
    older = given != new
    assert older.float().mean().item() == pytest.approx(0.5, abs=0.03)
    assert (given[older] < new[older]).all()
    assert given.unique().numel() == given.numel()  # none is returned twice
    ages = (new - given)[older]
    assert ages.mean().item() == pytest.approx(2 * 50, rel=0.1)  # each is kept for 50 exchanges, one every other image
    assert len(pool.images) == 50


def test_a_pool_keeps_copies_and_one_of_size_0_nothing():
    batch = torch.rand(4, 1, 2, 2)
    pool = ImagePool(3)
    pool(batch)
    assert all(image.untyped_storage().nbytes() == 16 for image in pool.images)
    empty = ImagePool(0)
    assert torch.equal(empty(batch), batch)
    assert not empty.images


@MODELS
@pytest.mark.parametrize("size", [(8, 8), (5, 3), (8, 30), (21, 9)])
def test_images_of_any_size_are_translated(build, size):
    assert build().eval().translate(torch.rand(2, 1, *size)).shape == (2, 1, *size)


def test_noise_is_the_generators():
    model = pix2pix().eval()
    x = torch.rand(2, *SHAPE)
    one, again, other = (model.translate(x, generator=torch.Generator().manual_seed(seed)) for seed in (1, 1, 2))
    assert torch.equal(one, again)
    assert not torch.equal(one, other)
    before = torch.get_rng_state()
    model.translate(x, generator=torch.Generator())
    assert torch.equal(before, torch.get_rng_state())


def test_what_cannot_be_translated_is_said():
    with pytest.raises(genlab.GenlabError, match="this Pix2Pix translates a_to_b, not b_to_a"):
        pix2pix().translate(torch.rand(1, *SHAPE), direction="b_to_a")
    with pytest.raises(genlab.GenlabError, match="a_to_b takes images of 1 channels, not 3"):
        cyclegan().translate(torch.rand(1, 3, 8, 8))
    with pytest.raises(genlab.GenlabError, match="too small to translate; use at least 4 x 4"):
        genlab.CycleGAN((1, 3, 8), (1, 3, 8), **CYCLEGAN)
    with pytest.raises(genlab.GenlabError, match="sources of 8 x 8 pixels do not match targets"):
        genlab.Pix2Pix((1, 8, 8), (1, 16, 16), **PIX2PIX)
    with pytest.raises(genlab.GenlabError, match="needs domains with equally many channels, not 1 and 3; set it to 0"):
        genlab.CycleGAN((1, 8, 8), (3, 8, 8), **CYCLEGAN)
    with pytest.raises(genlab.GenlabError, match=r"takes batches \(source, target\), or dicts with 'source'"):
        Trainer(logger=False, enable_checkpointing=False, enable_progress_bar=False).fit(pix2pix(), genlab.Digits())
    with pytest.raises(genlab.GenlabError, match="predicts nothing from images; `genlab translate`"):
        Trainer(logger=False, enable_progress_bar=False).predict(pix2pix(), pairs())


def test_domains_of_different_channels_need_no_identity():
    seed_everything(0)
    model = genlab.CycleGAN((1, 8, 8), (3, 8, 8), **CYCLEGAN, identity_weight=0.0)
    assert model.translate(torch.rand(2, 1, 8, 8)).shape == (2, 3, 8, 8)
    assert model.translate(torch.rand(2, 3, 8, 8), direction="b_to_a").shape == (2, 1, 8, 8)


def test_pix2pix_learns_to_give_digits_back_from_their_edges():
    model = pix2pix(generator=partial(UNet, channels=16), generator_optimizer=partial(GANAdam, lr=2e-3))
    data = pairs(32)
    trainer = Trainer(max_epochs=6, logger=False, enable_checkpointing=False, enable_progress_bar=False)
    trainer.fit(model, data)
    batch = data.test_set[torch.arange(100)]
    error = (model.eval().translate(batch["source"]) - batch["target"]).abs().mean()
    assert error < 0.3 * (batch["source"] - batch["target"]).abs().mean()


@pytest.mark.parametrize("size", [(8, 8), (5, 3), (8, 30), (37, 23)])
def test_tiles_cover_an_image_and_leave_no_seam(size):
    x = torch.rand(2, 3, *size)
    sizes = []
    y = in_tiles(lambda tile: (sizes.append(tile.shape[-2:]), tile)[1], x, 8, 8)
    torch.testing.assert_close(y, x)
    assert all(side <= 8 for tile in sizes for side in tile)
    brightness = iter(range(100))
    blended = in_tiles(lambda tile: torch.full_like(tile, next(brightness) % 2), torch.zeros(1, 1, 8, 14), 8, 8)
    assert blended[0, 0, 0].tolist() == sorted(blended[0, 0, 0].tolist())
    assert 0 < blended[0, 0, 0, 7] < 1


def test_tiles_overlap_by_a_quarter_or_more():
    for length in range(1, 100):
        parts = spans(length, 16)
        assert parts[0].start == 0
        assert parts[-1].stop == length
        assert all(before.stop - after.start >= 4 for before, after in pairwise(parts))


def test_other_data_are_refused(refused):
    smoke = ["--config", "overlays/smoke.yaml", "--data", "Digits"]
    assert "Pix2Pix learns from aligned pairs" in refused("fit", "--config", "pix2pix_digits.yaml", *smoke)
    assert "CycleGAN learns from two domains" in refused("fit", "--config", "cyclegan_digits.yaml", *smoke)
