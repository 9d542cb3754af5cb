"""What training keeps in memory does not grow with its length."""

import gc
from dataclasses import replace

import pytest
import torch
from lightning.pytorch import Callback, Trainer
from lightning.pytorch.loggers import TensorBoardLogger

import genlab
from genlab.callbacks import Pictures
from genlab.capabilities import SamplesInSteps, can_given
from genlab.data import DegradedPairs, DomainsFromPairs, Edges
from genlab.loggers import MetricsFile

from .test_precision import FAMILIES, TRANSLATORS

EPOCHS, SETTLED = 12, 4
BUILDERS = FAMILIES | {name: build for name, (build, _) in TRANSLATORS.items()}


class Census(Callback):
    """Counts the live objects at the end of each epoch."""

    def __init__(self) -> None:
        self.tensors: list[int] = []
        self.objects: list[int] = []

    def on_train_epoch_start(self, trainer, model):
        gc.collect()
        alive = gc.get_objects()
        self.tensors.append(sum(issubclass(type(thing), torch.Tensor) for thing in alive))
        self.objects.append(len(alive))


@pytest.fixture
def young():
    """Keep the garbage collector from scanning existing objects, which would take most of the time."""
    gc.collect()
    gc.freeze()


@pytest.mark.usefixtures("young")
@pytest.mark.parametrize("family", BUILDERS)
def test_as_many_tensors_and_objects_are_alive_after_many_epochs_as_after_few(family, working_folder):
    data = genlab.Digits(batch_size=32)
    if family in TRANSLATORS:
        data = DegradedPairs(data, Edges())
    if family == "CycleGAN" or "DeepFake" in family:
        data = DomainsFromPairs(data)
    census, model = Census(), BUILDERS[family](data)
    if can_given(model, SamplesInSteps):
        model.sampling = replace(model.sampling, steps=2)  # for the pictures
    Trainer(
        max_epochs=EPOCHS,
        limit_train_batches=10,
        limit_val_batches=2,
        log_every_n_steps=4,
        logger=[MetricsFile(working_folder), TensorBoardLogger(".")],
        callbacks=[census, Pictures(every_n_epochs=1, count=8)],
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    ).fit(model, data)
    assert len(census.tensors) == EPOCHS
    assert len(set(census.tensors[SETTLED:])) == 1
    assert max(census.objects[SETTLED:]) - census.objects[SETTLED] < 100  # a hundred batches later
