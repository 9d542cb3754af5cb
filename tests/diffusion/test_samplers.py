"""Samplers and the bound, against known results for Gaussian data and mixtures."""

import math
from functools import partial
from itertools import pairwise

import pytest
import torch
from torch.distributions import Categorical, MixtureSameFamily, MultivariateNormal, Normal, kl_divergence

from genlab.diffusion import (
    CosineNoise,
    DiscreteNoise,
    KarrasNoise,
    LinearNoise,
    ancestral,
    clipped,
    completing,
    ddim,
    dpm_solver,
    euler,
    guided,
    heun,
    last_part,
    prior_part,
    resampled,
    step_parts,
    watched,
)
from genlab.diffusion.bound import BIN, binned_log_prob
from genlab.errors import GenlabError

MEAN, STD = 0.3, 0.6
SAMPLERS = [ancestral, ddim, partial(ddim, eta=0.5), dpm_solver, partial(dpm_solver, eta=1), euler, heun]


def of_gaussian(x, sigma, mean=MEAN, std=STD):
    """The best estimate for data from N(mean, std^2)."""
    sigma = torch.as_tensor(sigma, dtype=x.dtype).view(-1, *[1] * (x.ndim - 1))
    return mean + std**2 / (std**2 + sigma**2) * (x - mean)


def start(noise, count, seed=0):
    largest = noise.levels(1)[0]
    return (1 + largest**2).sqrt() * torch.randn(count, generator=torch.Generator().manual_seed(seed)).double()


@pytest.mark.parametrize("noise", [LinearNoise(), CosineNoise(), KarrasNoise()])
@pytest.mark.parametrize("sampler", SAMPLERS)
def test_samples_of_gaussian_data_have_their_moments(sampler, noise):
    samples = sampler(of_gaussian, start(noise, 40_000), noise.levels(400))
    assert samples.mean() == pytest.approx(MEAN, abs=0.015)
    assert samples.std() == pytest.approx(STD, rel=0.02)


def test_ancestral_steps_are_those_of_ho_et_al():
    """Mean and variance of one step, in the paper's notation."""
    noise, t = LinearNoise(), 600
    before, signal = noise.signal[t - 1], noise.signal[t]
    beta, x_t, x_0 = 1 - signal / before, torch.tensor(0.8, dtype=torch.float64), 0.2
    mean = before.sqrt() * beta / (1 - signal) * x_0 + (1 - beta).sqrt() * (1 - before) / (1 - signal) * x_t  # eq. 7
    variance = (1 - before) / (1 - signal) * beta
    x = (x_t / signal.sqrt()).expand(400_000)
    levels = noise.sigmas[[t, t - 1]]
    drawn = before.sqrt() * ancestral(
        lambda x, sigma: torch.full_like(x, x_0), x, levels, torch.Generator().manual_seed(0)
    )
    assert drawn.mean() == pytest.approx(mean.item(), abs=4 * (variance.item() / 400_000) ** 0.5)
    assert drawn.var() == pytest.approx(variance.item(), rel=0.02)


def flow(x, largest):
    """Where the probability flow of the Gaussian ends."""
    return MEAN + STD / (STD**2 + largest**2) ** 0.5 * (x - MEAN)


POINTS = torch.tensor([[1.0, 0.5], [-0.8, 0.4], [0.1, -1.0]], dtype=torch.float64)


def of_mixture(x, sigma):
    """The best estimate for three normal distributions of width 0.2 in the plane."""
    variance = 0.2**2 + float(sigma) ** 2
    weights = (-(x[:, None] - POINTS).square().sum(2) / (2 * variance)).softmax(1)
    return weights @ POINTS + 0.2**2 / variance * (x - weights @ POINTS)


