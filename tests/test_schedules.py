"""Learning-rate schedules: their shapes, their lengths, and what every family does with them."""

import csv
import math
from functools import partial
from pathlib import Path

import pytest
import torch
from lightning.pytorch import Callback, Trainer
from torch.optim import SGD
from torch.optim.lr_scheduler import CosineAnnealingLR, OneCycleLR, ReduceLROnPlateau, StepLR
from torch.utils.data import DataLoader, IterableDataset

import genlab
from genlab.cli import main
from genlab.models import StageSchedule
from genlab.networks import DenseLayer, MLPDecoder, MLPEncoder
from genlab.schedules import Cosine, Linear, Warmup

QUIET = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False, "enable_model_summary": False}


def rates_of(build, steps: int, length: int | None = None) -> list[float]:
    """Return the learning rates of some steps, under a schedule of a rate of 1."""
    optimizer = SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    schedule = build(optimizer)
    if length:
        schedule.set_length(length)
    rates = []
    for _ in range(steps):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    return rates


def test_a_cosine_is_that_of_torch():
    assert rates_of(Cosine, 10, length=10) == pytest.approx(rates_of(partial(CosineAnnealingLR, T_max=10), 10))
    by_torch = rates_of(partial(CosineAnnealingLR, T_max=4, eta_min=0.5), 5)
    assert rates_of(partial(Cosine, final=0.5, steps=4), 6) == pytest.approx([*by_torch, 0.5])


def test_a_line_stays_and_then_falls():
    assert rates_of(partial(Linear, decay_from=0.5), 6, length=4) == [1.0, 1.0, 1.0, 0.5, 0.0, 0.0]
    assert rates_of(partial(Linear, final=0.5), 5, length=2) == [1.0, 0.75, 0.5, 0.5, 0.5]


@pytest.mark.parametrize("schedule", [Warmup, Linear, Cosine])
def test_a_warm_up_rises_evenly_to_the_full_rate(schedule):
    rates = rates_of(partial(schedule, warmup_steps=4), 6, length=9)
    assert rates[:5] == pytest.approx([0.2, 0.4, 0.6, 0.8, 1.0])
    assert (rates[5] < 1) == (schedule is not Warmup)


@pytest.mark.parametrize(
    ("schedule", "message"),
    [
        (partial(Cosine, warmup_steps=-1), "warmup_steps is -1"),
        (partial(Cosine, steps=0), "steps is 0"),
        (partial(Cosine, final=2.0), "final is 2.0"),
        (partial(Linear, decay_from=1.0), "decay_from is 1.0"),
        (partial(Cosine, warmup_steps=9, steps=9), "warmup_steps is 9, but the schedule ends after 9 steps"),
    ],
)
def test_numbers_that_make_no_schedule_are_refused(schedule, message):
    with pytest.raises(genlab.GenlabError, match=message):
        rates_of(schedule, 1)


class Rates(Callback):
    """Records the learning rates at the start of each batch."""

    def __init__(self):
        self.rates = []

    def on_train_batch_start(self, trainer, model, batch, batch_idx):
        self.rates.append([optimizer.param_groups[0]["lr"] for optimizer in trainer.optimizers])


def fitted(model, **options) -> list[list[float]]:
    torch.manual_seed(0)
    rates = Rates()
    options = {"max_epochs": 2, "limit_train_batches": 4, "limit_val_batches": 1} | options
    Trainer(**QUIET, callbacks=[rates], **options).fit(model, genlab.Digits(batch_size=32))
    return rates.rates


def vae(**options):
    tiny = {"encoder": partial(MLPEncoder, hidden=(8,)), "decoder": partial(MLPDecoder, hidden=(8,))}
    return genlab.VAE((1, 8, 8), 2, optimizer=partial(SGD, lr=1e-3), **tiny, **options)


@pytest.mark.parametrize(
    ("options", "length"),
    [
        ({}, 8),
        ({"max_steps": 6}, 6),
        ({"accumulate_grad_batches": 2}, 4),
    ],
)
def test_a_schedule_lasts_as_long_as_training(options, length):
    rates = [rate for (rate,) in fitted(vae(schedule=Cosine), **options)]
    batches = options.get("accumulate_grad_batches", 1)
    expected = [(1 + math.cos(math.pi * step / length)) / 2 for step in range(length) for _ in range(batches)]
    assert rates == pytest.approx([1e-3 * share for share in expected])


def test_a_schedule_counts_epochs_where_it_is_told_to():
    by_torch = fitted(vae(schedule=partial(StepLR, step_size=1, gamma=0.5), schedule_interval="epoch"))
    assert by_torch == [[1e-3]] * 4 + [[0.5e-3]] * 4
    assert fitted(vae(schedule=Linear, schedule_interval="epoch")) == by_torch
    players = fitted(genlab.GAN((1, 8, 8), generator_schedule=Linear, schedule_interval="epoch"))
    assert players == [pytest.approx([2e-4, 2e-4 * share]) for share in [1] * 4 + [0.5] * 4]


