"""Restricted Boltzmann machines in training: the algorithm, chains, resuming, metrics and warnings."""

import logging
import math
from functools import partial

import pytest
import torch
from lightning.pytorch import Trainer, seed_everything
from lightning.pytorch.callbacks import ModelCheckpoint
from torch.optim import SGD, Adam
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.data import DataLoader

import genlab
from genlab.boltzmann import GaussianUnits, GibbsSampling
from genlab.losses import TargetRate
from genlab.models import StageSchedule
from genlab.models.shared.boltzmann_health import BoltzmannHealth, mixing
from genlab.optimizers import MachineSGD

SHAPE = (1, 8, 8)
QUIET = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False, "enable_model_summary": False}


def rbm(**options):
    seed_everything(0)
    return genlab.RBM(SHAPE, **{"hidden": 30} | options)


def fitted(model, data=None, **options):
    trainer = Trainer(**QUIET | {"max_steps": 6, "limit_val_batches": 1} | options)
    trainer.fit(model, data or genlab.Digits())
    return trainer


def test_training_is_the_algorithm_written_out():
    """Two steps of CD-2, with the gradient of Hinton's formula, weight decay and momentum."""
    images = [(torch.rand(10, *SHAPE) < 0.3).float() for _ in range(2)]
    model = rbm(gibbs_steps=2, weight_decay=0.1, optimizer=partial(MachineSGD, lr=0.3, momentum=0.5))
    seen, negatives = [], model.negatives
    model.negatives = lambda v, **known: (seen.append(negatives(v, **known)), seen[-1])[1]
    weight = model.machine.hidden.weight.detach().clone()
    bias = torch.zeros(30)
    fitted(model, DataLoader(images, batch_size=None), max_steps=2, limit_val_batches=0)
    visible = ((images[0].flatten(1).sum(0) + 1) / 12).logit()
    steps = [torch.zeros_like(parameter) for parameter in (weight, bias, visible)]
    for x, negative in zip((x.flatten(1) for x in images), seen, strict=True):
        h, h_negative = ((v @ weight.T + bias).sigmoid() for v in (x, negative))
        gradients = (
            (h_negative.T @ negative - h.T @ x) / 10 + 0.1 * weight,
            h_negative.mean(0) - h.mean(0),
            negative.mean(0) - x.mean(0),
        )
        steps = [0.5 * step + gradient for step, gradient in zip(steps, gradients, strict=True)]
        weight, bias, visible = (p - 0.3 * step for p, step in zip((weight, bias, visible), steps, strict=True))
    torch.testing.assert_close(model.machine.hidden.weight.detach(), weight)
    torch.testing.assert_close(model.machine.hidden.bias.detach(), bias)
    torch.testing.assert_close(model.machine.visible.bias.detach(), visible)


def test_persistent_chains_go_on_from_batch_to_batch_and_are_in_the_checkpoint(working_folder):
    model = rbm(chains=7, gibbs_steps=3)
    begun, gibbs = [], model.machine.gibbs
    model.machine.gibbs = lambda v, *args: (begun.append(v.clone()), gibbs(v, *args))[1]
    trainer = fitted(model, max_steps=3, limit_val_batches=0)
    assert len(begun) == 3
    assert all(len(v) == 7 for v in begun)
    assert not torch.equal(begun[1], begun[2])
    trainer.save_checkpoint("a.ckpt")
    assert torch.equal(genlab.load("a.ckpt").chains, model.chains)
    assert set(model.chains.unique().tolist()) == {0.0, 1.0}


@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed"])
def test_training_learns_and_likelihood_says_so(precision):
    data = genlab.Digits()
    data.setup("test")
    images = data.test_set[:]["image"]
    model = rbm(hidden=100, chains=50, optimizer=partial(Adam, lr=0.005))
    fitted(model, max_steps=1000, limit_val_batches=0, precision=precision)
    z = model.log_partition(50, 1000, torch.Generator().manual_seed(0))
    found = (model.unnormalized(images, torch.Generator().manual_seed(0)) - z.value).mean()
    mean = images.mean(0)
    independent = (mean.xlogy(mean) + (1 - mean).xlogy(1 - mean)).sum()
    assert found > independent + 2
    assert z.high - z.low < 2
    model.sampling = GibbsSampling(steps=200)
    samples = model.sample(300, seed=0)
    assert (samples.mean(0) - mean).abs().mean() < 0.5 * (0.5 - mean).abs().mean()
    error = (model.reconstruct(images) - images).square().flatten(1).sum(1).mean()
    assert error < 0.6 * (images - mean).square().flatten(1).sum(1).mean()