@pytest.mark.parametrize(
    ("sampler", "order"), [(euler, 1), (ddim, 1), (heun, 2), (dpm_solver, 2)], ids=["euler", "ddim", "heun", "dpm"]
)
def test_errors_fall_with_the_order_of_the_sampler(sampler, order):
    """On a mixture in the plane, against very many Heun steps."""
    torch.manual_seed(0)
    x = 10 * torch.randn(200, 2, dtype=torch.float64)

    def levels(steps):  # they end above 0, where steps can be as even as the theorem requires
        return torch.linspace(math.log(10), math.log(0.02), steps + 1, dtype=torch.float64).exp()

    exact = heun(of_mixture, x, levels(20_000))
    steps = (80, 160, 320)
    errors = [(sampler(of_mixture, x, levels(n)) - exact).norm(dim=1).mean().log2().item() for n in steps]
    slopes = [before - after for before, after in pairwise(errors)]
    assert slopes == pytest.approx([order] * 2, abs=0.25)


def test_new_noise_in_steps_of_second_order_is_that_of_the_sde_of_the_data():
    """Mean and variance of two steps of SDE-DPM-Solver++(2M), in Lu et al.'s notation: λ = -log σ, h = λ_t - λ_s."""
    now, then = math.log(3.0), math.log(1.5)
    levels = torch.tensor([5.0, 3.0, 1.5], dtype=torch.float64)
    estimates = iter([torch.tensor(0.4), torch.tensor(0.1)])
    x = torch.full((200_000,), 2.0, dtype=torch.float64)
    found = dpm_solver(lambda x, sigma: next(estimates), x, levels, eta=1, generator=torch.Generator().manual_seed(0))
    first = 0.4 + math.exp(-2 * (math.log(5.0) - now)) * (2.0 - 0.4)
    h, h_before = now - then, math.log(5.0) - now
    mean = math.exp(-2 * h) * first + (1 - math.exp(-2 * h)) * (0.1 + h / (2 * h_before) * (0.1 - 0.4))
    fresh = [sigma**2 * (1 - math.exp(-2 * step)) for sigma, step in ((3.0, h_before), (1.5, h))]
    variance = math.exp(-4 * h) * fresh[0] + fresh[1]
    assert found.mean() == pytest.approx(mean, abs=4 * (variance / len(x)) ** 0.5)
    assert found.var() == pytest.approx(variance, rel=0.02)


def test_a_few_steps_of_second_order_come_nearer_than_ancestral_ones():
    torch.manual_seed(0)
    x = 10 * torch.randn(20_000, dtype=torch.float64)
    levels = torch.logspace(1, -1.5, 13, dtype=torch.float64)
    widths = [sampler(of_gaussian, x, levels).std() for sampler in (partial(dpm_solver, eta=1), ancestral)]
    assert abs(widths[0] - STD) < abs(widths[1] - STD) / 2


def test_samples_of_a_mixture_are_near_its_points_in_equal_shares():
    torch.manual_seed(0)
    samples = ancestral(of_mixture, 80 * torch.randn(6000, 2, dtype=torch.float64), KarrasNoise().levels(100))
    mixture = MixtureSameFamily(Categorical(torch.ones(3)), MultivariateNormal(POINTS.float(), 0.04 * torch.eye(2)))
    truth = mixture.sample((6000,))
    assert mixture.log_prob(samples.float()).mean() == pytest.approx(mixture.log_prob(truth).mean().item(), abs=0.06)
    shares = torch.cdist(samples, POINTS).argmin(1).bincount(minlength=3) / 6000
    assert shares.tolist() == pytest.approx([1 / 3] * 3, abs=0.03)


