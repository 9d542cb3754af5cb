"""Conditions as numbers."""

import pytest
import torch

import genlab
from genlab.conditions import Attributes, Labels
from genlab.networks import MLPDecoder
from genlab.networks.condition import ConditionalGenerator

NAMES = tuple("abcdefg")


@pytest.mark.parametrize(
    ("kind", "conditions"),
    [(Labels(NAMES), torch.randint(0, 7, (2000,))), (Attributes(NAMES), torch.rand(2000, 7).round())],
    ids=["labels", "attributes"],
)
def test_conditions_are_as_loud_as_codes_and_tell_each_other_apart(kind, conditions):
    torch.manual_seed(0)
    numbers = kind.embedding(64)(conditions)
    assert numbers.shape == (2000, 64)
    assert 0.7 < numbers.square().mean() < 1.3
    distinct = conditions.unique(dim=0)
    assert len(numbers.detach().unique(dim=0)) == len(distinct) >= 7


def test_a_code_is_not_drowned_by_its_condition():
    """If conditions are louder than codes, trained generators draw only one image for each class."""
    torch.manual_seed(0)
    generator = ConditionalGenerator(MLPDecoder, (1, 8, 8), 16, Labels(tuple("0123456789")).embedding(64), 64)
    images = generator(torch.randn(2000, 16), torch.arange(2000) % 10).detach()
    within_classes = torch.stack([images[label::10].var(0) for label in range(10)]).mean()
    assert within_classes > 0.8 * images.var(0).mean()


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_attributes_are_seen_in_the_precision_of_the_weights(dtype):
    model = genlab.CGAN((1, 8, 8), attribute_names=["a", "b"], code_size=4).to(dtype).eval()
    assert model.given([[1, 0]]).sample(2, seed=0).isfinite().all()