@pytest.mark.parametrize(
    "options",
    [{"chains": 10}, {"gibbs_steps": 2}, {"chains": 5, "visible": partial(GaussianUnits, learned=True)}],
    ids=["persistent", "contrastive", "gaussian"],
)
def test_training_that_is_resumed_equals_training_that_was_not_stopped(options, working_folder):
    options |= {"optimizer": partial(MachineSGD, lr=0.01)}
    saved = ModelCheckpoint(working_folder, "{step}", every_n_train_steps=15, save_top_k=-1)
    whole = rbm(**options)
    fitted(whole, max_steps=40, limit_val_batches=2, callbacks=[saved], enable_checkpointing=True)
    seed_everything(7)
    resumed = genlab.RBM(SHAPE, **{"hidden": 30} | options)
    Trainer(**QUIET | {"max_steps": 40, "limit_val_batches": 2}).fit(resumed, genlab.Digits(), ckpt_path="step=15.ckpt")
    for name, value in whole.state_dict().items():
        assert torch.equal(value, resumed.state_dict()[name]), name


class Waits(TorchDispatchMode):
    """Counts the tensor values that Python reads, each of which would wait for a GPU."""

    count = 0

    def __torch_dispatch__(self, operation, types, args=(), kwargs=None):
        self.count += operation is torch.ops.aten._local_scalar_dense.default
        return operation(*args, **(kwargs or {}))


@pytest.mark.parametrize("kind", ["rbm", "dbn"])
def test_steps_after_the_first_one_wait_for_no_value(kind, monkeypatch):
    model = rbm(chains=10) if kind == "rbm" else genlab.DBN(SHAPE, [9, 8], [StageSchedule(1)])
    step, waits = model.training_step, []

    def watched(batch, batch_idx):
        with Waits() as mode:
            found = step(batch, batch_idx)
        waits.append(mode.count)
        return found

    monkeypatch.setattr(model, "training_step", watched)
    images = torch.rand(3, 20, *SHAPE)
    fitted(model, DataLoader(images, batch_size=None), max_steps=-1, max_epochs=1 if kind == "rbm" else 2)
    assert len(waits) in (3, 6)
    assert not any(count for step, count in enumerate(waits) if step % 3)


def test_sparsity_comes_to_its_target():
    rates = {}
    for rate in (0.05, 0.5):
        model = rbm(sparsity=partial(TargetRate, rate=rate), optimizer=partial(Adam, lr=0.01))
        fitted(model, max_steps=200)
        data = genlab.Digits()
        data.setup("test")
        rates[rate] = model.encode(data.test_set[:]["image"]).mean().item()
    assert rates[0.05] == pytest.approx(0.05, abs=0.03)
    assert rates[0.5] == pytest.approx(0.5, abs=0.05)


def test_grey_images_are_drawn_anew_for_binary_units_of_which_users_are_told(caplog):
    caplog.set_level(logging.INFO, "lightning.pytorch.utilities.rank_zero")
    model, seen = rbm(), []
    remember = model._remember
    model._remember = lambda v: (seen.append(v), remember(v))
    grey = torch.full((100, *SHAPE), 0.25)
    fitted(model, DataLoader([grey, grey], batch_size=None), max_steps=2, limit_val_batches=0)
    assert "images have grey values: BinaryUnits take these as probabilities" in caplog.text
    assert set(seen[0].unique().tolist()) == {0.0, 1.0}
    assert not torch.equal(*seen)
    assert seen[0].mean().item() == pytest.approx(0.25, abs=0.03)
    caplog.clear()
    black_and_white = (grey < torch.rand_like(grey)).float()
    fitted(model, DataLoader([black_and_white], batch_size=None), max_steps=1, limit_val_batches=0)
    assert "grey" not in caplog.text
    assert torch.equal(seen[-1], black_and_white.flatten(1))


def test_a_first_batch_in_black_and_white_is_no_reason_to_take_grey_ones_as_they_are(caplog):
    caplog.set_level(logging.INFO, "lightning.pytorch.utilities.rank_zero")
    model, seen = rbm(), []
    remember = model._remember
    model._remember = lambda v: (seen.append(v), remember(v))
    grey = torch.full((100, *SHAPE), 0.25)
    black_and_white = (grey < torch.rand_like(grey)).float()
    batches = [black_and_white, grey, black_and_white, grey]
    fitted(model, DataLoader(batches, batch_size=None), max_steps=4, limit_val_batches=0)
    assert caplog.text.count("images have grey values") == 1
    for batch, v in zip(batches, seen, strict=True):
        assert set(v.unique().tolist()) == {0.0, 1.0}
        assert torch.equal(v, batch.flatten(1)) == (batch is black_and_white)


def test_gaussian_units_are_scaled_by_the_first_batch_of_all_and_give_images(working_folder):
    model = rbm(visible=partial(GaussianUnits, learned=True), chains=20, optimizer=partial(SGD, lr=1e-3))
    images = 0.2 + 0.5 * torch.rand(60, *SHAPE) ** 2
    data = DataLoader([images, images.flip(0) / 2], batch_size=None)
    before = model.machine.visible.log_variance.detach().clone()
    fitted(model, data, max_steps=2, limit_val_batches=0)
    units = model.machine.visible
    torch.testing.assert_close(units.offset, images.flatten(1).mean(0))
    torch.testing.assert_close(units.deviation, images.flatten(1).std(0, correction=0))
    assert not torch.equal(units.log_variance.detach(), before)
    assert model.sample(5, seed=0).aminmax().min >= 0
    assert model.decode(model.encode(images)).shape == images.shape
    h = model.encode(images)
    expected = units.offset + units.deviation * (units.bias + h @ model.machine.hidden.weight)
    torch.testing.assert_close(model.decode(h).flatten(1), expected.clamp(0, 1).detach())


