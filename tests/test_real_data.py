"""On the real MNIST images, where they are."""

import csv
import subprocess
import sys
from pathlib import Path

import pytest
import torch

import genlab
from genlab.cli import main

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
    assert data.test_set.labels[:10].tolist() == [7, 2, 1, 0, 4, 1, 4, 9, 5, 9]  # as everybody knows them
    sevens = data.test_set.images[data.test_set.labels == 7].float().mean(0)[0]
    width = (sevens > 60).sum(1)
    assert width[8] > 2 * width[18]  # the bar is at the top, the stem below
    assert data.test_set.images.float().mean() / 255 == pytest.approx(0.1325, abs=1e-4)


def test_a_vae_learns_mnist_in_two_epochs(real_data, monkeypatch):
    monkeypatch.setenv("GENLAB_DATA_DIR", str(real_data))
    main(["fit", "--config", "vae_mnist.yaml", "--trainer.max_epochs=2"])
    with Path("runs/vae_mnist/0/metrics.csv").open() as file:
        elbos = [float(row["val/elbo"]) for row in csv.DictReader(file) if row["val/elbo"]]
    torch.set_flush_denormal(False)
    assert elbos[1] > elbos[0]
    assert elbos[1] > -175  # it starts at -544, the entropy of 784 coins
