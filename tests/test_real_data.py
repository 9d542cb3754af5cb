"""Real images, if they are available."""

import csv
import subprocess
import sys
from pathlib import Path

import pytest
import torch

import genlab
from genlab.cli import main
from genlab.data import CelebA, FreyFaces, SideBySidePairs

from .conftest import REAL_DATA

pytestmark = pytest.mark.skipif(not REAL_DATA.exists(), reason="needs the development data beside the repository")


@pytest.fixture(scope="module")
def real_data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("real")
    subprocess.run([sys.executable, str(REAL_DATA / "unpack.py"), str(folder)], check=True, capture_output=True)
    return folder


def test_mnist_is_right_side_up_and_labelled(real_data):
    data = genlab.MNIST(str(real_data))
    data.prepare_data()
    data.setup("test")
    assert data.test_set.labels[:10].tolist() == [7, 2, 1, 0, 4, 1, 4, 9, 5, 9]  # the well-known first labels
    sevens = data.test_set.images[data.test_set.labels == 7].float().mean(0)[0]
    width = (sevens > 60).sum(1)
    assert width[8] > 2 * width[18]  # the bar is at the top, the stem below
    assert data.test_set.images.float().mean() / 255 == pytest.approx(0.1325, abs=1e-4)


def test_frey_faces_are_upright_and_neighbours_are_alike(real_data):
    data = FreyFaces(str(real_data), split="time")
    data.prepare_data()
    data.setup()
    film = data.train_set.images[:, 0].float()
    mean = film.mean(0)
    assert mean[8:10, 4:7].mean() < mean[12:15, 4:7].mean()  # an eye is darker than the cheek below it
    assert (film[1:] - film[:-1]).abs().mean() < (film - film[torch.randperm(len(film))]).abs().mean() / 1.5


def test_celebas_faces_fit_their_attributes(real_data, tmp_path, monkeypatch):
    monkeypatch.setenv("GENLAB_CACHE_DIR", str(tmp_path))
    data = CelebA(str(real_data), image_size=32, attributes=["Blond_Hair", "Black_Hair", "Smiling"])
    data.prepare_data()
    data.setup()
    assert [len(part) for part in (data.train_set, data.val_set, data.test_set)] == [5000, 500, 500]
    batch = data.train_set[torch.arange(5000)]
    image, (blond, black, smiling) = batch["image"], batch["attributes"].bool().T
    hair = image[:, :, :4].mean((1, 2, 3))
    assert hair[blond].mean() > hair[black].mean() + 0.1
    skin = image[:, :, 14:24, 10:22].mean((0, 2, 3))
    assert skin[0] > skin[1] > skin[2]  # red, green, blue in this order
    teeth = image[:, :, 25:27, 14:18].mean((1, 2, 3))
    assert teeth[smiling].mean() > teeth[~smiling].mean() + 0.05


def test_facades_have_labels_on_the_right(real_data, tmp_path, monkeypatch):
    monkeypatch.setenv("GENLAB_CACHE_DIR", str(tmp_path))
    data = SideBySidePairs("facades", str(real_data), direction="BtoA", image_size=64)
    data.prepare_data()
    data.setup()
    assert [len(part) for part in (data.train_set, data.val_set, data.test_set)] == [360, 40, 106]
    pairs = data.test_set[torch.arange(106)]
    saturation = {name: (images.amax(1) - images.amin(1)).mean() for name, images in pairs.items()}
    assert saturation["source"] > 0.8  # labels have plain colours
    assert saturation["target"] < 0.3


def test_a_vae_learns_mnist_in_two_epochs(real_data, monkeypatch):
    monkeypatch.setenv("GENLAB_DATA_DIR", str(real_data))
    main(["fit", "--config", "vae_mnist.yaml", "--trainer.max_epochs=2"])
    with Path("runs/vae_mnist/0/metrics.csv").open() as file:
        elbos = [float(row["val/elbo"]) for row in csv.DictReader(file) if row["val/elbo"]]
    torch.set_flush_denormal(False)
    assert elbos[1] > elbos[0]
    assert elbos[1] > -175  # it starts at -544, the entropy of 784 coins
