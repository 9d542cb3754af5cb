"""All Python versions find the same capabilities."""

import inspect

import pytest

import genlab
from genlab.capabilities import VERBS, Conditional, HasLikelihood, flat_code_size
from genlab.models.shared.image_model import require_predictions

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


class Counting(genlab.GAN):
    """A GAN with its own predictions."""

    def predict_step(self, batch, batch_idx):
        return {"mean": batch["image"].mean((1, 2, 3))}


def test_a_model_that_does_not_encode_may_have_predictions_of_its_own():
    require_predictions(Counting((1, 8, 8)))
    require_predictions(MODELS[1])
    with pytest.raises(genlab.GenlabError, match="a GAN predicts nothing from images; `genlab sample` draws new"):
        require_predictions(MODELS[2])


def test_tools_that_move_along_vectors_refuse_other_codes():
    assert flat_code_size(MODELS[0]) == 20
    for changed, told in (({"code_shape": (2, 2)}, r"of shape \(2, 2\)"), ({"discrete_codes": True}, "whole numbers")):
        model = genlab.VAE(image_shape=(1, 8, 8))
        model.__dict__.update(changed)
        with pytest.raises(genlab.GenlabError, match=f"codes of the VAE are {told}"):
            flat_code_size(model)
