"""Each likelihood against torch.distributions."""

import math

import pytest
import torch
from torch.distributions import AffineTransform, Normal, SigmoidTransform, TransformedDistribution, Uniform
from torch.distributions import Laplace as TorchLaplace

import genlab
from genlab.losses import Bernoulli, DiscretizedLogistic, Gaussian, Laplace, PixelGaussian

random = torch.Generator().manual_seed(0)
outputs = 2 * torch.randn(3, 2, 5, 4, generator=random)
spread = 2 * torch.randn(3, 2, 5, 4, generator=random)
x = torch.rand(3, 2, 5, 4, generator=random)


def per_image(values):
    return values.flatten(1).sum(1)


@pytest.mark.parametrize("learned", [False, True])
def test_gaussian(learned):
    expected = per_image(Normal(outputs.sigmoid(), 0.2).log_prob(x))
    torch.testing.assert_close(Gaussian(0.2, learned).log_prob(outputs, x), expected)


@pytest.mark.parametrize("learned", [False, True])
def test_laplace(learned):
    expected = per_image(TorchLaplace(outputs.sigmoid(), 0.2).log_prob(x))
    torch.testing.assert_close(Laplace(0.2, learned).log_prob(outputs, x), expected)


def test_a_gaussian_for_each_value():
    sigma = (1 / 256) ** spread.sigmoid()
    expected = per_image(Normal(outputs.sigmoid(), sigma).log_prob(x))
    likelihood = PixelGaussian()
    torch.testing.assert_close(likelihood.log_prob(torch.cat([outputs, spread], 1), x), expected)
    torch.testing.assert_close(likelihood.mean(torch.cat([outputs, spread], 1)), outputs.sigmoid())


@pytest.mark.parametrize("extreme", [-1e4, 1e4])
def test_variances_are_bounded(extreme):
    pair = torch.cat([outputs, torch.full_like(outputs, extreme)], 1).requires_grad_()
    value = PixelGaussian().log_prob(pair, x).sum()
    value.backward()
    assert value.isfinite()
    assert pair.grad.isfinite().all()


def logistic(mean, scale):
    steps = [SigmoidTransform().inv, AffineTransform(mean, scale)]
    return TransformedDistribution(Uniform(torch.zeros(()), torch.ones(())), steps)


def test_discretized_logistic_is_what_a_logistic_distribution_has_around_a_level():
    levels = (x * 255).round().clamp(1, 254) / 255
    around = logistic(outputs.double().sigmoid(), 0.1)
    expected = per_image((around.cdf(levels.double() + 1 / 510) - around.cdf(levels.double() - 1 / 510)).log())
    torch.testing.assert_close(DiscretizedLogistic(0.1).log_prob(outputs, levels), expected.float())


def test_probabilities_of_all_levels_add_up_to_one():
    levels = (torch.arange(256) / 255).view(256, 1, 1, 1)
    for centre in (-9.0, 0.3, 9.0):
        for scale in (0.005, 0.1, 0.9):
            log_prob = DiscretizedLogistic(scale).log_prob(torch.full((256, 1, 1, 1), centre), levels)
            torch.testing.assert_close(log_prob.exp().sum(), torch.tensor(1.0))


def test_discretized_logistic_is_finite_far_away():
    far = torch.full((1, 1, 1, 1), 30.0, requires_grad=True)
    value = DiscretizedLogistic(0.0045).log_prob(far, torch.full((1, 1, 1, 1), 10 / 255))
    value.sum().backward()
    assert value.isfinite().all()
    assert far.grad.isfinite().all()


def test_uniform_guesses_are_eight_bits_and_coins_one():
    dimensions = x[0].numel()
    uniform_levels = torch.tensor(-dimensions * math.log(256))
    assert DiscretizedLogistic().bits_per_dim(uniform_levels, dimensions) == pytest.approx(8)
    uniform_density = torch.tensor(0.0)
    assert Gaussian().bits_per_dim(uniform_density, dimensions) == pytest.approx(8)
    assert Bernoulli().bits_per_dim(torch.tensor(-dimensions * math.log(2)), dimensions) == pytest.approx(1)


@pytest.mark.parametrize("likelihood", [Bernoulli(), Gaussian(), PixelGaussian(), Laplace(), DiscretizedLogistic()])
def test_they_are_float32_under_autocast(likelihood):
    coarse = torch.cat([outputs, spread], 1)[:, : 2 * likelihood.outputs].bfloat16()
    with torch.autocast("cpu", torch.bfloat16):
        value = likelihood.log_prob(coarse, x)
    assert value.dtype == torch.float32
    torch.testing.assert_close(value, likelihood.log_prob(coarse.float(), x), rtol=0, atol=0)


@pytest.mark.parametrize("make", [Gaussian, Laplace])
def test_a_scale_is_learned_from_the_data(make):
    torch.manual_seed(0)
    likelihood = make(0.5, learned=True)
    away = 0.05 * torch.randn(1000, 1, 2, 2) if make is Gaussian else TorchLaplace(0.0, 0.05).sample((1000, 1, 2, 2))
    optimizer = torch.optim.Adam(likelihood.parameters(), lr=0.05)
    for _ in range(200):
        optimizer.zero_grad()
        (-likelihood.log_prob(torch.zeros(1000, 1, 2, 2), 0.5 + away).mean()).backward()
        optimizer.step()
    (scale,) = (math.exp(child()) for child in likelihood.children())
    assert scale == pytest.approx(0.05, rel=0.05)


@pytest.mark.parametrize("make", [Gaussian, Laplace])
def test_scales_that_cannot_be_are_refused(make):
    with pytest.raises(genlab.GenlabError, match="scale is 0; it must be above 0"):
        make(0)
    with pytest.raises(genlab.GenlabError, match="must start between"):
        make(2.0, learned=True)
    make(2.0)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float64])
@pytest.mark.parametrize("make", [Gaussian, Laplace])
def test_a_fixed_scale_is_exact_whatever_the_precision_of_weights(make, dtype):
    exact, converted = make(0.1), make(0.1).to(dtype)
    assert torch.equal(converted.log_prob(outputs, x), exact.log_prob(outputs, x))
    converted.load_state_dict(make(0.1).bfloat16().state_dict())  # as checkpoints of bf16-true store it
    assert torch.equal(converted.log_prob(outputs, x), exact.log_prob(outputs, x))
