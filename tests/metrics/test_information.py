"""Mutual information and perplexity against closed forms."""

import math

import pytest
import torch

from genlab.metrics import Perplexity, mutual_information


def test_the_mutual_information_of_a_gaussian_channel_is_that_of_its_capacity():
    random = torch.Generator().manual_seed(0)
    mean = 2 * torch.randn(3000, 2, generator=random)
    found = mutual_information(mean, torch.zeros(3000, 2), random)
    assert found.item() == pytest.approx(math.log(1 + 4), abs=0.06)  # half of it for each of two units


def test_codes_that_are_all_alike_say_nothing_and_codes_far_apart_say_which_one_it_is(monkeypatch):
    assert mutual_information(torch.ones(50, 3), torch.ones(50, 3)).item() == pytest.approx(0, abs=1e-5)
    means, random = 100 * torch.arange(50.0)[:, None], torch.Generator
    whole = mutual_information(means, torch.zeros(50, 1), random().manual_seed(0))
    assert whole.item() == pytest.approx(math.log(50), abs=1e-4)
    monkeypatch.setitem(mutual_information.__globals__, "AT_ONCE", 1)
    assert mutual_information(means, torch.zeros(50, 1), random().manual_seed(0)).item() == pytest.approx(whole.item())


def test_perplexity_is_the_inverse_geometric_mean_of_the_probabilities_of_words():
    perplexity = Perplexity()
    for chances, tokens in (((0.5, 0.1), [[4, 3, 0]]), ((0.2,), [[3, 0, 0]])):
        perplexity.update(-torch.tensor(chances).log().sum(), torch.tensor(tokens))
    assert perplexity.compute().item() == pytest.approx((0.5 * 0.1 * 0.2) ** (-1 / 3))
