"""Losses of normal distributions: against torch's, and what means and deviations learn from each."""

import pytest
import torch
from torch.distributions import Normal

import genlab
from genlab.losses import BetaNLL, NormalNLL, OptimalVariance


@pytest.fixture
def given():
    torch.manual_seed(0)
    mean, log_sigma = torch.rand(3, 2, 4, 5).double(), torch.randn(3, 2, 4, 5).double() - 1
    return mean.requires_grad_(), log_sigma.requires_grad_(), torch.rand(3, 2, 4, 5).double()


def test_the_likelihood_is_torchs(given):
    mean, log_sigma, target = given
    expected = -Normal(mean, log_sigma.exp()).log_prob(target).flatten(1).sum(1)
    torch.testing.assert_close(NormalNLL()(*given), expected)
    torch.testing.assert_close(BetaNLL(beta=0)(*given), expected)


def test_with_beta_1_means_learn_as_from_the_squared_error_and_deviations_no_more_where_they_are_right(given):
    mean, log_sigma, target = given
    of_mean, _ = torch.autograd.grad(BetaNLL(beta=1)(*given).sum(), (mean, log_sigma))
    torch.testing.assert_close(of_mean, mean - target)
    right = (target - mean).abs().log().detach().requires_grad_()
    (of_deviation,) = torch.autograd.grad(BetaNLL()(mean, right, target).sum(), right)
    torch.testing.assert_close(of_deviation, torch.zeros_like(right), atol=1e-12, rtol=0)


def test_means_learn_as_under_the_best_variance_of_all_and_deviations_as_by_likelihood(given):
    mean, log_sigma, target = given
    of_mean, of_deviation = torch.autograd.grad(OptimalVariance()(*given).sum(), (mean, log_sigma))
    best = 0.5 * target.numel() * (mean - target).square().mean().log()
    torch.testing.assert_close(of_mean, torch.autograd.grad(best, mean)[0])
    torch.testing.assert_close(of_deviation, torch.autograd.grad(NormalNLL()(*given).sum(), log_sigma)[0])


def test_losses_are_float32_under_autocast(given):
    halves = [value.detach().bfloat16() for value in given]
    with torch.autocast("cpu", torch.bfloat16):
        assert NormalNLL()(*halves).dtype == torch.float32


def test_a_power_out_of_range_is_refused():
    with pytest.raises(genlab.GenlabError, match="beta is 2"):
        BetaNLL(beta=2.0)
