"""Validation leaves no trace in training."""

from functools import partial

import pytest
import torch
from lightning.pytorch import Trainer, seed_everything

import genlab
from genlab.networks import MLPDecoder, MLPDiscriminator

MODELS = {
    "vae": lambda: genlab.VAE((1, 8, 8), 4),
    "cvae": lambda: genlab.CVAE((1, 8, 8), 10, code_size=4),
    "gan": lambda: genlab.GAN((1, 8, 8), 4, MLPDecoder, partial(MLPDiscriminator, hidden=(16,))),
}


@pytest.mark.parametrize("name", MODELS)
def test_weights_do_not_depend_on_whether_or_when_there_is_one(name):
    def trained(**options) -> dict[str, torch.Tensor]:
        seed_everything(0)
        model = MODELS[name]()
        quiet = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False}
        Trainer(max_epochs=2, limit_train_batches=6, **quiet, **options).fit(model, genlab.Digits())
        return model.state_dict()

    without = trained(limit_val_batches=0)
    for often in (trained(), trained(val_check_interval=2)):
        assert all(torch.equal(often[key], value) for key, value in without.items())
