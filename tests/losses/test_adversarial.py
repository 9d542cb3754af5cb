"""Losses of discriminator and generator against their formulas, and penalties against gradients by hand."""

import pytest
import torch
from torch.nn.functional import logsigmoid

from genlab.losses import (
    R1,
    GradientPenalty,
    Hinge,
    LeastSquares,
    Minimax,
    NonSaturating,
    RelativisticAverage,
    Wasserstein,
)

REAL = torch.tensor([2.0, -1.0, 0.5])
FAKE = torch.tensor([-3.0, 0.2, 1.5])


def log_d(logits):
    return torch.log(1 / (1 + torch.exp(-logits)))


def log_not_d(logits):
    return torch.log(1 - 1 / (1 + torch.exp(-logits)))


FORMULAS = {
    "minimax": (Minimax(), -log_d(REAL) - log_not_d(FAKE), log_not_d(FAKE)),
    "non-saturating": (NonSaturating(), -log_d(REAL) - log_not_d(FAKE), -log_d(FAKE)),
    "smoothed": (
        NonSaturating(smoothing=0.1),
        -0.9 * log_d(REAL) - 0.1 * log_not_d(REAL) - log_not_d(FAKE),
        -log_d(FAKE),
    ),
    "least squares": (LeastSquares(), ((REAL - 1) ** 2 + FAKE**2) / 2, (FAKE - 1) ** 2),
    "smoothed least squares": (LeastSquares(0.1), ((REAL - 0.9) ** 2 + FAKE**2) / 2, (FAKE - 1) ** 2),
    "hinge": (Hinge(), torch.tensor([0.0, 3.2, 3.0]), torch.tensor([3.0, -0.2, -1.5])),
    "wasserstein": (Wasserstein(), FAKE - REAL, -FAKE),
    "relativistic": (
        RelativisticAverage(),
        -log_d(REAL - FAKE.mean()) - log_not_d(FAKE - REAL.mean()),
        -log_d(FAKE - REAL.mean()) - log_not_d(REAL - FAKE.mean()),
    ),
}


@pytest.mark.parametrize("name", FORMULAS)
def test_losses_are_their_formulas_at_known_logits(name):
    loss, discriminator, generator = FORMULAS[name]
    torch.testing.assert_close(loss.discriminator(REAL, FAKE), discriminator)
    torch.testing.assert_close(loss.generator(FAKE, REAL), generator)
    torch.testing.assert_close(loss.discriminator(REAL[:, None], FAKE[:, None]), discriminator)


@pytest.mark.parametrize("name", FORMULAS)
def test_logits_of_patches_are_averaged_within_images(name):
    loss = FORMULAS[name][0]
    patches = torch.randn(2, 3, 1, 4, 5, generator=torch.Generator().manual_seed(0))
    values = loss.discriminator(*patches)
    assert values.shape == (3,)
    if not loss.relativistic:
        flat = loss.discriminator(*patches.flatten(1)).view(3, 20).mean(1)
        torch.testing.assert_close(values, flat)


@pytest.mark.parametrize("name", FORMULAS)
def test_losses_are_float32_and_finite_for_certain_discriminators_in_half_precision(name):
    loss = FORMULAS[name][0]
    certain = torch.tensor([100.0, -100.0], dtype=torch.bfloat16)
    for value in (loss.discriminator(certain, certain.flip(0)), loss.generator(certain, certain.flip(0))):
        assert value.dtype == torch.float32
        assert value.isfinite().all()


def test_a_generator_that_does_not_saturate_learns_where_the_zero_sum_one_does_not():
    hopeless = torch.tensor([-20.0], requires_grad=True)
    (flat,) = torch.autograd.grad(Minimax().generator(hopeless).sum(), hopeless)
    (steep,) = torch.autograd.grad(NonSaturating().generator(hopeless).sum(), hopeless)
    assert abs(flat) < 1e-6
    assert abs(steep) > 0.99


def test_smoothing_moves_the_best_logit_from_infinity():
    logits = torch.linspace(-10, 10, 2001)
    best = logits[NonSaturating(smoothing=0.1).of_real(logits).argmin()]
    torch.testing.assert_close(logsigmoid(best).exp(), torch.tensor(0.9), atol=1e-3, rtol=0)


def test_smoothing_is_of_real_images_alone():
    for loss in (RelativisticAverage, NonSaturating):
        torch.testing.assert_close(loss(0.3).generator(FAKE, REAL), loss().generator(FAKE, REAL))
        assert not torch.allclose(loss(0.3).discriminator(REAL, FAKE), loss().discriminator(REAL, FAKE))


def test_a_relativistic_generator_needs_real_logits():
    with pytest.raises(ValueError, match="real"):
        RelativisticAverage().generator(FAKE)


def quadratic(x):
    """A function with gradient 2 x + 1."""
    return (x.square() + x).flatten(1).sum(1, keepdim=True)


def test_r1_is_half_the_squared_gradient_at_real_images():
    real = torch.rand(4, 2, 3, 3)
    expected = 0.5 * 7 * (2 * real + 1).flatten(1).square().sum(1)
    torch.testing.assert_close(R1(7)(quadratic, real, torch.zeros_like(real)), expected)


def test_the_gradient_penalty_is_the_squared_distance_of_the_slope_from_one_on_the_line_between():
    real, fake = torch.rand(4, 2, 3, 3), -torch.rand(4, 2, 3, 3)
    torch.manual_seed(0)
    values = GradientPenalty(5)(quadratic, real, fake)
    torch.manual_seed(0)
    share = torch.rand(4, 1, 1, 1)
    between = share * real + (1 - share) * fake
    slope = (2 * between + 1).flatten(1).square().sum(1).sqrt()
    torch.testing.assert_close(values, 5 * (slope - 1) ** 2)


@pytest.mark.parametrize("penalty", [R1(), GradientPenalty()])
def test_penalties_teach_the_discriminator_as_autograd_by_hand_does(penalty):
    torch.manual_seed(0)
    network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(12, 8), torch.nn.Tanh(), torch.nn.Linear(8, 1))
    real, fake = torch.rand(5, 3, 2, 2), torch.rand(5, 3, 2, 2)
    first, _, last = network[1], network[2], network[3]

    torch.manual_seed(1)
    gradients = torch.autograd.grad(penalty(network, real, fake).sum(), list(network.parameters())[:3])

    torch.manual_seed(1)
    share = torch.rand(5, 1, 1, 1) if isinstance(penalty, GradientPenalty) else 1
    x = (fake + share * (real - fake)).flatten(1)
    hidden = torch.tanh(x @ first.weight.T + first.bias)
    slope = ((1 - hidden**2) * last.weight) @ first.weight  # the chain rule, written out
    norm = slope.square().sum(1).sqrt()
    by_hand = 10 * (norm - 1) ** 2 if isinstance(penalty, GradientPenalty) else 5 * norm**2
    expected = torch.autograd.grad(by_hand.sum(), [first.weight, first.bias, last.weight])
    for one, other in zip(gradients, expected, strict=True):
        torch.testing.assert_close(one, other)


def test_penalties_are_float32_under_autocast():
    network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(12, 1))
    real = torch.rand(5, 3, 2, 2)
    with torch.autocast("cpu", torch.bfloat16):
        value = R1()(network, real.bfloat16(), real)
    assert value.dtype == torch.float32
    torch.testing.assert_close(value, R1()(network, real, real))