@pytest.mark.parametrize(("sampler", "error"), [(euler, 0.05), (heun, 1e-3)])
def test_an_image_is_found_again_after_it_was_taken_to_its_noise(sampler, error):
    """Along rising levels a deterministic sampler encodes; along the same levels, falling, it decodes."""
    torch.manual_seed(0)
    levels = CosineNoise().levels(250)[:-1]
    image = POINTS[[0, 1, 2, 0, 1]] + 0.2 * torch.randn(5, 2, dtype=torch.float64)
    codes = sampler(of_mixture, image, levels.flip(0)) / (1 + levels[0] ** 2).sqrt()
    again = sampler(of_mixture, codes * (1 + levels[0] ** 2).sqrt(), levels)
    assert (again - image).abs().max() < error
    gaussian = torch.randn(50_000).double() * STD + MEAN
    noise = heun(of_gaussian, gaussian, levels.flip(0)) / (1 + levels[0] ** 2).sqrt()
    assert noise.std() == pytest.approx(1, abs=0.01)  # codes are distributed as the prior


def test_the_same_generator_gives_the_same_samples_and_steps_are_counted_once():
    noise = KarrasNoise()
    levels, x = noise.levels(12), start(noise, 30)
    for sampler in (euler, heun, dpm_solver, ancestral):
        looks = []
        generator = torch.Generator().manual_seed(1)
        options = {"generator": generator} if sampler is ancestral else {}
        denoise = watched(of_gaussian, lambda x, sigma, step, looks=looks: looks.append((step, sigma)))
        found = sampler(denoise, x, levels, **options)
        assert [*dict.fromkeys(looks)] == [*enumerate(levels[:-1].tolist())]
        options = {"generator": torch.Generator().manual_seed(1)} if sampler is ancestral else {}
        assert torch.equal(found, sampler(of_gaussian, x, levels, **options))


def test_guidance_goes_from_no_condition_over_the_condition_to_more_of_it():
    ones, zeros = (lambda x, sigma, value=value: torch.full_like(x, value) for value in (1.0, 0.0))
    x = torch.randn(3)
    for scale in (0, 0.5, 1, 3):
        assert guided(ones, zeros, scale)(x, 1.0).unique().tolist() == [scale]
    assert clipped(guided(ones, zeros, 3))(x, 1.0).unique().tolist() == [1]


@pytest.mark.parametrize("times", [1, 8])
def test_completed_parts_depend_on_the_known_ones_and_these_stay(times):
    """One of two correlated values is given; the conditional mean and variance of the other are known.

    Without RePaint's repeats, the fit is worse, since the known value's noise is drawn independently of the other.
    """
    precision = torch.linalg.inv(torch.tensor([[1.0, 0.8], [0.8, 1.0]], dtype=torch.float64))

    def denoise(x, sigma):
        whole = torch.linalg.inv(precision + torch.eye(2).double() / sigma**2)
        return x @ whole / sigma**2

    noise = CosineNoise(200)
    x = torch.stack([start(noise, 8000, 1), start(noise, 8000, 2)], 1)
    known, mask = torch.tensor([[0.9, 0.0]], dtype=torch.float64), torch.tensor([[0.0, 1.0]])
    levels = resampled(noise.levels(100), times)
    made = ancestral(completing(denoise, known, mask), x, levels, torch.Generator().manual_seed(0))
    assert made[:, 0].unique().tolist() == pytest.approx([0.9])
    error = abs(made[:, 1].mean().item() - 0.8 * 0.9)
    assert error < (0.05 if times > 1 else 0.3)
    if times > 1:
        assert made[:, 1].std() == pytest.approx(0.6, rel=0.1)


def test_repeated_levels_go_back_and_forth():
    levels = torch.tensor([3.0, 2.0, 1.0, 0.0])
    assert resampled(levels, 1).tolist() == levels.tolist()
    assert resampled(levels, 2).tolist() == [3, 2, 3, 2, 1, 2, 1, 0]


