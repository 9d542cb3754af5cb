"""Corruptions that denoising autoencoders have to undo."""

import pytest
import torch

import genlab
from genlab.networks import DroppedPatches, DroppedPixels, ElasticWarp, GaussianNoise

ALL = [GaussianNoise(), DroppedPixels(), DroppedPatches(), ElasticWarp()]


@pytest.mark.parametrize("corruption", ALL)
def test_images_stay_images_and_the_generator_decides(corruption):
    images = torch.rand(4, 3, 28, 20)
    before = images.clone()
    first, same = (corruption(images, torch.Generator().manual_seed(1)) for _ in range(2))
    other = corruption(images, torch.Generator().manual_seed(2))
    assert torch.equal(first, same)
    assert not torch.equal(first, other)
    assert first.shape == images.shape
    assert 0 <= first.min()
    assert first.max() <= 1
    assert torch.equal(images, before)
    torch.manual_seed(0)
    assert not torch.equal(corruption(images), corruption(images))


def test_noise_has_its_standard_deviation():
    grey = torch.full((1, 1, 200, 200), 0.5)
    assert GaussianNoise(0.1)(grey).std().item() == pytest.approx(0.1, rel=0.05)


def test_pixels_are_dropped_in_all_channels_at_the_rate():
    white = torch.ones(2, 3, 100, 100)
    dropped = DroppedPixels(0.3)(white)
    assert (dropped.amin(1) == dropped.amax(1)).all()
    assert dropped.mean().item() == pytest.approx(0.7, abs=0.02)


def test_patches_are_squares():
    white = torch.ones(50, 1, 28, 20)
    dropped = 1 - DroppedPatches(count=1, size=7)(white)
    assert dropped.flatten(1).sum(1).tolist() == [49] * 50
    assert (dropped.amax(2).sum(-1) == 7).all()
    assert (dropped.amax(3).sum(-1) == 7).all()
    assert len(dropped.unique(dim=0)) > 30


def test_codes_of_any_range_are_corrupted_unit_by_unit():
    codes = torch.randn(400, 50, generator=torch.Generator().manual_seed(0)) * 5
    noisy = GaussianNoise(0.3).of_codes(codes)
    assert (noisy - codes).std() == pytest.approx(0.3, rel=0.05)
    dropped = DroppedPixels(0.4).of_codes(codes)
    assert (dropped == 0).float().mean() == pytest.approx(0.4, abs=0.02)
    assert torch.equal(dropped[dropped != 0], codes[dropped != 0])
    maps = torch.ones(8, 5, 6, 6)
    assert 0 < DroppedPixels(0.5).of_codes(maps).std(1).max()  # each unit separately


def test_patches_are_for_images_alone():
    with pytest.raises(genlab.GenlabError, match="DroppedPatches is for images only"):
        DroppedPatches().of_codes(torch.rand(2, 5))


def test_a_warp_moves_smoothly_by_its_strength_and_each_image_by_its_own():
    columns = torch.linspace(0, 1, 64).expand(200, 1, 64, 64)  # a pixel says where it comes from
    warped = ElasticWarp(strength=0.05, points=4)(columns, torch.Generator().manual_seed(0))
    away = (warped - columns)[:, 0]
    corners = away[:, 21, 21]  # at the second point, which lies between two pixels
    assert corners.std().item() == pytest.approx(0.05, rel=0.2)
    assert (away[:, 1:] - away[:, :-1]).abs().max() < 0.05
    assert away[0].std() > 0
    assert not torch.equal(away[0], away[1])
    torch.testing.assert_close(ElasticWarp(strength=0.0)(columns[:2]), columns[:2], atol=1e-5, rtol=0)
