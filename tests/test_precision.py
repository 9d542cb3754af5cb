"""Families stay finite in half precision over many steps, and accept weights of half and double precision."""

import csv
from functools import partial

import pytest
import torch
from lightning.pytorch import Trainer, seed_everything
from lightning.pytorch.plugins import MixedPrecision

import genlab
from genlab.callbacks import Pictures
from genlab.data import DegradedPairs, DomainsFromPairs, Edges
from genlab.loggers import MetricsFile
from genlab.losses import Gaussian, GradientPenalty, Wasserstein
from genlab.networks import (
    DCGANGenerator,
    DenoisingUNet,
    DenseLayer,
    EMACodebook,
    MapDecoder,
    MapEncoder,
    MLPDecoder,
    MLPDiscriminator,
    MLPEncoder,
    PatchDiscriminator,
    ResNetGenerator,
    StridedDecoder,
    StridedEncoder,
    UNet,
)
from genlab.optimizers import GANAdam

SMALL = {"encoder": partial(MLPEncoder, hidden=(64,)), "decoder": partial(MLPDecoder, hidden=(64,))}
PLAYERS = {
    "generator": partial(DCGANGenerator, channels=8),
    "discriminator": partial(MLPDiscriminator, hidden=(64,)),
    "generator_optimizer": partial(GANAdam, lr=1e-3),
}
PATCHES = {
    "discriminator": partial(PatchDiscriminator, channels=4),
    "generator_optimizer": partial(GANAdam, lr=1e-3),
}
UNET, RESNET = partial(UNet, channels=8), partial(ResNetGenerator, channels=4, blocks=1)
DENOISER = partial(DenoisingUNet, channels=8, multipliers=(1,), blocks=1, patch=2)
MAPS = {"encoder": partial(MapEncoder, channels=8, halvings=1), "decoder": partial(MapDecoder, channels=8, halvings=1)}
STRIDED = {
    "encoder": partial(StridedEncoder, channels=8, halvings=1, blocks=1),
    "decoder": partial(StridedDecoder, channels=8, halvings=1, blocks=1),
    "quantizer": partial(EMACodebook, codes=32),
}
LONG = [genlab.models.StageSchedule(50)]
LAYERS = [partial(DenseLayer, size=32), partial(DenseLayer, size=16)]
FAMILIES = {
    "Autoencoder": lambda data: genlab.Autoencoder(data.image_shape, **SMALL),
    "StackedAutoencoder": lambda data: genlab.StackedAutoencoder(
        data.image_shape, LAYERS, (), [genlab.models.StageSchedule(50)]
    ),
    "VAE": lambda data: genlab.VAE(data.image_shape, **SMALL),
    "CVAE": lambda data: genlab.CVAE(data.image_shape, data.num_classes, **SMALL),
    "RBM": lambda data: genlab.RBM(data.image_shape, 50, chains=20),
    "Diffusion": lambda data: genlab.Diffusion(data.image_shape, DENOISER),
    "ConditionalDiffusion": lambda data: genlab.ConditionalDiffusion(
        data.image_shape, data.num_classes, network=DENOISER
    ),
    "LatentDiffusion": lambda data: genlab.LatentDiffusion(
        data.image_shape, genlab.VAE(data.image_shape, 2, **MAPS, likelihood=Gaussian), DENOISER
    ),
    "VQVAE": lambda data: genlab.VQVAE(data.image_shape, 8, **STRIDED, autoencoder=LONG, prior=()),
    "GAN": lambda data: genlab.GAN(data.image_shape, **PLAYERS),
    "VAEGAN": lambda data: genlab.VAEGAN(
        data.image_shape, encoder=SMALL["encoder"], decoder=PLAYERS["generator"], discriminator=PLAYERS["discriminator"]
    ),
    "CGAN": lambda data: genlab.CGAN(data.image_shape, data.num_classes, **PLAYERS),
    "WGAN": lambda data: genlab.GAN(data.image_shape, **PLAYERS, loss=Wasserstein, penalty=GradientPenalty),
}
TRANSLATORS = {
    "Pix2Pix": (lambda data: genlab.Pix2Pix(data.image_shape, data.image_shape, **PATCHES, generator=UNET), "train/l1"),
    "GaussianRegressor": (
        lambda data: genlab.GaussianRegressor(data.image_shape, data.image_shape, UNET),
        "train/loss",
    ),
    "DeepFake": (lambda data: genlab.DeepFake(data.image_shape, data.image_shape, **SMALL), "train/loss"),
    "AdversarialDeepFake": (
        lambda data: genlab.AdversarialDeepFake(
            data.image_shape, data.image_shape, **SMALL, discriminator=PLAYERS["discriminator"]
        ),
        "train/loss",
    ),
    "CycleGAN": (
        lambda data: genlab.CycleGAN(data.image_shape, data.image_shape, **PATCHES, generator=RESNET),
        "train/cycle",
    ),
}


