"""Capabilities are found alike by all versions of Python."""

import inspect

import pytest

import genlab
from genlab.capabilities import VERBS, Conditional, HasLikelihood

MODELS = (
    genlab.VAE(image_shape=(1, 8, 8)),
    genlab.CVAE(image_shape=(1, 8, 8), num_classes=10),
    genlab.GAN(image_shape=(1, 8, 8)),
    genlab.Autoencoder(image_shape=(1, 8, 8)),
)


@pytest.mark.parametrize("model", MODELS, ids=lambda model: type(model).__name__)
def test_no_capability_asks_for_a_submodule_which_python_3_12_does_not_find(model):
    found = [capability for capability in (*VERBS, Conditional) if isinstance(model, capability)]
    assert found
    for name in {name for capability in found for name in capability.__annotations__}:
        assert inspect.getattr_static(model, name, "missing") != "missing", name


def test_a_vae_has_a_likelihood():
    assert isinstance(MODELS[0], HasLikelihood)
