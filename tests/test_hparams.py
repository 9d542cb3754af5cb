"""DataModules made from others are described in checkpoints as plain data, and made again from that."""

import dataclasses
import inspect

import pytest
from lightning.pytorch.cli import instantiate_module

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
