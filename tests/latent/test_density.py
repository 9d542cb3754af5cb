"""Densities of codes."""

import numpy as np
import pytest
import torch

from genlab.latent import CodeDensity


def two_blobs(n: int = 4000) -> torch.Tensor:
    """Half the codes near (-4, 0), narrow, half near (4, 1), wide in one direction."""
    random = torch.Generator().manual_seed(0)
    noise = torch.randn(n, 2, generator=random)
    left = torch.arange(n) % 2 == 0
    return torch.where(
        left[:, None], torch.tensor([-4.0, 0]) + 0.3 * noise, torch.tensor([4.0, 1]) + noise * torch.tensor([1.0, 0.2])
    )


@pytest.mark.parametrize("components", [1, 2])
def test_samples_have_the_moments_of_the_codes(components):
    codes = two_blobs()
    samples = CodeDensity.fitted(codes, components).sample(20_000, torch.Generator().manual_seed(1))
    torch.testing.assert_close(samples.mean(0), codes.mean(0), atol=0.1, rtol=0)
    torch.testing.assert_close(samples.T.cov(), codes.T.cov(), atol=0.1, rtol=0.02)


def test_a_mixture_leaves_the_gap_between_groups_empty():
    samples = [CodeDensity.fitted(two_blobs(), k).sample(5000, torch.Generator().manual_seed(1)) for k in (1, 2)]
    in_gap = [((s[:, 0] > -2.5) & (s[:, 0] < 0.5)).float().mean() for s in samples]
    assert in_gap[0] > 0.2
    assert in_gap[1] < 0.01


def test_the_seed_decides():
    density = CodeDensity.fitted(two_blobs(), 2)
    one, same, other = (density.sample(5, torch.Generator().manual_seed(seed)) for seed in (1, 1, 2))
    assert torch.equal(one, same)
    assert not torch.equal(one, other)


def test_codes_that_do_not_fill_their_space_are_no_problem():
    line = torch.arange(50.0)[:, None].expand(-1, 3)
    for components in (1, 3):
        assert CodeDensity.fitted(line, components).sample(10).isfinite().all()


def test_it_is_kept_as_plain_arrays(tmp_path):
    density = CodeDensity.fitted(two_blobs(), 2)
    density.save(tmp_path / "density.npz")
    with np.load(tmp_path / "density.npz", allow_pickle=False) as arrays:
        assert {name: array.shape for name, array in arrays.items()} == {
            "weights": (2,),
            "means": (2, 2),
            "covariances": (2, 2, 2),
        }
    again = CodeDensity.load(tmp_path / "density.npz")
    random = [torch.Generator().manual_seed(0) for _ in range(2)]
    assert torch.equal(again.sample(9, random[0]), density.sample(9, random[1]))
