"""Layers of a stacked autoencoder, and stacks of them."""

from functools import partial

import pytest
import torch
from torch import nn

import genlab
from genlab.networks import ConvLayer, DenseLayer, LayerStack

CONV_THEN_DENSE = [partial(ConvLayer, channels=4), partial(ConvLayer, channels=3), partial(DenseLayer, size=5)]


@pytest.mark.parametrize("shape", [(1, 28, 20), (3, 13, 9), (1, 8, 8), (3, 4, 7)])
def test_every_depth_leads_back_to_images(shape):
    stack = LayerStack(shape, CONV_THEN_DENSE)
    x = torch.rand(2, *shape)
    for depth in range(4):
        codes = stack.encode(x, depth)
        assert codes.shape[1:] == stack.shapes[depth]
        assert stack.decode(codes, depth).shape == x.shape


def test_the_layers_are_those_of_a_deep_autoencoder_unrolled():
    stack = LayerStack((1, 4, 3), [partial(DenseLayer, size=6), partial(DenseLayer, size=2, activation=nn.Identity)])
    (up1, down1), (up2, down2) = ((layer.encoder[1], layer.decoder[0]) for layer in stack)
    x = torch.rand(5, 1, 4, 3)
    code = up2(up1(x.flatten(1)).sigmoid())
    torch.testing.assert_close(stack.encode(x, 2), code)
    torch.testing.assert_close(stack.decode(code, 2).flatten(1), down1(down2(code).sigmoid()))


@pytest.mark.parametrize("shape", [(12,), (1, 1, 8)])
def test_a_convolution_needs_images_of_some_size(shape):
    with pytest.raises(genlab.GenlabError, match="at least 2 x 2 pixels"):
        ConvLayer(shape, 4)