CONVOLVED = ("Diffusion", "ConditionalDiffusion", "LatentDiffusion", "VQVAE")
"""Families trained with small batches and few steps, since convolutions in half precision are slow on a CPU."""


def data_for(family):
    if family not in TRANSLATORS:
        return genlab.Digits(batch_size=16 if family in CONVOLVED else 64)
    pairs = DegradedPairs(genlab.Digits(batch_size=4 if family == "CycleGAN" else 8), Edges())
    return DomainsFromPairs(pairs) if family == "CycleGAN" or "DeepFake" in family else pairs


def curves_of(model, data, steps, precision, folder):
    """Return the logged values of each metric, and the scaler."""
    scaler = torch.amp.GradScaler("cpu") if precision == "16-mixed" else None
    Trainer(
        max_steps=steps,
        plugins=MixedPrecision(precision, "cpu", scaler),
        logger=MetricsFile(folder),
        enable_checkpointing=False,
        enable_progress_bar=False,
        limit_val_batches=0,
    ).fit(model, datamodule=data)
    with (folder / "metrics.csv").open(newline="") as file:
        rows = [{name: float(value) for name, value in row.items() if value} for row in csv.DictReader(file)]
    curves = {name: torch.tensor([row[name] for row in rows if name in row]) for name in rows[0]}
    assert len(curves["step"]) == steps
    assert all(curve.isfinite().all() for curve in curves.values())
    return curves, scaler


@pytest.mark.parametrize("precision", ["bf16-mixed", "16-mixed"])
@pytest.mark.parametrize("family", FAMILIES)
def test_many_steps_are_finite_and_learn(family, precision, working_folder):
    seed_everything(0)
    data = data_for(family)
    steps = 200 if family in CONVOLVED else 400
    curves, scaler = curves_of(FAMILIES[family](data), data, steps, precision, working_folder)
    if family.endswith("GAN"):
        assert scaler is None or scaler.get_scale() > 1
        assert curves["train/diversity"][-100:].mean() > 2 * curves["train/diversity"][:10].mean()
    elif family != "RBM":  # its loss is not a measure; see its own tests
        assert curves["train/loss"][-100:].mean() < 0.8 * curves["train/loss"][:10].mean()


@pytest.mark.parametrize("precision", ["bf16-mixed", "16-mixed"])
@pytest.mark.parametrize("family", TRANSLATORS)
def test_hundreds_of_steps_of_translators_are_finite_and_learn(family, precision, working_folder):
    seed_everything(0)
    data = data_for(family)
    build, figure = TRANSLATORS[family]
    curves, scaler = curves_of(build(data), data, 200, precision, working_folder)
    assert scaler is None or scaler.get_scale() > 1
    assert curves[figure][-100:].mean() < 0.6 * curves[figure][:10].mean()


@pytest.mark.parametrize(("precision", "dtype"), [("bf16-true", torch.bfloat16), ("64-true", torch.float64)])
@pytest.mark.parametrize("family", [*FAMILIES, *TRANSLATORS])
def test_weights_may_be_of_half_or_of_double_precision(family, precision, dtype, working_folder):
    seed_everything(0)
    data = data_for(family)
    model = FAMILIES[family](data) if family in FAMILIES else TRANSLATORS[family][0](data)
    trainer = Trainer(
        max_epochs=1,
        limit_train_batches=3,
        limit_val_batches=2,
        precision=precision,
        callbacks=Pictures(),
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
    )
    trainer.fit(model, datamodule=data)
    assert {parameter.dtype for parameter in model.parameters()} == {dtype}
    figures = torch.stack([value.double() for value in trainer.callback_metrics.values()])
    assert len(figures) > 1
    assert figures.isfinite().all()
    assert list(working_folder.rglob("*.png"))
