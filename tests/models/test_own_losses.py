"""User-defined losses in each family, passed to the model or in a subclass, as in the README."""

import csv
import re
from functools import partial
from pathlib import Path

import pytest
import torch
from lightning.pytorch import Trainer
from lightning.pytorch.loggers import CSVLogger
from torch.utils.data import DataLoader, TensorDataset

import genlab
from genlab.losses import AdversarialLoss, Likelihood, Penalty
from genlab.models import StageSchedule
from genlab.models.cvae import Given
from genlab.networks import DenseLayer, MLPDecoder, MLPDiscriminator, PatchDiscriminator, ResNetGenerator, UNet

SHAPE = (1, 8, 8)
README = Path(__file__).parents[2] / "README.md"
x = torch.rand(8, *SHAPE, generator=torch.Generator().manual_seed(0))
labels = torch.arange(8) % 3
players = {"generator": partial(MLPDecoder, hidden=(8,)), "discriminator": partial(MLPDiscriminator, hidden=(8,))}
patches = {"discriminator": partial(PatchDiscriminator, channels=4)}


def charbonnier(logits, image):
    return ((logits.sigmoid() - image).square() + 1e-6).sqrt().flatten(1).sum(1)


class Cauchy(Likelihood):
    """Heavy tails, around the sigmoid of the decoder's outputs."""

    def log_prob(self, outputs, x):
        return torch.distributions.Cauchy(outputs.float().sigmoid(), 0.1).log_prob(x).flatten(1).sum(1)


class Doubled(AdversarialLoss):
    """Twice the least-squares loss."""

    def of_real(self, logits):
        return 2 * (logits - 1).square()

    def of_fake(self, logits):
        return 2 * logits.square()

    def of_generated(self, logits):
        return 2 * (logits - 1).square()


class Centred(Penalty):
    """Pulls logits of real images towards 0."""

    def __call__(self, discriminator, real, fake):
        return self.weight * discriminator(real).square().flatten(1).mean(1)


class Weighted(genlab.Autoencoder):
    def errors(self, x, generator=None):
        return {"loss": 3 * super().errors(x, generator)["loss"]}


class WeightedStack(genlab.StackedAutoencoder):
    def layer_error(self, level, inputs, generator=None):
        return 3 * super().layer_error(level, inputs, generator)


class OneNat(Given):
    def evidence(self, x, beta=1.0):
        figures = super().evidence(x, beta)
        return figures | {"loss": figures["reconstruction"] + beta * (figures["kl"] - 1).abs()}


class OneNatCVAE(genlab.CVAE):
    given_as = OneNat


class Squared(genlab.Pix2Pix):
    def distance(self, image, other):
        return (image - other).square().mean()


class SquaredCycles(genlab.CycleGAN):
    distance = Squared.distance


resnet = partial(ResNetGenerator, channels=4, blocks=1)
FAMILIES = {
    "autoencoder": lambda: genlab.Autoencoder(SHAPE, 4, loss=charbonnier),
    "autoencoder's subclass": lambda: Weighted(SHAPE, 4),
    "stacked": lambda: genlab.StackedAutoencoder(
        SHAPE, [partial(DenseLayer, size=4)], [StageSchedule(1)], loss=charbonnier
    ),
    "stacked subclass": lambda: WeightedStack(SHAPE, [partial(DenseLayer, size=4)], [StageSchedule(1)]),
    "vae": lambda: genlab.VAE(SHAPE, 4, likelihood=Cauchy),
    "cvae": lambda: genlab.CVAE(SHAPE, 3, code_size=4, likelihood=Cauchy),
    "cvae's subclass": lambda: OneNatCVAE(SHAPE, 3, code_size=4),
    "gan": lambda: genlab.GAN(SHAPE, 4, loss=Doubled, penalty=partial(Centred, weight=2.0), **players),
    "cgan": lambda: genlab.CGAN(SHAPE, 3, code_size=4, loss=Doubled, penalty=Centred, **players),
    "pix2pix": lambda: genlab.Pix2Pix(SHAPE, SHAPE, partial(UNet, channels=4), loss=Doubled, **patches),
    "pix2pix's subclass": lambda: Squared(SHAPE, SHAPE, partial(UNet, channels=4), **patches),
    "cyclegan": lambda: genlab.CycleGAN(SHAPE, SHAPE, resnet, loss=Doubled, **patches),
    "cyclegan's subclass": lambda: SquaredCycles(SHAPE, SHAPE, resnet, **patches),
}


def fitted(model, second=labels):
    """Return a Trainer after one step, and what was logged in it."""
    logger = CSVLogger("logs")
    trainer = Trainer(max_epochs=1, log_every_n_steps=1, logger=logger, enable_progress_bar=False)
    trainer.fit(model, DataLoader(TensorDataset(x, second), batch_size=8))
    with Path(logger.log_dir, "metrics.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if any(row[name] for name in row if name.startswith("train/"))]
    return trainer, {name: float(value) for name, value in rows[0].items() if value}


@pytest.mark.parametrize("family", FAMILIES)
def test_it_trains_and_is_loaded_again(family, working_folder):
    model = FAMILIES[family]()
    trainer, figures = fitted(model, second=x if hasattr(model, "translate") else labels)
    assert figures
    trainer.save_checkpoint("own.ckpt")
    loaded = genlab.load("own.ckpt")
    assert type(loaded) is type(model)
    if "subclass" not in family:
        own = loaded.likelihood if "vae" in family else loaded.loss
        assert own is charbonnier or isinstance(own, Cauchy | Doubled)
    assert isinstance(getattr(loaded, "penalty", None), Centred) == ("gan" in family and "cycle" not in family)


def at_start(build):
    torch.manual_seed(0)
    model = build()
    torch.manual_seed(1)
    return model


def test_what_is_minimised_is_ones_own(working_folder):
    model = at_start(FAMILIES["autoencoder"])
    torch.testing.assert_close(model.errors(x)["loss"], charbonnier(model.decoder(model.encoder(x)), x).mean())
    figures = fitted(at_start(FAMILIES["autoencoder's subclass"]))[1]
    same = fitted(at_start(lambda: genlab.Autoencoder(SHAPE, 4)))[1]
    assert figures["train/loss"] == pytest.approx(3 * same["train/loss"])
    figures = fitted(at_start(FAMILIES["stacked subclass"]))[1]
    same = fitted(
        at_start(lambda: genlab.StackedAutoencoder(SHAPE, [partial(DenseLayer, size=4)], [StageSchedule(1)]))
    )[1]
    assert figures["train/loss"] == pytest.approx(3 * same["train/loss"])
    figures = fitted(at_start(FAMILIES["cvae's subclass"]))[1]
    assert figures["train/loss"] == pytest.approx(
        figures["train/reconstruction"] + abs(figures["train/kl"] - 1), rel=1e-5
    )
    for family in ("pix2pix", "cyclegan"):
        figure = {"pix2pix": "train/l1", "cyclegan": "train/cycle"}[family]
        figures = fitted(at_start(FAMILIES[f"{family}'s subclass"]), x)[1]
        assert figures[figure] < fitted(at_start(FAMILIES[family]), x)[1][figure]  # squares of numbers below 1


def test_the_readmes_example_has_its_loss():
    example = re.search(r"(class FreeBitsVAE.*?)```", README.read_text(), re.DOTALL)
    names = {"genlab": genlab}
    exec(example[1], names)
    model = names["FreeBitsVAE"](image_shape=SHAPE, code_size=4, free=3.0)
    figures = model.evidence(x)
    assert figures["kl"] < 3
    torch.testing.assert_close(figures["loss"], figures["reconstruction"] + 3)
