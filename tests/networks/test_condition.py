"""Conditions as numbers."""

import pytest
import torch

from genlab.networks.condition import embedding


@pytest.mark.parametrize(
    "conditions",
    [torch.randint(0, 7, (2000,)), torch.rand(2000, 7).round()],
    ids=["labels", "attributes"],
)
def test_conditions_are_as_loud_as_codes_and_tell_each_other_apart(conditions):
    torch.manual_seed(0)
    numbers = embedding(7 * (conditions.ndim == 1), 7, 64)(conditions)
    assert numbers.shape == (2000, 64)
    assert 0.7 < numbers.square().mean() < 1.3
    distinct = conditions.unique(dim=0)
    assert len(numbers.detach().unique(dim=0)) == len(distinct) >= 7
