"""Aligned pairs: side by side, in two folders, and made by a degradation."""

from pathlib import Path

import pytest
import torch
from PIL import Image

import genlab
from genlab.data import DegradedPairs, Digits, Edges, FolderPairs, Half, SideBySidePairs

from .pictures import write_image, write_images
from .splits import set_up, sizes


@pytest.fixture
def side_by_side(working_folder):
    """Red on the left, blue on the right, with a bar at the top of both."""
    for split, count in (("train", 20), ("test", 4)):
        for i in range(count):
            pair = Image.new("RGB", (32, 16), "red")
            pair.paste("blue", (16, 0, 32, 16))
            pair.paste("white", (0, 0, 32, 4))
            path = Path("pairs") / split / f"{i}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            pair.save(path)


RED, BLUE = [1, 0, 0], [0, 0, 1]


@pytest.mark.parametrize(("direction", "source", "target"), [("AtoB", RED, BLUE), ("BtoA", BLUE, RED)])
def test_the_direction_says_which_half_is_the_source(side_by_side, direction, source, target):
    data = set_up(SideBySidePairs("pairs", direction=direction, image_size=16, batch_size=2))
    assert sizes(data) == [18, 2, 4]
    assert data.image_shape == data.source_shape == (3, 16, 16)
    batch = next(iter(data.test_dataloader()))
    assert batch["source"].shape == batch["target"].shape == (2, 3, 16, 16)
    assert batch["source"][0, :, 10, 10].tolist() == source
    assert batch["target"][0, :, 10, 10].tolist() == target
    assert batch["target"][0, :, 2, 2].tolist() == [1, 1, 1]


@pytest.mark.parametrize("folder", ["pairs/train", "pairs", "pairs/pairs/train", "pairs/test"])
def test_without_the_splits_it_is_said(folder):
    write_images(Path(folder), 5)
    with pytest.raises(
        genlab.GenlabError, match="pairs must have images for training and for testing, in folders called"
    ):
        set_up(SideBySidePairs("pairs"))


def test_validation_pairs_are_for_testing_where_there_are_none():
    write_images(Path("pairs/train"), 20)
    write_images(Path("pairs/val"), 3)
    assert sizes(set_up(SideBySidePairs("pairs", image_size=8))) == [18, 2, 3]


def test_unreadable_images_of_both_folders_are_named_together():
    write_images(Path("photos"), 6)
    write_images(Path("labels"), 6)
    Path("photos/1.jpg").write_text("no")
    Path("labels/4.jpg").write_text("no")
    with pytest.raises(genlab.GenlabError, match="2 images .* photos/1.jpg: not an image; labels/4.jpg: not an image"):
        set_up(FolderPairs("photos", "labels"))
    assert sizes(set_up(FolderPairs("photos", "labels", skip_unreadable=True))) == [2, 1, 1]


def test_pairs_are_augmented_together():
    for i in range(5):
        half = Image.open(write_image(Path("half.png"), seed=i, size=(16, 16)))
        pair = Image.new("RGB", (32, 16))
        pair.paste(half, (0, 0))
        pair.paste(half, (16, 0))
        for split in ("train", "val"):
            Path("pairs", split).mkdir(parents=True, exist_ok=True)
            pair.save(f"pairs/{split}/{i}.png")
    data = set_up(SideBySidePairs("pairs", image_size=16, enlarge=1.25))
    index = torch.zeros(100, dtype=torch.long)
    batch = data.train_set[index]
    assert torch.equal(batch["source"], batch["target"])
    assert len(batch["source"].unique(dim=0)) > 20
    assert len(data.val_set[index]["source"].unique(dim=0)) == 1


def test_two_folders_are_matched_by_name():
    for i in range(10):
        write_image(Path(f"photos/{i}.png"), seed=i)
        write_image(Path(f"labels/{i}.jpg"), seed=i)
    data = set_up(FolderPairs("photos", "labels", image_size=8, flip=False, enlarge=1))
    assert sizes(data) == [8, 1, 1]
    batch = data.train_set[torch.arange(8)]
    assert (batch["source"] - batch["target"]).abs().mean() < 0.03  # up to JPEG artefacts
    assert (batch["source"] - batch["target"].roll(1, 0)).abs().mean() > 0.1
    Path("labels/3.jpg").unlink()
    write_image(Path("labels/x.jpg"))
    with pytest.raises(genlab.GenlabError, match="2 images in photos or labels have no partner .*: 3, x"):
        set_up(FolderPairs("photos", "labels"))


def test_two_folders_with_splits():
    for split, count in (("train", 20), ("val", 3), ("test", 2)):
        write_images(Path("photos") / split, count)
        write_images(Path("labels") / split, count, "png")
    assert sizes(set_up(FolderPairs("photos", "labels", image_size=8))) == [20, 3, 2]


def test_any_images_can_be_degraded():
    data = set_up(DegradedPairs(Digits(batch_size=10), Half("top")))
    assert sizes(data) == [1437, 180, 180]
    assert data.source_shape == data.image_shape == (1, 8, 8)
    batch = next(iter(data.train_dataloader()))
    assert torch.equal(batch["source"][:, :, :4], batch["target"][:, :, :4])
    assert (batch["source"][:, :, 4:] == 0.5).all()
    assert data.batch_size == 10


def test_a_degraded_shape_is_known_before_any_file_is_read():
    data = DegradedPairs(genlab.data.CelebA("nowhere", image_size=32), Edges())
    assert (data.source_shape, data.image_shape) == ((1, 32, 32), (3, 32, 32))


def test_a_stage_opens_what_the_data_open():
    data = DegradedPairs(genlab.MNIST(), Edges())
    data.setup("fit")
    assert hasattr(data, "train_set")
    assert not hasattr(data, "test_set")


def test_pairs_of_other_proportions_would_not_be_aligned():
    write_images(Path("a"), 4, size=(40, 20))
    write_images(Path("b"), 4, size=(20, 20))
    with pytest.raises(genlab.GenlabError, match=r"0.jpg has 40 x 20 pixels, its partner in b has 20 x 20"):
        set_up(FolderPairs("a", "b", image_size=8))
    write_images(Path("b"), 4, size=(80, 40))
    set_up(FolderPairs("a", "b", image_size=8))


def test_two_images_of_one_name_are_not_guessed_between():
    write_images(Path("a"), 4)
    write_images(Path("b"), 4)
    write_images(Path("b"), 1, "png")
    with pytest.raises(genlab.GenlabError, match="b has both 0.jpg and 0.png"):
        set_up(FolderPairs("a", "b", image_size=8))


def test_a_direction_that_there_is_not_is_said():
    with pytest.raises(genlab.GenlabError, match="no direction BtoC"):
        SideBySidePairs("facades", direction="BtoC")