def test_the_bound_of_gaussian_data_is_their_entropy():
    """With the best estimates, and levels so dense that the gaps between them do not matter."""
    random = torch.Generator().manual_seed(0)
    x = MEAN + STD * torch.randn(1000, 4, 1, 1, generator=random).double()
    x = MEAN + STD * (x - x.mean(0)) / x.std(0)  # their mean surprise is exactly the entropy
    noise = DiscreteNoise(1 / (1 + torch.logspace(-2, 2, 8000, dtype=torch.float64).square()))
    levels = noise.levels(8000)
    smallest = levels[-2].item()
    prior = prior_part(x, levels[0].item())
    between = step_parts(of_gaussian, x, levels, 7999, random)
    # real values have a density: the last part is, on average, the entropy of the exact posterior given x_1
    last = 4 * Normal(0.0, STD * smallest / (STD**2 + smallest**2) ** 0.5).entropy()
    entropy = 4 * Normal(MEAN, STD).entropy()
    assert prior.mean() < 1e-3
    assert (prior + between.sum(1) + last).mean() == pytest.approx(entropy.item(), abs=0.04)


@pytest.mark.parametrize("noise", [LinearNoise(), CosineNoise()])
def test_every_part_of_the_bound_is_what_it_is_for_gaussian_data(noise):
    random = torch.Generator().manual_seed(0)
    x = MEAN + STD * torch.randn(4000, 4, 1, 1, generator=random).double()
    levels = noise.levels(1000)
    now, then = levels[:-2], levels[1:-1]
    error = STD**2 * now**2 / (STD**2 + now**2)
    expected = 4 * 0.5 * (then**-2 - now**-2) * error
    found = step_parts(of_gaussian, x, levels, 999, random).mean(0)
    torch.testing.assert_close(found, expected, rtol=0.1, atol=0)
    assert found.sum() == pytest.approx(expected.sum().item(), rel=0.01)
    t, unit = levels[0].item(), (1 + levels[0] ** 2).rsqrt()
    kl = kl_divergence(Normal(unit * x, unit * t), Normal(torch.zeros(()).double(), 1.0)).flatten(1).sum(1)
    torch.testing.assert_close(prior_part(x, t), kl, rtol=1e-3, atol=1e-9)


def test_few_timesteps_estimate_the_same_bound():
    random = torch.Generator().manual_seed(0)
    x = MEAN + STD * torch.randn(3000, 4, 1, 1, generator=random).double()
    levels = CosineNoise(100).levels(100)
    exact, few = (step_parts(of_gaussian, x, levels, bands, random) for bands in (99, 9))
    torch.testing.assert_close(few.mean(0), exact.mean(0).unflatten(0, (9, 11)).sum(1), rtol=0.08, atol=0.02)


def test_the_probabilities_of_the_levels_of_a_value_are_a_distribution():
    values = torch.linspace(-1, 1, 256, dtype=torch.float64)
    for mean in (-1.3, -0.5, 0.0, 0.999):
        for sigma in (0.003, 0.2, 3.0):
            log_probs = binned_log_prob(values, torch.full_like(values, mean), sigma)
            assert log_probs.logsumexp(0).item() == pytest.approx(0, abs=1e-9)
    half = values[:1] + 1.5  # a middle level, against the normal's own distribution function
    normal = Normal(0.1, 0.2)
    torch.testing.assert_close(
        binned_log_prob(half, torch.full_like(half, 0.1), 0.2), (normal.cdf(half + BIN) - normal.cdf(half - BIN)).log()
    )
    far = binned_log_prob(torch.tensor([0.9]), torch.tensor([-0.9]), 0.005)
    assert -((1.8 - BIN) ** 2) / (2 * 0.005**2) * 1.01 < far.item() < -((1.8 - BIN) ** 2) / (2 * 0.005**2)


def test_the_last_part_is_small_for_images_that_are_certain():
    values = torch.linspace(-1, 1, 256)[torch.randint(256, (5, 1, 4, 4))]
    assert last_part(lambda x, sigma: values, values, 0.001).tolist() == pytest.approx([0] * 5, abs=2e-3)


def test_more_noise_than_there_is_cannot_be_replaced():
    with pytest.raises(GenlabError, match="eta is 1.5; it must be from 0 to 1"):
        ddim(lambda x, sigma: x, torch.randn(2, 1), torch.tensor([2.0, 1.0, 0.0]), eta=1.5)