def test_a_plateau_lowers_the_rate_after_the_epoch():
    waiting = partial(ReduceLROnPlateau, patience=0, factor=0.5, threshold=1e6, threshold_mode="abs")
    rates = [rate for (rate,) in fitted(vae(schedule=waiting), max_epochs=4)]
    assert rates == [rate for rate in [1e-3, 1e-3, 5e-4, 2.5e-4] for _ in range(4)]


class Unending(IterableDataset):
    """Images without a length: five batches of 32."""

    def __iter__(self):
        return iter(torch.rand(160, 1, 8, 8))


def test_a_schedule_on_data_without_a_length_lasts_as_long_as_the_trainer_says():
    def rates(interval, **options):
        recorded = Rates()
        loader = DataLoader(Unending(), batch_size=32)
        model = vae(schedule=Linear, schedule_interval=interval)
        Trainer(**QUIET, callbacks=[recorded], limit_val_batches=0, **options).fit(model, loader)
        return [1e3 * rate for (rate,) in recorded.rates]

    assert rates("step", max_steps=10, max_epochs=-1) == pytest.approx([1 - step / 10 for step in range(10)])
    assert rates("epoch", max_epochs=2) == pytest.approx([1.0] * 5 + [0.5] * 5)
    for unknown in ({"interval": "step", "max_epochs": 2}, {"interval": "epoch", "max_steps": 10, "max_epochs": -1}):
        with pytest.raises(genlab.GenlabError, match="Linear needs the length of training, which is not known"):
            rates(**unknown)


def test_training_without_an_end_and_schedules_that_cannot_be_built_are_refused():
    with pytest.raises(genlab.GenlabError, match="Cosine needs the length of training, which is not known"):
        fitted(vae(schedule=Cosine), max_epochs=-1)
    with pytest.raises(genlab.GenlabError, match="warmup_steps is 20, but the schedule ends after 8 steps"):
        fitted(vae(schedule=partial(Cosine, warmup_steps=20)))
    with pytest.raises(genlab.GenlabError, match="the schedule cannot be built: You must define either total_steps"):
        fitted(vae(schedule=partial(OneCycleLR, max_lr=0.1)))


def test_each_stage_of_a_stack_has_the_schedule_over_its_own_length():
    layers = [partial(DenseLayer, size=8), partial(DenseLayer, size=4)]
    stack = genlab.StackedAutoencoder(
        (1, 8, 8), layers, [StageSchedule(1, lr=0.1), StageSchedule(2, lr=0.2)], schedule=Linear
    )
    rates = fitted(stack, max_epochs=-1)
    assert [rate for rate, _ in rates[:4]] == pytest.approx([0.1, 0.075, 0.05, 0.025])
    assert [rate for _, rate in rates[4:]] == pytest.approx([0.2 * (8 - step) / 8 for step in range(8)])


def test_longer_training_from_a_checkpoint_has_a_longer_schedule(working_folder):
    trainer = Trainer(**QUIET, max_steps=4)
    trainer.fit(vae(schedule=Linear), genlab.Digits(batch_size=32))
    trainer.save_checkpoint("last.ckpt", weights_only=False)
    torch.load("last.ckpt", weights_only=True)
    rates = Rates()
    longer = Trainer(**QUIET, max_steps=8, callbacks=[rates])
    longer.fit(vae(schedule=Linear), genlab.Digits(batch_size=32), ckpt_path="last.ckpt", weights_only=True)
    assert [rate for (rate,) in rates.rates[1:]] == pytest.approx([1e-3 * share for share in (3 / 8, 2 / 8, 1 / 8)])


FAMILIES = {
    "autoencoder_digits.yaml": ["lr"],
    "vae_digits.yaml": ["lr"],
    "cvae_digits.yaml": ["lr"],
    "gan_digits.yaml": ["lr/discriminator", "lr/generator"],
    "cgan_mnist.yaml": ["lr/discriminator", "lr/generator"],
    "pix2pix_digits.yaml": ["lr/discriminator", "lr/generator"],
    "cyclegan_digits.yaml": ["lr/discriminator", "lr/generator"],
}


@pytest.mark.parametrize("config", FAMILIES)
def test_the_cosine_overlay_goes_over_every_family_and_the_rates_are_logged(config):
    quick = ["--trainer.max_steps=4", "--trainer.limit_val_batches=0", "--pictures.every_n_epochs=0"]
    main(["fit", "--config", config, "--config", "overlays/cosine.yaml", *quick])
    with next(Path("runs").glob("*/0/metrics.csv")).open(newline="") as file:
        rows = list(csv.DictReader(file))
    for name in FAMILIES[config]:
        rates = [float(row[name]) for row in rows]
        assert rates == pytest.approx([rates[0] * (1 + math.cos(math.pi * step / 4)) / 2 for step in range(4)])
