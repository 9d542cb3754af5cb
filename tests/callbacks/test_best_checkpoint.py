"""The best checkpoint is that of the metric which a model declares, or which a user names."""

import pytest
from lightning.pytorch import Trainer

import genlab
from genlab.callbacks import BestCheckpoint


class ByKL(genlab.VAE):
    """A VAE whose best checkpoint is that of the smallest KL divergence."""

    monitor = "val/kl"


@pytest.mark.parametrize(
    ("family", "named", "monitor", "kept"),
    [
        (genlab.VAE, "val/loss", "val/loss", 1),
        (ByKL, "val/loss", "val/kl", 1),
        (ByKL, "val/elbo", "val/elbo", 1),
        (genlab.GAN, "val/loss", "val/loss", 0),
        (genlab.GAN, "val/diversity", "val/diversity", 1),
    ],
)
def test_a_model_declares_its_metric(family, named, monitor, kept, working_folder):
    best = BestCheckpoint(working_folder, monitor=named)
    best.setup(Trainer(logger=False), family((1, 8, 8)), "fit")
    assert (best.monitor, best.save_top_k) == (monitor, kept)
