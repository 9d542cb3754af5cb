"""Nonsensical numbers are refused where they are passed."""

from functools import partial

import pytest
import torch
from numpy import float32, int64

import genlab
from genlab import losses, networks
from genlab.callbacks import Pictures
from genlab.data import Digits, Edges, LowResolution, MaskedCentre, NaturalPatches
from genlab.data.batches.augmentation import Augmentation
from genlab.errors import GenlabError
from genlab.models import StageSchedule
from genlab.ranges import above, at_least, between, count, extent, if_given, share

SHAPE = (1, 8, 8)


@pytest.mark.parametrize("number", [float("nan"), None, True, "3", -1])
@pytest.mark.parametrize(
    "require", [partial(at_least, 0), partial(above, 0), partial(between, 0, 9), share, extent, count]
)
def test_what_is_no_number_or_out_of_range_is_refused_by_name(require, number):
    with pytest.raises(GenlabError, match=f"weight is {number!r}; it must be"):
        require(weight=number)


def test_ends_belong_to_a_range_or_not():
    at_least(0, x=0)
    between(0, 1, x=0, y=1, z=float32(0.5))
    share(x=0)
    extent(x=1)
    count(x=int64(0))
    for require in (partial(at_least, 0), partial(above, 0), share, extent, count):
        with pytest.raises(GenlabError, match="x is inf"):
            require(x=float("inf"))
    for refused in (
        partial(above, 0, x=0),
        partial(share, x=1),
        partial(between, 0, 1, x=1.01),
        partial(extent, x=0),
        partial(extent, x=1.5),
        partial(count, x=2.0),
    ):
        with pytest.raises(GenlabError):
            refused()
    assert if_given(x=None, y=0) == {"y": 0}


@pytest.mark.parametrize(
    ("build", "argument"),
    [
        (lambda n: genlab.VAE(SHAPE, code_size=n), "code_size"),
        (lambda n: genlab.VAE(SHAPE, num_samples=n), "num_samples"),
        (lambda n: genlab.VAE((0, 8, 8)), "channels"),
        (lambda n: genlab.CVAE(SHAPE, 10, code_size=n), "code_size"),
        (lambda n: genlab.CVAE(SHAPE, 10, condition_size=n), "condition_size"),
        (lambda n: genlab.Autoencoder(SHAPE, code_size=n), "code_size"),
        (lambda n: genlab.GAN(SHAPE, code_size=n), "code_size"),
        (lambda n: genlab.GAN(SHAPE, generator_clip=n), "generator_clip"),
        (lambda n: genlab.CGAN(SHAPE, 10, condition_size=n), "condition_size"),
        (lambda n: StageSchedule(n), "epochs"),
        (lambda n: StageSchedule(1, lr=n), "lr"),
        (lambda n: networks.MLPEncoder(SHAPE, 2, hidden=(3, n)), "hidden"),
        (lambda n: networks.MLPDiscriminator(SHAPE, 1, hidden=(n,)), "hidden"),
        (lambda n: networks.ConvEncoder(SHAPE, 2, channels=n), "channels"),
        (lambda n: networks.DCGANGenerator(SHAPE, 2, channels=n), "channels"),
        (lambda n: networks.UNet(SHAPE, 1, channels=n), "channels"),
        (lambda n: networks.DenoisingUNet(SHAPE, 1, 0, multipliers=(1, n)), "multipliers"),
        (lambda n: networks.DenseLayer(SHAPE, n), "size"),
        (lambda n: networks.ConvLayer(SHAPE, n), "channels"),
        (lambda n: networks.DroppedPatches(count=n), "count"),
        (lambda n: networks.DroppedPatches(size=n), "size"),
        (lambda n: losses.Gaussian(n), "scale"),
        (lambda n: losses.Laplace(n), "scale"),
        (lambda n: losses.TargetRate(n), "rate"),
        (lambda n: Digits(batch_size=n), "batch_size"),
        (lambda n: NaturalPatches(size=n), "size"),
        (lambda n: NaturalPatches(count=n), "count"),
        (lambda n: Augmentation(enlarge=n), "enlarge"),
        (lambda n: Edges(gain=n), "gain"),
        (lambda n: LowResolution(factor=n), "factor"),
        (lambda n: Pictures(count=n), "count"),
    ],
)
def test_zero_is_refused_where_nothing_would_be_left(build, argument):
    with pytest.raises(GenlabError, match=f"{argument} is 0; it must be"):
        build(0)


