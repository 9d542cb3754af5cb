"""MNIST in torchvision's files."""

import gzip
import shutil
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import torch
import torchvision
from PIL import Image

import genlab
from genlab.data.files.framing import Framing


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


def test_fixed_binarisation_has_grey_values_as_probabilities():
    drawn, grey = (mnist(binarize=kind).train_set.images / 255 for kind in ("fixed", "none"))
    for low in (0.1, 0.7):
        shades = (grey > low) & (grey < low + 0.1)
        assert drawn[shades].mean().item() == pytest.approx(grey[shades].mean().item(), abs=0.01)


def test_binarised_evaluation_is_the_same_every_time():
    first, second = mnist(binarize="dynamic"), mnist(binarize="dynamic")
    for name in ("val_dataloader", "test_dataloader"):
        one, two = (next(iter(getattr(data, name)()))["image"] for data in (first, second))
        assert one.unique().tolist() == [0, 1]
        assert torch.equal(one, two)


@pytest.fixture
def copy(data_dir):
    """A copy of the tiny MNIST to damage."""
    shutil.copytree(data_dir / "MNIST", Path("copy/MNIST"))
    return Path("copy/MNIST/raw")


def test_compressed_files_are_read_as_they_are(copy):
    expected = mnist()
    for path in list(copy.iterdir()):
        path.with_name(f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes()))
        path.unlink()
    data = mnist(data_dir="copy")
    assert torch.equal(data.train_set.images, expected.train_set.images)
    assert torch.equal(data.test_set.labels, expected.test_set.labels)


def cut(content):
    return content[:1000]


def other_magic(content):
    return b"\x00\x00\x0d" + content[3:]


def other_size(content):
    return content[:4] + b"\x00\x00\xff\xff" + content[8:]


def nothing(content):
    return b""


def a_page(content):
    return b"<html>" * 10


@pytest.mark.parametrize("damage", [cut, other_magic, other_size, nothing, a_page])
@pytest.mark.parametrize("ending", ["", ".gz"])
def test_a_corrupt_file_is_said(copy, damage, ending):
    path = copy / "train-images-idx3-ubyte"
    broken = damage(path.read_bytes())
    path.unlink()
    path.with_name(path.name + ending).write_bytes(broken)
    with pytest.raises(
        genlab.GenlabError, match=rf"train-images-idx3-ubyte{ending} .*; delete it to have it downloaded"
    ):
        mnist(data_dir="copy")


def test_files_that_do_not_fit_each_other_are_said(copy):
    shutil.copy(copy / "t10k-labels-idx1-ubyte", copy / "train-labels-idx1-ubyte")
    with pytest.raises(genlab.GenlabError, match=r"do not match each other .*images \(600, 28, 28\), labels \(100,\)"):
        mnist(data_dir="copy")


def test_missing_files_are_said():
    with pytest.raises(genlab.GenlabError, match="there is no nowhere/MNIST/raw/.*`genlab data prepare mnist`"):
        genlab.MNIST("nowhere").setup()


def test_data_dir_wins_over_the_environment(tmp_path, data_dir):
    shutil.copytree(data_dir, tmp_path / "elsewhere")
    assert genlab.MNIST(str(tmp_path / "elsewhere")).data_dir == tmp_path / "elsewhere"
    assert genlab.MNIST().data_dir == data_dir


def test_no_more_is_unpacked_than_the_header_says(copy):
    path = copy / "train-labels-idx1-ubyte"
    content = path.read_bytes()
    path.unlink()
    with gzip.open(path.with_name(f"{path.name}.gz"), "wb") as file:
        file.write(content + bytes(500_000_000))
    tracemalloc.start()
    with pytest.raises(genlab.GenlabError, match="train-labels-idx1-ubyte.gz is not an IDX file of bytes"):
        mnist(data_dir="copy")
    assert tracemalloc.get_traced_memory()[1] < 50_000_000
    tracemalloc.stop()


def test_no_header_makes_more_be_read_than_any_such_file_has(copy, monkeypatch):
    monkeypatch.setattr("genlab.data.mnist.LARGEST", 1000)
    with pytest.raises(genlab.GenlabError, match="train-images-idx3-ubyte is not an IDX file of bytes"):
        mnist(data_dir="copy")


def test_another_size_is_a_bicubic_resize_as_pillows():
    native = mnist().test_set.images
    for size, shape in ((32, (32, 32)), ((14, 28), (14, 28))):
        data = mnist(image_size=size)
        assert data.image_shape == (1, *shape)
        assert data.test_set.images.shape == (100, 1, *shape)
        box = Framing((1, *shape)).box(28, 28)
        for ours, image in zip(data.test_set.images[:3, 0], native[:3, 0], strict=True):
            pillows = Image.fromarray(image.numpy()).resize(shape[::-1], Image.Resampling.BICUBIC, box=box)
            np.testing.assert_allclose(ours, pillows, atol=1)
    assert torch.equal(mnist(image_size=28).test_set.images, native)
    assert mnist(image_size=32, binarize="dynamic").val_set.images.unique().tolist() == [0, 255]


def test_images_may_be_binarised_once_each_split_by_the_seed():
    one, other, another = (genlab.MNIST(binarize="fixed", seed=seed) for seed in (0, 0, 1))
    for data in (one, other, another):
        data.setup("fit")
    first = one.train_set[torch.arange(20)]["image"]
    assert set(first.unique().tolist()) == {0.0, 1.0}
    assert torch.equal(first, one.train_set[torch.arange(20)]["image"])
    assert torch.equal(one.train_set.images, other.train_set.images)
    assert not torch.equal(one.train_set.images, another.train_set.images)
    assert "index" in one.train_set.batch(torch.arange(2))
