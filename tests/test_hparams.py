"""DataModules made from others are described in checkpoints as plain data, and rebuilt from that."""

import dataclasses
import inspect

import numpy as np
import pytest
from lightning.pytorch.cli import instantiate_module
from lightning.pytorch.core.mixins.hparams_mixin import _given_hyperparameters_context
from torch import nn

import genlab
from genlab.data import (
    AttributeDomains,
    BatchDataModule,
    CelebA,
    DegradedPairs,
    DomainsFromPairs,
    Edges,
    FreyFaces,
    Half,
    ImageDataModule,
    SideBySidePairs,
)
from genlab.hparams import dotted_name, plain
from genlab.models import ImageModel

NESTED = [
    lambda: DegradedPairs(CelebA(image_size=(64, 48), attributes=["Male"]), Edges(gain=3.0)),
    lambda: DomainsFromPairs(DegradedPairs(FreyFaces(batch_size=7), Half("top"))),
    lambda: DomainsFromPairs(SideBySidePairs("facades", direction="BtoA")),
    lambda: AttributeDomains(CelebA(), "Smiling"),
]


@pytest.mark.parametrize("make", NESTED)
def test_nested_data_are_made_again_from_their_description(make):
    data = make()
    description = dict(data.hparams)
    description.pop("_instantiator")
    again = instantiate_module(BatchDataModule, description)
    assert type(again) is type(data)
    assert dict(again.hparams) == dict(data.hparams)
    assert (again.image_shape, again.batch_size) == (data.image_shape, data.batch_size)


def test_a_degradation_is_described_by_its_fields():
    assert plain(Edges(gain=3.0), "x") == {"class_path": "genlab.data.Edges", "init_args": {"gain": 3.0}}


def test_a_class_that_cannot_be_found_again_is_refused():
    @dataclasses.dataclass
    class Local:
        size: int

    with pytest.raises(genlab.GenlabError, match="cannot be kept in a checkpoint as plain data.*defined in a module"):
        plain(Local(3), "x")


def test_data_that_do_not_describe_themselves_are_refused():
    class Undescribed(genlab.Digits):
        def __init__(self):
            ImageDataModule.__init__(self, 4, 0, 0)

    with pytest.raises(genlab.GenlabError, match="cannot be kept in a checkpoint as plain data"):
        DegradedPairs(Undescribed(), Half())


@pytest.mark.parametrize("name", [name for name in dir(genlab.models) if inspect.isclass(getattr(genlab.models, name))])
def test_what_models_are_built_of_by_default_has_a_public_path(name):
    for parameter in inspect.signature(getattr(genlab.models, name)).parameters.values():
        if inspect.isclass(parameter.default) and parameter.default.__module__.startswith("genlab."):
            assert dotted_name(parameter.default).count(".") == 2, parameter


class Weighted(ImageModel):
    """A model with an argument that cannot describe itself, and a built network that is not `Recorded`."""

    def __init__(self, image_shape, weight, network, size=1):
        super().__init__(image_shape)
        size = size + 1
        self.save_hyperparameters()


def test_what_cannot_describe_itself_is_described_as_the_config_does():
    config = {
        "_class_path": "tests.test_hparams.Weighted",
        "weight": {"class_path": "builtins.object"},
        "network": {"class_path": "torch.nn.Linear", "init_args": {"in_features": 2, "out_features": 3}},
    }
    with _given_hyperparameters_context(config, "lightning.pytorch.cli.instantiate_module"):
        model = Weighted((1, 8, 8), object(), nn.Linear(2, 3))
        inner = genlab.VAE((1, 8, 8), 3)
    assert {name: model.hparams[name] for name in ("weight", "network")} == {
        name: config[name] for name in ("weight", "network")
    }
    assert (inner.hparams["code_size"], inner.hparams["_class_path"]) == (3, "genlab.VAE")
    with pytest.raises(genlab.GenlabError, match="Weighted\\(weight=...\\) cannot be kept in a checkpoint"):
        Weighted((1, 8, 8), object(), None)


class Chosen(ImageModel):
    """A model that saves some of its arguments."""

    def __init__(self, image_shape, size=1, kind="a", path="b"):
        super().__init__(image_shape)
        self.save_hyperparameters("size", "kind")
        self.save_hyperparameters({"path": path.upper(), "unknown": 1})
        self.save_hyperparameters(ignore=["image_shape", "kind", "path"])


def test_a_model_says_which_arguments_are_kept():
    kept = {name: value for name, value in Chosen((1, 8, 8), 2).hparams.items() if not name.startswith("_")}
    assert kept == {"size": 2}


@pytest.mark.parametrize(
    ("number", "kept"), [(np.int64(4), 4), (np.float32(0.5), 0.5), (np.float64(0.5), 0.5), (np.bool_(True), True)]
)
def test_numbers_of_numpy_are_kept_as_those_of_python(number, kept):
    for found in (plain(number, "here"), *plain([number], "here"), *plain({"key": number}, "here").values()):
        assert type(found) is type(kept)
        assert found == kept


def test_a_model_takes_numbers_of_numpy():
    model = genlab.VAE((1, 8, 8), code_size=np.int64(4), beta=np.float32(0.5))
    assert (model.hparams["code_size"], model.hparams["beta"]) == (4, 0.5)
