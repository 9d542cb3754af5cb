"""StyleGAN's networks against their formulas: modulation, resampling, equalized rates, noise and groups of a batch."""

import copy
import math

import pytest
import torch
import torch.nn.functional as F
from scipy.signal import upfirdn

from genlab.networks import ResidualDiscriminator, StyleGenerator
from genlab.networks.equalized import GAIN, TAPS, EqualConv, EqualLinear, Filter
from genlab.networks.residual_discriminator import BatchDeviation
from genlab.networks.style_generator import ModulatedConv, StyledLayer

SHAPES = [(1, 8, 8), (3, 32, 32), (1, 28, 28), (1, 28, 20), (3, 17, 23)]


@pytest.mark.parametrize(("kernel", "doubles"), [(1, False), (3, False), (3, True)])
@pytest.mark.parametrize("demodulates", [False, True])
def test_modulated_activations_are_those_of_modulated_weights(kernel, doubles, demodulates):
    torch.manual_seed(0)
    conv = ModulatedConv(6, 5, 4, kernel, doubles, demodulates).double()
    x, w = torch.randn(3, 6, 7, 5, dtype=torch.float64), torch.randn(3, 4, dtype=torch.float64)
    found, factors = conv(x, w)
    found = found if factors is None else found * factors

    style = conv.style(w)
    for image, scales, result in zip(x, style, found, strict=True):  # equations 1 and 3, image by image
        weight = conv.scale * conv.weight * scales[None, :, None, None]
        if demodulates:
            weight = weight / (weight.square().sum((1, 2, 3), keepdim=True) + 1e-8).sqrt()
        if doubles:
            expected = F.conv_transpose2d(image[None], weight.transpose(0, 1), stride=2)
            expected = conv.filter.after_doubling(expected)
        else:
            expected = F.conv2d(image[None], weight, padding=kernel // 2)
        torch.testing.assert_close(result[None], expected, rtol=1e-6, atol=1e-6)


def test_demodulated_outputs_have_unit_variance_whatever_the_style():
    torch.manual_seed(0)
    conv = ModulatedConv(32, 64, 8)
    x = torch.randn(16, 32, 24, 24)
    outputs, factors = conv(x, 5 * torch.randn(16, 8))
    inside = (outputs * factors)[..., 1:-1, 1:-1]  # zeros beyond the border reduce the variance
    torch.testing.assert_close(inside.var((0, 2, 3)).mean(), torch.tensor(1.0), atol=0.02, rtol=0)
    assert outputs.var((1, 2, 3)).max() > 3 * outputs.var((1, 2, 3)).min()


def resampled(x, up, down, before, gain):
    """Double, filter or halve a map with scipy, one axis after the other, dropping `before` samples."""
    taps = [tap / sum(TAPS) * gain for tap in TAPS]
    for axis in (0, 1):
        x = upfirdn(taps, x, up, 1, axis)
        x = x[before:][::down] if axis == 0 else x[:, before:][:, ::down]
    return torch.tensor(x)


@pytest.mark.parametrize("shape", [(6, 4), (7, 5)])
def test_filters_are_scipys(shape):
    x = torch.randn(2, 3, *shape, dtype=torch.float64)
    filtered = Filter().double()
    for maps, doubled, halved in zip(x, filtered.doubled(x), filtered.halved(x), strict=True):
        for one, larger, smaller in zip(maps, doubled, halved, strict=True):
            torch.testing.assert_close(larger, resampled(one.numpy(), 2, 1, 1, 2)[: 2 * shape[0], : 2 * shape[1]])
            rows, columns = ((side + 1) // 2 for side in shape)
            torch.testing.assert_close(smaller, resampled(one.numpy(), 1, 2, 2, 1)[:rows, :columns])
    assert filtered.halved(x).shape[2:] == tuple((side + 1) // 2 for side in shape)


def test_convolutions_that_halve_are_those_of_filtered_maps():
    x = torch.randn(2, 3, 7, 6, dtype=torch.float64)
    conv = EqualConv(3, 4, halves=True).double()
    blurred = torch.stack([torch.stack([resampled(one.numpy(), 1, 1, 0, 1) for one in maps]) for maps in x])
    weight = conv.weight / math.sqrt(27)
    expected = F.conv2d(F.pad(blurred[:, :, 1:, 1:], (0, 1, 0, 1)), weight, conv.bias, stride=2)[:, :, :4, :3]
    torch.testing.assert_close(conv(x), expected, rtol=1e-9, atol=1e-9)


def test_constants_stay_what_they_are_when_resampled():
    x = torch.ones(1, 1, 8, 8)
    filtered = Filter()
    for found in (filtered.doubled(x), filtered.halved(x)):
        torch.testing.assert_close(found[..., 1:-1, 1:-1], torch.ones_like(found[..., 1:-1, 1:-1]))


def test_equalized_layers_have_one_variance_and_move_at_one_speed():
    torch.manual_seed(0)
    moved = []
    for size, multiplier in ((16, 1.0), (512, 1.0), (512, 0.01)):
        layer = EqualLinear(size, 256, lr_multiplier=multiplier)
        x = torch.randn(2000, size)
        assert layer.weight.std().item() == pytest.approx(1 / multiplier, rel=0.05)
        torch.testing.assert_close(layer(x).var(), torch.tensor(1.0), atol=0.1, rtol=0)
        before = layer.weight.detach() * layer.scale
        layer(x).square().mean().backward()
        torch.optim.Adam(layer.parameters(), lr=1e-3, eps=0).step()
        moved.append((layer.weight.detach() * layer.scale - before).square().sum(1).sqrt().mean().item())
    assert moved[:2] == pytest.approx([1e-3, 1e-3], rel=0.01)  # for the whole row, whatever its length
    assert moved[2] == pytest.approx(1e-5, rel=0.02)


def test_gains_keep_the_scale_of_activations():
    torch.manual_seed(0)
    x = torch.randn(64, 32, 16, 16)
    found = F.leaky_relu(EqualConv(32, 64, gain=GAIN)(x), 0.2)[..., 1:-1, 1:-1]
    torch.testing.assert_close(found.square().mean(), torch.tensor(1.04), atol=0.05, rtol=0)


@pytest.mark.parametrize("shape", SHAPES)
def test_any_shape_is_made_and_judged(shape):
    generator, discriminator = StyleGenerator(shape, 6, 5, 2, channels=4), ResidualDiscriminator(shape, 2, channels=4)
    images = generator(torch.randn(5, 6))
    assert images.shape == (5, *shape)
    assert discriminator(images).shape == (5, 2)
    synthesis = generator.synthesis
    assert synthesis.num_layers == len(synthesis.noise_shapes) + 1 == 2 * len(synthesis.to_image)
    assert [maps.shape[2:] for maps in synthesis.draw_noise(1)] == [torch.Size(size) for size in synthesis.noise_shapes]
    assert tuple(synthesis.noise_shapes[-1]) == shape[1:]


def test_images_are_those_of_the_equations_written_out():
    """The skip generator of 8 x 8 images, starting from the constant."""
    torch.manual_seed(0)
    generator = StyleGenerator((2, 8, 8), 3, 4, 1, channels=4).double()
    net, styles = generator.synthesis, torch.randn(2, 4, 4, dtype=torch.float64)
    torch.nn.init.normal_(net.bias)
    for layer in net.layers:
        torch.nn.init.normal_(layer.noise_strength)
        torch.nn.init.normal_(layer.bias)
    noise = net.draw_noise(2, generator=torch.Generator().manual_seed(0))

    def styled(layer, x, w, added):
        x, factors = layer.conv(x, w)
        return math.sqrt(2) * F.leaky_relu(
            x * factors / math.sqrt(2) + layer.noise_strength * added + layer.bias[:, None, None], 0.2
        )

    x = styled(net.layers[0], net.constant.expand(2, -1, -1, -1), styles[:, 0], noise[0])
    image = net.to_image[0](x, styles[:, 1])[0]
    x = styled(net.layers[1], x, styles[:, 1], noise[1])
    x = styled(net.layers[2], x, styles[:, 2], noise[2])
    expected = net.filter.doubled(image) + net.to_image[1](x, styles[:, 3])[0] + net.bias
    torch.testing.assert_close(net(styles, noise), expected)


def test_each_layer_has_its_style_and_its_noise():
    torch.manual_seed(0)
    net = StyleGenerator((1, 28, 20), 6, 5, 2, channels=4).synthesis
    for layer in net.layers:
        torch.nn.init.constant_(layer.noise_strength, 0.5)
    styles, noise = torch.randn(1, net.num_layers, 5), net.draw_noise(1)
    image = net(styles, noise)
    for place in range(net.num_layers):
        other = styles.clone()
        other[:, place] += 1
        assert not torch.allclose(net(other, noise), image)
    for place in range(len(noise)):
        other = [None if layer == place else maps for layer, maps in enumerate(noise)]
        assert not torch.allclose(net(styles, other), image)
    fixed = [layer.fixed_noise for layer in net.layers]
    assert torch.equal(net(styles), net(styles, fixed))


def test_noise_counts_for_nothing_before_it_has_a_strength():
    net = StyleGenerator((1, 8, 8), 6, 5, 2, channels=4).synthesis
    styles = torch.randn(2, net.num_layers, 5)
    assert torch.equal(net(styles, net.draw_noise(2)), net(styles, net.draw_noise(2)))
    noisy = StyledLayer(4, (4, 8, 8), 5, doubles=False)
    assert noisy.noise_strength == 0
    noisy.noise_strength.data.fill_(0.1)
    x, w = torch.randn(1, 4, 8, 8), torch.randn(1, 5)
    assert not torch.equal(noisy(x, w, torch.randn(1, 1, 8, 8)), noisy(x, w, torch.randn(1, 1, 8, 8)))


def test_deviations_are_of_groups_and_any_number_of_images_is_judged():
    x = torch.randn(8, 3, 2, 2)
    found = BatchDeviation(4)(x)
    assert torch.equal(found[:, :3], x)
    for place in range(8):  # images 0, 2, 4 and 6, and the others
        group = x[place % 2 :: 2]
        expected = (group.var(0, unbiased=False) + 1e-8).sqrt().mean()
        torch.testing.assert_close(found[place, 3], expected.expand(2, 2))
    for count in (1, 3, 7):
        assert BatchDeviation(4)(x[:count]).shape == (count, 4, 2, 2)
    alike = BatchDeviation(4)(x[:1].expand(7, -1, -1, -1))
    torch.testing.assert_close(alike[:, 3], torch.full((7, 2, 2), 1e-4))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_images_that_are_alike_have_finite_gradients_in_any_precision(dtype):
    """As with a single image, or with corners that are black in all images."""
    for count in (1, 4):
        x = torch.full((count, 3, 2, 2), 0.5, dtype=dtype, requires_grad=True)
        found = BatchDeviation(4)(x)
        assert found.dtype == dtype
        (gradient,) = torch.autograd.grad(found.sum(), x)
        torch.testing.assert_close(gradient, torch.ones_like(x))


def test_codes_that_differ_in_scale_have_one_style():
    generator = StyleGenerator((1, 8, 8), 6, 5, 3, channels=4)
    z = torch.randn(3, 6)
    torch.testing.assert_close(generator.mapping(z), generator.mapping(7 * z))
    again = copy.deepcopy(generator)
    assert torch.equal(again(z), generator(z))