@pytest.mark.parametrize(
    ("build", "argument"),
    [
        (lambda n: genlab.VAE(SHAPE, beta=n), "beta"),
        (lambda n: genlab.VAE(SHAPE, warmup_epochs=n), "warmup_epochs"),
        (lambda n: genlab.CVAE(SHAPE, 10, beta=n), "beta"),
        (lambda n: genlab.GAN(SHAPE, ema_decay=n), "ema_decay"),
        (lambda n: genlab.Pix2Pix(SHAPE, SHAPE, l1_weight=n), "l1_weight"),
        (lambda n: genlab.Pix2Pix(SHAPE, SHAPE, discriminator_clip=n), "discriminator_clip"),
        (lambda n: genlab.CycleGAN(SHAPE, SHAPE, cycle_weight=n), "cycle_weight"),
        (lambda n: genlab.CycleGAN(SHAPE, SHAPE, pool_size=n), "pool_size"),
        (lambda n: networks.PatchDiscriminator(SHAPE, 1, stages=n), "stages"),
        (lambda n: networks.ResNetGenerator(SHAPE, 1, blocks=n), "blocks"),
        (lambda n: networks.UNet(SHAPE, 1, dropout=n), "dropout"),
        (lambda n: networks.MLPDiscriminator(SHAPE, 1, dropout=n), "dropout"),
        (lambda n: networks.GaussianNoise(n), "sigma"),
        (lambda n: networks.DroppedPixels(n), "rate"),
        (lambda n: losses.NonSaturating(n), "smoothing"),
        (lambda n: losses.LeastSquares(n), "smoothing"),
        (lambda n: losses.R1(n), "weight"),
        (lambda n: losses.L1(n), "weight"),
        (lambda n: losses.TargetRate(weight=n), "weight"),
        (lambda n: losses.WeightedSum([losses.squared_error], [n]), "weight"),
        (lambda n: Digits(num_workers=n), "num_workers"),
        (lambda n: Digits(seed=n), "seed"),
        (lambda n: MaskedCentre(n), "share"),
        (lambda n: Pictures(every_n_epochs=n), "every_n_epochs"),
    ],
)
@pytest.mark.parametrize("number", [-1, float("nan")])
def test_negative_numbers_and_nan_are_refused(build, argument, number):
    with pytest.raises(GenlabError, match=f"{argument} is {number}; it must be"):
        build(number)


def test_sizes_that_fit_no_memory_are_refused_before_memory_is_asked_for():
    for build in (
        lambda: genlab.VAE(SHAPE, code_size=100_000),
        lambda: genlab.VAE((1, 100_000, 100_000)),
        lambda: networks.ConvEncoder(SHAPE, 2, channels=100_000),
        lambda: networks.ResNetGenerator(SHAPE, 1, blocks=10**9),
        lambda: Digits(num_workers=1_000_000),
    ):
        with pytest.raises(GenlabError, match="it must be"):
            build()


def test_large_images_have_more_pixels_than_a_layer_may_have_units():
    x = torch.zeros(1, 3, 300, 300)
    assert networks.MLPEncoder(x.shape[1:], 2, hidden=(2,))(x).shape == (1, 2)
    assert networks.MLPDecoder(x.shape[1:], 2, hidden=(2,))(torch.zeros(1, 2)).shape == x.shape
    assert networks.MLPDiscriminator(x.shape[1:], 1, hidden=(2,))(x).shape == (1, 1)
