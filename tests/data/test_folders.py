"""Any folder of images."""

from pathlib import Path

import pytest
import torch

import genlab
from genlab.data import ImageFolder

from .pictures import write_image, write_images
from .splits import set_up, sizes


def folder(**options):
    return set_up(ImageFolder("photos", **{"image_size": 8, "batch_size": 2, **options}))


def test_a_flat_folder_is_split_by_the_seed():
    write_images(Path("photos"), 20, "png")
    data, same, other = folder(), folder(), folder(seed=1)
    assert sizes(data) == [16, 2, 2]
    assert (data.image_shape, data.num_classes) == ((3, 8, 8), 0)
    assert sorted(torch.cat([data.train_set.rows, data.val_set.rows, data.test_set.rows]).tolist()) == list(range(20))
    assert torch.equal(data.train_set.rows, same.train_set.rows)
    assert not torch.equal(data.train_set.rows, other.train_set.rows)
    assert set(next(iter(data.train_dataloader()))) == {"image"}


def test_subfolders_are_classes_in_alphabetical_order():
    write_images(Path("photos/zebra"), 5)
    write_images(Path("photos/horse/young"), 7)
    write_images(Path("photos/.thumbnails"), 3)
    data = folder(channels=1)
    assert (data.class_names, data.num_classes) == (("horse", "zebra"), 2)
    assert data.image_shape == (1, 8, 8)
    assert sum(sizes(data)) == 12
    labels = torch.cat([part.labels for part in (data.train_set, data.val_set, data.test_set)])
    assert labels.bincount().tolist() == [7, 5]
    assert next(iter(data.train_dataloader()))["label"].dtype == torch.int64


def test_images_beside_subfolders_mean_no_classes():
    write_images(Path("photos"), 5)
    write_images(Path("photos/more"), 5)
    assert folder().num_classes == 0


def test_folders_called_train_and_test_are_the_splits():
    write_images(Path("photos/train/a"), 10)
    write_images(Path("photos/train/b"), 10)
    write_images(Path("photos/test/b"), 3)
    data = folder()
    assert data.class_names == ("a", "b")
    assert sizes(data) == [18, 2, 3]
    assert data.test_set.labels.tolist() == [1, 1, 1]
    write_images(Path("photos/val/a"), 4)
    assert sizes(folder()) == [20, 4, 3]


def test_a_missing_split_is_said():
    write_images(Path("photos/train"), 5)
    with pytest.raises(genlab.GenlabError, match="photos must have images for training and for testing, .* 5 and 0"):
        folder()


def test_an_image_outside_of_the_class_folders_is_said():
    write_images(Path("photos/train/a"), 5)
    write_image(Path("photos/test/1.jpg"))
    with pytest.raises(genlab.GenlabError, match="photos/test/1.jpg lies in none of the class folders a"):
        folder()
    Path("photos/test/1.jpg").rename("photos/1.jpg")
    with pytest.raises(genlab.GenlabError, match="photos/1.jpg lies in none of the class folders a"):
        folder()


def test_missing_empty_and_tiny_folders_are_said():
    with pytest.raises(genlab.GenlabError, match="there is no folder .*photos; give a path"):
        folder()
    Path("photos").mkdir()
    with pytest.raises(genlab.GenlabError, match="photos holds no images"):
        folder()
    write_images(Path("photos"), 2)
    with pytest.raises(genlab.GenlabError, match="photos has 2 images, too few"):
        folder()


def test_a_name_is_looked_for_in_the_folder_of_data_sets():
    write_images(Path("data/photos"), 5)
    data = ImageFolder("photos", data_dir="data")
    assert data.folder == Path("data/photos")
    write_images(Path("photos"), 5)
    assert ImageFolder("photos", data_dir="data").folder == Path("data/photos")
    assert ImageFolder("photos", data_dir="elsewhere").folder == Path("photos")


def test_the_wrong_number_of_channels_is_said(refused):
    write_images(Path("photos"), 5)
    message = refused("fit", "--model", "VAE", "--data", "ImageFolder", "--data.folder=photos", "--data.channels=2")
    assert "channels takes 1, 3, not 2" in message


def test_images_smaller_than_the_crop_are_said():
    write_images(Path("photos"), 5, size=(20, 16))
    assert folder(crop=16).image_shape == (3, 8, 8)
    with pytest.raises(genlab.GenlabError, match=r"5 images .*/0.jpg: 20 x 16 pixels, smaller than the crop of 18"):
        folder(crop=18)


def test_the_cache_lies_where_the_environment_says(monkeypatch):
    monkeypatch.setenv("GENLAB_CACHE_DIR", "elsewhere")
    write_images(Path("photos"), 5)
    folder()
    assert len(list(Path("elsewhere").glob("*/images.npy"))) == 1


def test_a_folder_here_does_not_stand_in_for_a_data_set_of_that_name(data_dir):
    write_images(Path("facades"), 3)
    assert ImageFolder("facades").folder == data_dir / "facades"
    assert ImageFolder("./facades").folder == Path("facades")


@pytest.mark.parametrize("name", ["Train", "valid", "validation", "Testing"])
def test_folders_that_are_almost_called_as_splits_are_said(name):
    write_images(Path("photos/train"), 5)
    write_images(Path(f"photos/{name}"), 5)
    with pytest.raises(genlab.GenlabError, match=f"folders called {name}; call the splits train, val and test"):
        folder()


def test_folders_beside_the_splits_are_left_out_with_a_word():
    for name, count in (("train", 5), ("test", 4), ("extra", 3)):
        write_images(Path(f"photos/{name}"), count)
    with pytest.warns(UserWarning, match="leaving out 3 images of .* are not in train, val or test: extra"):
        assert sizes(folder()) == [4, 1, 4]


@pytest.mark.parametrize("size", [None, (8, 8, 8), "8", 8.0])
def test_a_size_is_one_number_or_two(size):
    write_images(Path("photos"), 5)
    with pytest.raises(genlab.GenlabError, match="one number, or height and width, not"):
        folder(image_size=size)


def test_all_images_unreadable_is_said_even_when_they_may_be_left_out():
    Path("photos").mkdir()
    for i in range(5):
        Path(f"photos/{i}.png").write_text("nothing")
    with pytest.raises(genlab.GenlabError, match="photos has 0 images, too few for training"):
        folder(skip_unreadable=True)


def test_a_link_that_leads_nowhere_is_an_unreadable_image():
    write_images(Path("photos"), 12)
    Path("photos/x.png").symlink_to("nowhere.png")
    with pytest.raises(genlab.GenlabError, match="1 image cannot be used: .*x.png: No such file or directory"):
        folder()
    assert sum(sizes(folder(skip_unreadable=True))) == 12


def test_a_path_object_is_kept_as_text():
    write_images(Path("photos"), 5)
    assert ImageFolder(Path("photos").absolute()).hparams["folder"] == str(Path("photos").absolute())
