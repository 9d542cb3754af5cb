"""MNIST in torchvision's files."""

import shutil

import torch
import torchvision

import genlab


def mnist(**options):
    data = genlab.MNIST(**options)
    data.prepare_data()
    data.setup()
    return data


def test_the_test_set_is_the_official_one_untouched(data_dir):
    official = torchvision.datasets.MNIST(data_dir, train=False)
    test_set = mnist().test_set
    assert torch.equal(test_set.images[:, 0], official.data)
    assert torch.equal(test_set.labels, official.targets)


def test_validation_is_a_seeded_tenth_of_the_training_images():
    data, same, other = mnist(), mnist(), mnist(seed=1)
    assert (len(data.train_set), len(data.val_set)) == (540, 60)
    assert torch.equal(data.val_set.images, same.val_set.images)
    assert not torch.equal(data.val_set.images, other.val_set.images)
    rows = {image.numpy().tobytes() for image in data.train_set.images}
    assert not rows & {image.numpy().tobytes() for image in data.val_set.images}


def test_a_stage_reads_only_what_it_needs():
    data = genlab.MNIST()
    data.setup("fit")
    assert not hasattr(data, "test_set")


def test_grey_images_by_default():
    batch = next(iter(mnist().train_dataloader()))["image"]
    assert batch.shape == (128, 1, 28, 28)
    assert 0 <= batch.min()
    assert batch.max() <= 1
    assert len(batch.unique()) > 2


def test_dynamic_binarisation_is_new_for_every_training_batch():
    train_set = mnist(binarize="dynamic").train_set
    everything = torch.arange(len(train_set))
    draws = torch.stack([train_set[everything]["image"] for _ in range(60)])
    assert draws.unique().tolist() == [0, 1]
    assert (draws[0] != draws[1]).any()
    grey = train_set.images / 255
    assert (draws.mean(0) - grey).abs().mean() < 0.06  # the mean of 60 draws is within a standard error or two


def test_binarised_evaluation_is_the_same_every_time():
    first, second = mnist(binarize="dynamic"), mnist(binarize="dynamic")
    for name in ("val_dataloader", "test_dataloader"):
        one, two = (next(iter(getattr(data, name)()))["image"] for data in (first, second))
        assert one.unique().tolist() == [0, 1]
        assert torch.equal(one, two)


def test_data_dir_wins_over_the_environment(tmp_path, data_dir):
    shutil.copytree(data_dir, tmp_path / "elsewhere")
    assert genlab.MNIST(str(tmp_path / "elsewhere")).data_dir == tmp_path / "elsewhere"
    assert genlab.MNIST().data_dir == data_dir
