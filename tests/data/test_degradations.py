"""What degradations remove, and what they leave."""

import pytest
import torch

from genlab.data import Edges, Greyscale, Half, LowResolution, MaskedCentre

ALL = [Edges(), Greyscale(), MaskedCentre(), Half(), LowResolution()]


@pytest.mark.parametrize("degradation", ALL, ids=repr)
@pytest.mark.parametrize("shape", [(3, 64, 64), (1, 28, 20), (1, 28, 28), (3, 9, 7)])
def test_values_and_shapes(degradation, shape):
    images = torch.rand(2, *shape)
    before = images.clone()
    degraded = degradation(images)
    assert degraded.shape == (2, *degradation.shape(shape))
    assert degraded.shape[-2:] == images.shape[-2:]
    assert 0 <= degraded.min()
    assert degraded.max() <= 1
    assert torch.equal(images, before)


def test_greyscale_is_luminance():
    pixel = torch.tensor([0.2, 0.5, 0.9]).view(1, 3, 1, 1)
    assert Greyscale()(pixel).item() == pytest.approx(0.299 * 0.2 + 0.587 * 0.5 + 0.114 * 0.9, abs=1e-3)
    grey = torch.rand(2, 1, 4, 4)
    assert torch.equal(Greyscale()(grey), grey)


def test_edges_are_white_where_the_brightness_steps():
    images = torch.zeros(1, 1, 6, 8)
    images[..., 4:] = 0.5
    edges = Edges(gain=1)(images)
    torch.testing.assert_close(edges[0, 0, :, 3:5], torch.full((6, 2), 0.5))
    assert not edges[..., :3].any()
    assert not edges[..., 5:].any()
    assert Edges(gain=4)(images).max() == 1
    torch.testing.assert_close(Edges(gain=1)(images.transpose(2, 3)), edges.transpose(2, 3))


@pytest.mark.parametrize(
    ("keep", "kept"),
    [("left", (..., slice(3))), ("right", (..., slice(4, None))), ("top", (..., slice(2), slice(None)))],
)
def test_half_keeps_its_half(keep, kept):
    images = torch.rand(2, 3, 5, 7)
    degraded = Half(keep)(images)
    assert torch.equal(degraded[kept], images[kept])
    lost = (degraded != images).sum()
    assert 0.4 < lost / images.numel() < 0.65


def test_the_masked_centre_is_a_box_in_the_middle():
    degraded = MaskedCentre(0.5)(torch.zeros(1, 1, 28, 20))
    assert (degraded[..., 7:21, 5:15] == 0.5).all()
    assert degraded.sum() == 0.5 * 14 * 10


def test_low_resolution_is_the_mean_of_squares():
    images = torch.rand(1, 1, 6, 5)
    degraded = LowResolution(4)(images)
    assert torch.allclose(degraded[..., :4, :4], images[..., :4, :4].mean())
    assert torch.allclose(degraded[..., 4:, 4], images[..., 4:, 4].mean())
