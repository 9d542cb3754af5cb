"""Random jitter and mirroring."""

import pytest
import torch

import genlab
from genlab.data.batches.augmentation import Augmentation


def test_half_of_the_images_are_mirrored():
    images = torch.rand(400, 3, 4, 6)
    flipped = Augmentation(flip=True)(images)
    mirrored = (flipped == images.flip(-1)).flatten(1).all(1)
    same = (flipped == images).flatten(1).all(1)
    assert (mirrored ^ same).all()
    assert 140 < mirrored.sum() < 260


def test_jitter_enlarges_and_crops_back_each_image_at_a_place_of_its_own():
    across = torch.linspace(0, 1, 64).expand(64, 64)
    images = torch.stack([across, across.T]).expand(200, 2, 64, 64)
    jittered = Augmentation(enlarge=286 / 256)(images)
    assert jittered.shape == images.shape
    steps = (jittered[:, 0, 0, 1:] - jittered[:, 0, 0, :-1])[:, 8:-8]
    torch.testing.assert_close(steps.mean(1), torch.full((200,), 64 / 72 / 63), rtol=0.05, atol=0)
    for side in jittered[:, 0, 0, 8], jittered[:, 1, 8, 0]:
        assert len((side * 1000).round().unique()) == 9  # the 72 - 64 + 1 positions


def test_nothing_is_changed_unless_asked():
    images = torch.rand(5, 3, 8, 8)
    assert torch.equal(Augmentation()(images), images)


def test_the_same_seed_gives_the_same_images():
    images = torch.rand(5, 3, 8, 8)
    augmentation = Augmentation(flip=True, enlarge=1.5)
    torch.manual_seed(1)
    first = augmentation(images)
    torch.manual_seed(1)
    assert torch.equal(augmentation(images), first)


def test_shrinking_is_refused():
    with pytest.raises(genlab.GenlabError, match="enlarge is 0.9; it must be from 1"):
        Augmentation(enlarge=0.9)
