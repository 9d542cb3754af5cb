"""Validation leaves no trace in training."""

from functools import partial

import pytest
import torch
from lightning.pytorch import Callback, Trainer, seed_everything

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


@pytest.mark.parametrize("name", MODELS)
def test_metrics_of_the_same_weights_are_the_same_in_every_epoch(name):
    class Metrics(Callback):
        def __init__(self):
            self.epochs = []

        def on_validation_end(self, trainer, model):
            self.epochs.append({name: float(value) for name, value in trainer.callback_metrics.items()})

    seed_everything(0)
    metrics, model = Metrics(), MODELS[name]().requires_grad_(False)
    model.training_step = lambda batch, batch_idx: None  # weights stay; batches are drawn anew
    quiet = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False, "num_sanity_val_steps": 0}
    Trainer(max_epochs=2, limit_train_batches=2, callbacks=[metrics], **quiet).fit(model, genlab.Digits())
    assert metrics.epochs[0] == metrics.epochs[1] != {}
