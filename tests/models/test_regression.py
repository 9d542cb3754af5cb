"""GaussianRegressor: correct deviations, mixtures by noise, and what tools show of them."""

import json
from functools import partial
from itertools import pairwise
from pathlib import Path

import pytest
import torch
from lightning.pytorch import Trainer, seed_everything
from torch import nn
from torch.optim import Adam

import genlab
from genlab.cli import main
from genlab.losses import BetaNLL, NormalNLL, OptimalVariance
from genlab.networks import Recorded, UNet
from genlab.schedules import Cosine

SHAPE = (1, 8, 8)
QUIET = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False, "limit_val_batches": 0}


class Pixelwise(nn.Sequential, Recorded):
    """The same small network at each pixel."""

    def __init__(self, image_shape, out_channels):
        sizes = (image_shape[0], 64, 64, out_channels)
        layers = [layer for pair in pairwise(sizes) for layer in (nn.Conv2d(*pair, 1), nn.SiLU())]
        super().__init__(*layers[:-1])


class Global(Pixelwise):
    """Sees the image's mean noise, so that all pixels are decided together."""

    def forward(self, x):
        noise = 8 * x[:, 1:].mean((2, 3), keepdim=True).expand_as(x[:, 1:])
        return super().forward(torch.cat([x[:, :1], noise], 1))


def regressor(shape=SHAPE, **options):
    seed_everything(0)
    small = {"network": Pixelwise, "optimizer": partial(Adam, lr=5e-3)}
    return genlab.GaussianRegressor(shape, shape, **small | options)


def truth(source):
    """Return the mean and deviation of the target, whose noise grows with the source's brightness."""
    return 0.3 + 0.4 * source, 0.02 + 0.08 * source.square()


def drawn(count):
    source = torch.rand(count, *SHAPE)
    mean, deviation = truth(source)
    return source, (mean + deviation * torch.randn_like(mean)).clamp(0, 1)


@pytest.mark.parametrize("loss", [NormalNLL, BetaNLL, OptimalVariance])
def test_deviations_are_learned_within_a_tenth_and_cover_what_they_should(loss):
    model = regressor(loss=loss, schedule=Cosine)
    source, target = drawn(800)
    Trainer(max_epochs=40, **QUIET).fit(
        model, torch.utils.data.DataLoader([*zip(source, target, strict=True)], batch_size=40, shuffle=True)
    )
    torch.manual_seed(5)
    source, target = drawn(500)
    mean, deviation = truth(source)
    found = model.eval().distribution(source)
    assert ((found.stddev - deviation).abs() / deviation).mean() < 0.1
    assert (found.mean - mean).abs().mean() < 0.01
    away = (target - found.mean).abs() / found.stddev
    assert (away < 1).float().mean().item() == pytest.approx(0.683, abs=0.02)
    assert (away < 1.96).float().mean().item() == pytest.approx(0.95, abs=0.02)


def test_noise_lets_each_draw_decide_where_targets_are_this_or_that():
    seed_everything(1)
    shape = (1, 4, 4)
    source = torch.full((400, *shape), 0.5)
    target = (torch.rand(400, 1, 1, 1) < 0.5).float().expand(400, *shape) * 0.6 + 0.2
    loader = torch.utils.data.DataLoader([*zip(source, target, strict=True)], batch_size=40, shuffle=True)

    blurred, decided = regressor(shape), regressor(shape, network=Global, noise_channels=1, num_samples=4)
    for model in (blurred, decided):
        Trainer(max_epochs=40, **QUIET).fit(model, loader)
        model.eval()
    assert blurred.translate(source[:20], seed=0).sub(0.5).abs().mean() < 0.1
    images = decided.translate(source[:200], seed=0).mean((1, 2, 3))
    assert (images - 0.5).abs().mean() > 0.2
    assert (images < 0.5).float().mean().item() == pytest.approx(0.5, abs=0.25)
    assert torch.equal(decided.translate(source[:4], seed=3), decided.translate(source[:4], seed=3))
    deviation = decided.moments(source[:50], torch.Generator().manual_seed(0))["deviation"]
    assert deviation.mean().item() == pytest.approx(0.3, abs=0.08)  # that of the mixture


def test_tools_draw_the_deviation_and_tell_how_much_of_the_truth_it_covers(capsys):
    main(["fit", "--config=regression_mnist.yaml", "--config=overlays/smoke.yaml"])
    main(["translate", "-n", "4"])
    main(["evaluate"])
    run = Path("runs/regression_mnist/0")
    assert (run / "pictures" / "translate.png").exists()
    found = json.loads((run / "evaluate.json").read_text())
    assert 0 < found["a_to_b_within_one_deviation"] <= found["a_to_b_within_two_deviations"] <= 1
    assert found["a_to_b_deviation"] > 0
    model = genlab.load(run)
    sheet = genlab.sheets.translations(model, torch.rand(3, 1, 28, 28))
    assert any(label.startswith("deviation") for label in sheet.row_labels)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: genlab.GaussianRegressor(None, SHAPE), "a GaussianRegressor learns from aligned pairs"),
        (lambda: genlab.GaussianRegressor((1, 8, 9), SHAPE), "sources of 8 x 9 pixels do not match targets"),
        (
            lambda: regressor(noise_channels=1, loss=BetaNLL),
            "noise_channels needs a likelihood as its loss, not BetaNLL",
        ),
        (lambda: regressor(noise_channels=-1), "noise_channels is -1"),
        (lambda: regressor(num_samples=0), "num_samples is 0"),
        (lambda: regressor(network=partial(UNet, dropout=2.0)), "dropout is 2"),
    ],
)
def test_what_cannot_be_is_said(build, message):
    with pytest.raises(genlab.GenlabError, match=message):
        build()
