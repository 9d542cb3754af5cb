"""Which parts of models are compiled."""

from functools import partial

import pytest

import genlab
from genlab.callbacks.compiled import Compiled, networks
from genlab.models import StageSchedule
from genlab.networks import DenseLayer

SHAPE = (1, 8, 8)
LAYERS = [partial(DenseLayer, size=8), partial(DenseLayer, size=4)]


@pytest.mark.parametrize(
    ("model", "names"),
    [
        (genlab.VAE(SHAPE), {"encoder", "decoder"}),
        (genlab.VQVAE(SHAPE), {"coder.encoder", "coder.decoder", "priors.0.network"}),
        (
            genlab.StackedAutoencoder(SHAPE, LAYERS, [StageSchedule(1)]),
            {f"stack.{layer}.{part}" for layer in range(2) for part in ("encoder", "decoder")},
        ),
    ],
)
def test_networks_that_are_called_are_compiled(model, names):
    parts = {id(module): name for name, module in model.named_modules()}
    assert {parts[id(network)] for network in networks(model)} == names


@pytest.mark.parametrize("model", [genlab.RBM(SHAPE, 4), genlab.DBN(SHAPE, [4, 3], pretraining=[StageSchedule(1)])])
def test_models_without_a_forward_pass_refuse_to_be_compiled(model):
    with pytest.raises(genlab.GenlabError, match=f"networks of {type(model).__name__}s are never called whole"):
        Compiled().on_fit_start(None, model)
