"""StyleGAN's penalties: R1 on few batches, path lengths by autograd, and adaptive augmentation."""

from functools import partial

import pytest
import torch
from torch import nn

from genlab.losses import R1, PathLength, ScaledR1
from genlab.networks import AdaptiveAugmentation
from genlab.optimizers import StyleAdam, lazily


def test_the_weight_of_scaled_r1_follows_from_pixels_and_images():
    real = torch.rand(5, 2, 4, 6)
    penalty = ScaledR1(0.1)
    penalty.batches = 2
    found = penalty(lambda x: (3 * x).flatten(1).sum(1), real, real)
    assert penalty.weight == pytest.approx(0.1 * 24 / 10)
    torch.testing.assert_close(found, torch.full((5,), 0.5 * 0.1 * 24 / 10 * 9 * 48))


def test_r1_of_every_sixteenth_batch_is_r1_in_expectation():
    """Compares the gradients that a discriminator gets from it over many batches."""
    network = nn.Linear(8, 1).double()
    batches = torch.randn(640, 16, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(0))

    def gradient(x):
        penalty = R1(2.0)(lambda image: network(image).square(), x, x).mean()
        return torch.autograd.grad(penalty, network.weight)[0]

    each = torch.stack([gradient(x) for x in batches])
    lazy = 16 * each[::16]
    standard_error = lazy.std(0) / len(lazy) ** 0.5
    assert ((lazy.sum(0) / len(each) - each.mean(0)).abs() < 4 * standard_error / 16).all()
    assert (standard_error / 16 < 0.2 * each.mean(0).norm()).all()


def test_path_lengths_are_those_of_the_whole_jacobian():
    torch.manual_seed(0)
    network = nn.Sequential(nn.Flatten(), nn.Linear(6, 5), nn.Tanh(), nn.Linear(5, 18), nn.Unflatten(1, (2, 3, 3)))
    network = network.double()
    styles = torch.randn(4, 3, 2, dtype=torch.float64, requires_grad=True)
    y = torch.randn(4, 2, 3, 3, dtype=torch.float64)
    found = PathLength.lengths(network(styles), styles, y)
    expected = []
    for style, direction in zip(styles, y, strict=True):
        jacobian = torch.autograd.functional.jacobian(lambda s: network(s[None])[0], style, create_graph=True)
        pulled = torch.einsum("chw,chwls->ls", direction, jacobian) / 3
        expected.append(pulled.square().sum(1).mean().sqrt())
    torch.testing.assert_close(found, torch.stack(expected))

    penalty = PathLength(weight=3.0, decay=0.9)
    penalty.follow(torch.tensor(2.0))
    torch.testing.assert_close(penalty.average, torch.tensor(0.2))
    weights = [*network.parameters()]
    by_hand = 3 * (torch.stack(expected) - 0.2).square().mean()
    found = torch.autograd.grad(penalty(found).mean(), weights, allow_unused=True)
    for gradient, wanted in zip(found, torch.autograd.grad(by_hand, weights, allow_unused=True), strict=True):
        assert (gradient is None) == (wanted is None)
        if wanted is not None:
            torch.testing.assert_close(gradient, wanted, rtol=1e-6, atol=1e-9)


def test_lazily_built_optimizers_make_one_more_step_at_the_speed_of_none():
    parameter = nn.Parameter(torch.ones(1))
    (group,) = lazily(partial(StyleAdam, lr=0.1, betas=(0.5, 0.9)), 4)([parameter]).param_groups
    assert group["lr"] * 5 == pytest.approx(0.1 * 4)
    assert [beta**5 for beta in group["betas"]] == pytest.approx([0.5**4, 0.9**4])
    (plain,) = lazily(partial(torch.optim.SGD, lr=0.1), 4)([parameter]).param_groups
    assert plain["lr"] == pytest.approx(0.08)


def certain(**options):
    """Return an augmentation that changes every image."""
    augment = AdaptiveAugmentation(**options)
    augment.probability.fill_(1.0)
    return augment


def test_nothing_is_changed_at_a_probability_of_zero():
    x = torch.randn(6, 3, 8, 10)
    assert torch.equal(AdaptiveAugmentation()(x), x)


NONE = {"flip": False, "translation": 0.0, "brightness": 0.0, "contrast": 0.0, "saturation": 0.0}


def test_half_of_all_images_are_mirrored():
    x = torch.randn(2000, 1, 2, 3)
    found = certain(**NONE | {"flip": True})(x)
    mirrored = (found == x.flip(3)).flatten(1).all(1)
    assert torch.equal(found[~mirrored], x[~mirrored])
    assert mirrored.float().mean() == pytest.approx(0.5, abs=0.05)


def test_translations_are_of_whole_pixels_and_mirror_the_border():
    x = torch.arange(40.0).view(1, 1, 5, 8).repeat(500, 1, 1, 1)
    found = certain(**NONE | {"translation": 0.25})(x)
    padded = nn.functional.pad(x[:1], (2, 2, 1, 1), mode="reflect")[0, 0]
    possible = {tuple(padded[i : i + 5, j : j + 8].flatten().tolist()) for i in range(3) for j in range(5)}
    assert {tuple(image.flatten().tolist()) for image in found} == possible


@pytest.mark.parametrize("shape", [(1, 28, 20), (3, 1, 5)])
def test_the_largest_translations_find_pixels_of_the_image(shape):
    torch.manual_seed(0)
    augment = AdaptiveAugmentation(translation=0.99, brightness=0.0, contrast=0.0, saturation=0.0)
    augment.probability.fill_(1.0)
    x = torch.rand(1, *shape).expand(200, -1, -1, -1)
    assert torch.isin(augment(x), x).all()


def test_colours_change_by_as_much_as_is_said():
    torch.manual_seed(0)
    x = torch.randn(4000, 3, 2, 2)
    added = certain(**NONE | {"brightness": 0.3})(x) - x
    assert added.flatten(1).std(1).max() < 1e-5
    assert added.mean((1, 2, 3)).std() == pytest.approx(0.3, rel=0.05)
    factors = (certain(**NONE | {"contrast": 0.5})(x) / x).flatten(1)
    torch.testing.assert_close(factors, factors[:, :1].expand_as(factors))
    assert factors[:, 0].log2().std() == pytest.approx(0.5, rel=0.05)
    saturated = certain(**NONE | {"saturation": 1.0})(x)
    torch.testing.assert_close(saturated.mean(1), x.mean(1))
    assert ((saturated - x).abs().amax((1, 2, 3)) > 0.01).float().mean() > 0.95
    assert torch.equal(certain(**NONE | {"saturation": 1.0})(x[:, :1]), x[:, :1])


def test_what_is_changed_can_be_differentiated():
    x = torch.randn(2, 3, 4, 4, dtype=torch.float64, requires_grad=True)
    augment = certain(translation=0.25).double()

    def changed(images):
        torch.manual_seed(0)
        return augment(images).square()

    assert torch.autograd.gradcheck(changed, x)


def test_the_probability_goes_up_while_the_discriminator_is_too_sure_and_down_again():
    augment = AdaptiveAugmentation(target=0.5, images=1000)
    for _ in range(3):
        augment.follow(torch.tensor(0.9), 100)
    assert augment.probability == pytest.approx(0.3)
    augment.follow(torch.tensor(0.1), 100)
    assert augment.probability == pytest.approx(0.2)
    for sign, bound in ((0.9, 0.8), (0.1, 0.0)):
        for _ in range(12):
            augment.follow(torch.tensor(sign), 100)
        assert augment.probability == pytest.approx(bound)
