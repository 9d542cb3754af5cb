"""Densities of codes."""

import os

import numpy as np
import pytest
import torch

from genlab.errors import GenlabError
from genlab.latent import CodeDensity


def two_blobs(n: int = 4000) -> torch.Tensor:
    """Draw half the codes near (-4, 0), narrow, and half near (4, 1), wide in one direction."""
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


def test_nearly_singular_covariances_are_sampled_from_exactly():
    """Their rank is 1 in three dimensions, up to float32 rounding: some are not positive definite."""
    axis = torch.tensor([3.0, 0.1, -2.0])
    for scale in (1e-3, 1.0, 1e4):
        covariance = (scale * axis[:, None] * axis[None])[None]
        density = CodeDensity(torch.ones(1), torch.zeros(1, 3), covariance)
        samples = density.sample(20_000, torch.Generator().manual_seed(0))
        assert samples.dtype == torch.float32
        torch.testing.assert_close(samples.T.cov() / scale, covariance[0] / scale, atol=0.15, rtol=0.03)


def test_codes_of_very_different_scales_are_no_problem():
    codes = torch.randn(500, 64, generator=torch.Generator().manual_seed(0)) * torch.logspace(0, -6, 64)
    mixed = codes @ torch.linalg.qr(torch.randn(64, 64, generator=torch.Generator().manual_seed(1))).Q
    assert CodeDensity.fitted(mixed, 2).sample(100).isfinite().all()


PARTS = {"weights": np.ones(2) / 2, "means": np.zeros((2, 3)), "covariances": np.stack([np.eye(3)] * 2)}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"weights": np.ones(2)}, "weights are not positive with a sum of 1"),
        ({"weights": np.array([1.5, -0.5])}, "weights are not positive"),
        ({"weights": np.ones(3) / 3}, r"weights are of shape \(3,\), not \(2,\)"),
        ({"means": np.full((2, 3), np.nan)}, "means are not all finite floats"),
        ({"means": np.zeros((2, 3), int)}, "means are not all finite floats"),
        ({"means": np.zeros(3)}, r"means are of shape \(3,\), not \(components, dimensions\)"),
        ({"means": np.zeros((0, 3))}, r"means are of shape \(0, 3\)"),
        ({"means": np.array(["a"])}, "missing, damaged, or not a density"),
        ({"means": np.array([{}], object)}, "missing, damaged, or not a density"),
        ({"covariances": np.eye(3)}, r"covariances are of shape \(3, 3\), not \(2, 3, 3\)"),
        ({"covariances": -PARTS["covariances"]}, "covariances are not positive definite"),
        ({"covariances": PARTS["covariances"] + np.triu(np.ones((3, 3)), 1)}, "covariances are not symmetric"),
        ({"covariances": np.full((2, 3, 3), np.inf)}, "covariances are not all finite floats"),
    ],
)
def test_odd_arrays_are_refused_in_one_line(change, message, tmp_path):
    np.savez(tmp_path / "density.npz", **PARTS | change)
    with pytest.raises(GenlabError, match=message) as error:
        CodeDensity.load(tmp_path / "density.npz")
    assert "\n" not in str(error.value)


def test_odd_files_are_refused_in_one_line(tmp_path):
    path = tmp_path / "density.npz"
    CodeDensity.fitted(two_blobs(100)).save(path)
    whole = path.read_bytes()
    flipped = bytearray(whole)
    flipped[len(whole) // 3] ^= 255
    for content in (b"", b"no archive", whole[: len(whole) // 2], bytes(flipped), whole[:-3]):
        path.write_bytes(content)
        with pytest.raises(GenlabError, match=r"density.npz (is damaged|cannot be read|holds no valid density)"):
            CodeDensity.load(path)
    np.save(path.open("wb"), np.zeros(3))
    with pytest.raises(GenlabError, match="cannot be read"):
        CodeDensity.load(path)
    os.mkfifo(tmp_path / "pipe.npz")
    for odd in (tmp_path, tmp_path / "pipe.npz"):
        with pytest.raises(GenlabError, match="cannot be read"):
            CodeDensity.load(odd)


def test_it_is_kept_as_plain_arrays(tmp_path):
    density = CodeDensity.fitted(two_blobs(), 2, fitted_to="these blobs")
    density.save(tmp_path / "density.npz")
    with np.load(tmp_path / "density.npz", allow_pickle=False) as arrays:
        assert {name: array.shape for name, array in arrays.items()} == {
            "weights": (2,),
            "means": (2, 2),
            "covariances": (2, 2, 2),
            "fitted_to": (),
        }
    again = CodeDensity.load(tmp_path / "density.npz")
    assert again.fitted_to == "these blobs"
    random = [torch.Generator().manual_seed(0) for _ in range(2)]
    assert torch.equal(again.sample(9, random[0]), density.sample(9, random[1]))
