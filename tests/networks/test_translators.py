"""The networks of pix2pix and CycleGAN."""

from functools import partial

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from genlab.networks import PatchDiscriminator, ResNetGenerator, UNet
from genlab.networks.resnet import ResidualBlock
from genlab.networks.unet import Dropout

sides = st.integers(8, 40)
shapes = st.tuples(st.integers(1, 3), sides, sides)
TRANSLATORS = [partial(UNet, channels=4), partial(ResNetGenerator, channels=4, blocks=1)]


@pytest.mark.parametrize("translator", TRANSLATORS)
@settings(max_examples=30, deadline=None)
@given(shape=shapes, channels=st.integers(1, 3), more=st.tuples(st.integers(0, 9), st.integers(0, 9)))
def test_translators_keep_height_and_width_also_of_larger_images(translator, shape, channels, more):
    size = [side + extra for side, extra in zip(shape[1:], more, strict=True)]
    logits = translator(shape, channels)(torch.rand(2, shape[0], *size))
    assert logits.shape == (2, channels, *size)


@pytest.mark.parametrize("translator", TRANSLATORS)
def test_every_pixel_is_translated(translator):
    x = torch.rand(1, 3, 28, 20, requires_grad=True)
    translator((3, 28, 20), 1).eval()(x).square().sum().backward()
    assert (x.grad != 0).all()


@settings(max_examples=30, deadline=None)
@given(shape=shapes, size=st.integers(1, 3))
def test_patches_of_images_of_any_shape_are_judged(shape, size):
    logits = PatchDiscriminator(shape, size, channels=4)(torch.rand(2, *shape))
    assert logits.shape[:2] == (2, size)
    assert logits[0, 0].numel() >= 1


def test_a_logit_sees_a_patch_of_70_x_70_pixels():
    x = torch.rand(1, 3, 256, 256, requires_grad=True)
    logits = PatchDiscriminator((3, 256, 256), 1, channels=8, normalization=nn.Identity)(x)
    assert logits.shape == (1, 1, 30, 30)
    logits[0, 0, 15, 15].backward()
    seen = x.grad.abs().sum((0, 1)) > 0
    assert [int(seen.any(side).sum()) for side in (0, 1)] == [70, 70]


def test_a_unet_has_the_stages_of_the_paper():
    """Isola et al. 2017, section 6.1.1, except for the innermost stages, of one pixel, which cannot be normalised."""
    network = UNet((3, 256, 256), 3)
    down = [layer.out_channels for layer in network.down.modules() if isinstance(layer, nn.Conv2d)]
    assert down == [64, 128, 256, 512, 512, 512, 512, 512]
    up = [(stage.convolution.in_channels, stage.convolution.out_channels) for stage in network.up]
    assert up == [(512, 512), *[(1024, 512)] * 3, (1024, 256), (512, 128), (256, 64), (128, 3)]
    drops = [any(isinstance(layer, Dropout) for layer in stage.after) for stage in network.up]
    assert drops == [True] * 3 + [False] * 5


def test_a_unet_is_as_deep_as_small_images_allow_and_always_noisy():
    network = UNet((1, 28, 20), 1, channels=4).eval()
    assert len(network.down) == 4
    x = torch.rand(1, 1, 28, 20)
    assert not torch.equal(network(x), network(x))
    still = UNet((1, 28, 20), 1, channels=4, dropout=0.0)
    assert torch.equal(still(x), still(x))


def test_a_residual_generator_has_the_layers_of_the_paper():
    """Zhu et al. 2017, section 7.2: c7s1-64, d128, d256, nine or six R256, u128, u64, c7s1-3."""
    for side, blocks in ((256, 9), (128, 6)):
        network = ResNetGenerator((3, side, side), 3)
        layers = [m for m in network.modules() if isinstance(m, nn.Conv2d | nn.ConvTranspose2d)]
        assert [m.out_channels for m in layers] == [64, 128, 256, *[256] * 2 * blocks, 128, 64, 3]
        assert [m.kernel_size[0] for m in layers] == [7, 3, 3, *[3] * 2 * blocks, 3, 3, 7]


def test_layers_are_normalised_where_the_papers_say():
    """No normalisation after the first and last convolution of a discriminator and a U-Net, nor after the innermost."""
    patch = PatchDiscriminator((3, 64, 64), 1, channels=4)
    kinds = ["Conv2d", "LeakyReLU", *["Conv2d", "InstanceNorm2d", "LeakyReLU"] * 3, "Conv2d"]
    assert [type(layer).__name__ for layer in patch] == kinds
    assert [layer.out_channels for layer in patch if isinstance(layer, nn.Conv2d)] == [4, 8, 16, 32, 1]
    assert all(layer.negative_slope == 0.2 for layer in patch if isinstance(layer, nn.LeakyReLU))
    unet = UNet((3, 64, 64), 3, channels=4)
    normalised = [any(isinstance(m, nn.InstanceNorm2d) for m in stage.modules()) for stage in unet.down]
    assert normalised == [False, True, True, True, True, False]
    normalised = [any(isinstance(m, nn.InstanceNorm2d) for m in stage.modules()) for stage in unet.up]
    assert normalised == [True] * 5 + [False]
    resnet = ResNetGenerator((3, 64, 64), 3, channels=4, blocks=2)
    assert sum(isinstance(m, nn.InstanceNorm2d) for m in resnet.modules()) == 3 + 2 * 2 + 2


@pytest.mark.parametrize("size", [(4, 4), (5, 4), (4, 9)])
def test_images_smaller_than_a_network_was_built_for_are_translated(size):
    network = ResNetGenerator((3, 32, 32), 1, channels=4, blocks=1)
    assert network(torch.rand(2, 3, *size)).shape == (2, 1, *size)
    assert network.eval()(torch.rand(2, 3, *size)).shape == (2, 1, *size)


def test_a_residual_block_adds_to_what_it_is_given():
    block = ResidualBlock(4, nn.Identity)
    for parameter in block.parameters():
        nn.init.zeros_(parameter)
    x = torch.randn(1, 4, 5, 5)
    assert torch.equal(block(x), x)


@pytest.mark.parametrize("network", [*TRANSLATORS, partial(PatchDiscriminator, channels=4)])
def test_weights_are_drawn_as_in_the_papers_and_norms_may_have_weights_or_not(network):
    for affine in (True, False):
        built = network((3, 32, 32), 1, normalization=partial(nn.BatchNorm2d, affine=affine))
        weights = torch.cat([m.weight.flatten() for m in built.modules() if isinstance(m, nn.Conv2d)])
        assert weights.std().item() == pytest.approx(0.02, rel=0.1)
