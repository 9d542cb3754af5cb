"""Codes that are computed once."""

import torch
from torch import nn

from genlab.models.shared.code_cache import CodeCache


def test_every_image_is_computed_once():
    images, computed = torch.rand(10, 1, 2, 2), []

    def compute(new):
        computed.append(len(new.unique(dim=0)))
        return new.flatten(1) * 2

    cache = CodeCache(10)
    for index in ([3, 1], [0, 9], [9, 3, 1], [1, 2, 4], [2, 0]):
        torch.testing.assert_close(
            cache.codes(images[index], torch.tensor(index), compute), images[index].flatten(1) * 2
        )
    assert computed == [2, 2, 2]


@torch.no_grad()
def test_codes_are_the_same_bit_for_bit_whichever_are_computed_together():
    network, images = nn.Linear(784, 500), torch.rand(90, 784)
    whole, parts = CodeCache(90), CodeCache(90)
    expected = whole.codes(images, torch.arange(90), network)
    for part in torch.randperm(90).split([1, 2, 3, 4, 5, 10, 65]):
        assert torch.equal(parts.codes(images[part], part, network), expected[part])
    assert not torch.equal(network(images[:1]), expected[:1])  # without the cache they differ