def test_the_free_energy_gap_is_that_of_validation_and_recent_training_images():
    torch.manual_seed(1)
    train, val = ((torch.rand(20, *SHAPE) < chance).float() for chance in (0.2, 0.7))
    model = rbm(optimizer=partial(MachineSGD, lr=0.1))
    trainer = Trainer(**QUIET, max_epochs=5)
    trainer.fit(model, DataLoader([train] * 3, batch_size=None), DataLoader([val], batch_size=None))
    gap = trainer.callback_metrics["val/free_energy_gap"]
    assert gap > 10
    torch.testing.assert_close(gap, (model.free_energy(val).mean() - model.free_energy(train).mean()))


def test_chains_that_stay_at_their_images_are_told_from_chains_that_leave_them():
    machine, v = rbm(hidden=64).machine, (torch.rand(50, 64) < 0.5).float()
    found = []
    for strength in (30.0, 1.0):  # each hidden unit and its pixel: almost always equal, and slightly more often equal
        for parameter in (machine.hidden.bias, machine.visible.bias):
            parameter.data.fill_(-strength / 2)
        machine.hidden.weight.data.copy_(strength * torch.eye(64))
        found.append(mixing(machine, v, torch.Generator().manual_seed(0)))
    assert found[0] < 0.01
    assert found[1] == pytest.approx(1, abs=0.1)


def test_warnings_say_what_is_wrong_once_and_when_it_is_right_again(caplog):
    caplog.set_level(logging.INFO, "lightning.pytorch.utilities.rank_zero")
    health = BoltzmannHealth(pixels=64)

    def epoch(rate, mixed, error, gap):
        health.add(torch.full((4, 10), rate), torch.tensor(error), torch.tensor(gap))
        return health.end_epoch(mixed, judge=True)

    def ten_epochs():
        signs = [epoch(0.999, 0.05, 1.0, 0.0) for _ in range(5)]
        for number in range(5):
            epoch(0.5, 0.8, 1.0 - 0.1 * number, 1.0 + number)
        return signs[0]

    with pytest.warns() as told:
        signs = ten_epochs()
    texts = [str(warning.message) for warning in told]
    assert len(texts) == 3
    assert "hidden units have saturated: 100% of them" in texts[0]
    assert "chains do not mix: after 100 Gibbs steps" in texts[1]
    assert "free energy rises to 4.0 nats above" in texts[2]
    assert signs == {"saturated_units": 1.0, "mixing": 0.05}
    assert "hidden units have recovered" in caplog.text
    assert "chains mix again" in caplog.text


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"gibbs_steps": 0}, "gibbs_steps is 0; it must be a whole number from 1"),
        ({"hidden": 0}, "hidden is 0; it must be a whole number from 1"),
        ({"chains": -1}, "chains is -1; it must be at least 0"),
        ({"weight_decay": -0.1}, "weight_decay is -0.1; it must be at least 0"),
        ({"visible": partial(GaussianUnits, sigma=0)}, "sigma is 0; it must be above 0"),
        ({"optimizer": partial(MachineSGD, lr=-1.0)}, "the optimizer rejects its arguments"),
    ],
)
def test_numbers_that_make_no_sense_are_refused(options, told):
    with pytest.raises(genlab.GenlabError, match=told):
        fitted(rbm(**options), max_steps=1)


def test_a_mask_of_another_size_is_refused():
    with pytest.raises(genlab.GenlabError, match="the mask has 8 x 4 pixels, but the images have 8 x 8"):
        rbm().complete(torch.rand(*SHAPE), torch.ones(4, 8))


def test_images_lead_to_others_the_further_the_more_steps():
    model = rbm(hidden=60, optimizer=partial(Adam, lr=0.02))
    fitted(model, max_steps=150)
    data = genlab.Digits()
    data.setup("test")
    images = data.test_set[:]["image"]
    model.sampling = GibbsSampling(steps=100)
    near, far = ((model.vary(images, strength, seed=0) - images).square().sum() for strength in (0.01, 1.0))
    assert near < 0.7 * far
    way = model.on_the_way(3, 4, generator=torch.Generator().manual_seed(0))
    assert way.shape == (3, 4, *SHAPE)
    assert math.isfinite(way.sum())
    model.sampling = GibbsSampling(steps=3)
    ends, last = (model.on_the_way(3, moments, generator=torch.Generator().manual_seed(0)) for moments in (2, 1))
    assert torch.equal(last[:, 0], ends[:, 1])
    assert not torch.equal(ends[:, 0], ends[:, 1])
    model.sampling = GibbsSampling(steps=100)
    assert torch.equal(model.vary(images[0], 0.1, seed=3), model.vary(images[:1], 0.1, seed=3)[0])
