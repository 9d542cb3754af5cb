"""Encoders and decoders for images of any shape."""

from functools import partial

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

import genlab
from genlab.networks import (
    ConvDecoder,
    ConvEncoder,
    MLPDecoder,
    MLPEncoder,
    StridedDecoder,
    StridedEncoder,
    UpsamplingDecoder,
)
from genlab.networks.conv import Doubling, halvings

sides = st.integers(8, 40)
shapes = st.tuples(st.integers(1, 3), sides, sides)
ENCODERS = [partial(MLPEncoder, hidden=(12, 7)), partial(ConvEncoder, channels=4)]
DECODERS = [
    partial(MLPDecoder, hidden=(7, 12)),
    partial(ConvDecoder, channels=4),
    partial(UpsamplingDecoder, channels=4),
]


@pytest.mark.parametrize("encoder", ENCODERS)
@settings(max_examples=40, deadline=None)
@given(shape=shapes, code_size=st.integers(1, 5))
def test_encoders_give_codes(encoder, shape, code_size):
    codes = encoder(shape, code_size)(torch.rand(2, *shape))
    assert codes.shape == (2, code_size)


@pytest.mark.parametrize("decoder", DECODERS)
@settings(max_examples=40, deadline=None)
@given(shape=shapes, code_size=st.integers(1, 5))
def test_decoders_give_images_of_exactly_the_shape(decoder, shape, code_size):
    logits = decoder(shape, code_size)(torch.randn(2, code_size))
    assert logits.shape == (2, *shape)


@settings(max_examples=40, deadline=None)
@given(shape=shapes, halvings=st.integers(1, 3))
def test_strided_networks_map_images_of_any_shape_and_back(shape, halvings):
    small = {"channels": 6, "halvings": halvings, "blocks": 1, "block_channels": 2}
    encoder, decoder = StridedEncoder(shape, 3, **small), StridedDecoder((2 * shape[0], *shape[1:]), 3, **small)
    codes = encoder(torch.rand(2, *shape))
    assert encoder.map_size == (shape[1] >> halvings, shape[2] >> halvings)
    assert codes.shape == (2, 3, *encoder.map_size)
    assert decoder(codes).shape == (2, 2 * shape[0], *shape[1:])


def test_images_too_small_to_be_halved_are_refused():
    for network in (StridedEncoder, StridedDecoder):
        with pytest.raises(genlab.GenlabError, match="images of 4 x 9 pixels are too small to be halved 3 times"):
            network((1, 4, 9), 5, halvings=3)


@settings(max_examples=60, deadline=None)
@given(shape=shapes)
def test_halvings_end_below_eight_pixels(shape):
    stages = halvings(shape, channels=4)
    assert stages[0] == shape
    assert 4 <= min(stages[-1][1:]) < 8
    assert [channels for channels, *_ in stages[1:]] == [4 * 2**i for i in range(len(stages) - 1)]


@pytest.mark.parametrize("network", [ENCODERS[0], ENCODERS[1]])
def test_every_pixel_reaches_the_code(network):
    images = torch.rand(32, 1, 28, 20, requires_grad=True)
    network((1, 28, 20), 3).eval()(images).square().sum().backward()
    assert (images.grad != 0).any(0).all()


def test_mlp_has_the_sizes_and_activation_it_is_given():
    encoder = MLPEncoder((1, 28, 28), 40, hidden=(500,), activation=nn.Tanh)
    assert [type(layer) for layer in encoder] == [nn.Flatten, nn.Linear, nn.Tanh, nn.Linear]
    assert [p.shape for p in encoder.parameters() if p.ndim == 2] == [(500, 784), (40, 500)]


def test_conv_normalization_is_injected():
    layers = ConvDecoder((3, 16, 16), 5, channels=8, normalization=partial(nn.GroupNorm, 2)).modules()
    kinds = {type(layer) for layer in layers}
    assert nn.GroupNorm in kinds
    assert nn.BatchNorm2d not in kinds


def test_doubling_is_nearest_neighbour_interpolation_and_repeats_borders_of_odd_sizes():
    x = torch.rand(2, 3, 4, 5)
    doubled = F.interpolate(x, scale_factor=2)
    assert torch.equal(Doubling()(x), doubled)
    odd = Doubling((1, 1))(x)
    assert torch.equal(odd[..., :8, :10], doubled)
    assert torch.equal(odd[..., 8, :10], doubled[..., 7, :])
    assert torch.equal(odd[..., 10], odd[..., 9])
