"""Codes that are computed once."""

import torch

from genlab.models.code_cache import CodeCache


def test_every_image_is_computed_once():
    images, computed = torch.rand(10, 1, 2, 2), []

    def compute(new):
        computed.append(len(new))
        return new.flatten(1) * 2

    cache = CodeCache(10)
    for index in ([3, 1], [0, 9], [9, 3, 1], [1, 2, 4], [2, 0]):
        torch.testing.assert_close(
            cache.codes(images[index], torch.tensor(index), compute), images[index].flatten(1) * 2
        )
    assert computed == [2, 2, 2]
