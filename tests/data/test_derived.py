"""Data made from other data."""

import pytest
import torch
from lightning.pytorch.cli import instantiate_module
from lightning.pytorch.core.mixins.hparams_mixin import _given_hyperparameters_context

import genlab
from genlab.data import AttributeDomains, DegradedPairs, DomainsFromPairs, Half, WithoutClass
from genlab.data.files.framing import Framing
from genlab.hparams import plain


def test_only_test_images_show_the_class():
    data, whole = WithoutClass(genlab.Digits(batch_size=32), 4), genlab.Digits()
    data.setup()
    whole.setup()
    for split in ("train_set", "val_set"):
        labels = getattr(whole, split).labels
        assert torch.equal(getattr(data, split).labels, labels[labels != 4])
    assert torch.equal(data.test_set.labels, whole.test_set.labels)
    assert (data.image_shape, data.num_classes, data.batch_size) == ((1, 8, 8), 10, 32)
    assert all((batch["label"] != 4).all() for batch in data.train_dataloader())


@pytest.mark.parametrize(("data", "label"), [(genlab.Digits(), 10), (genlab.FreyFaces(), 0)])
def test_a_class_that_there_is_not_is_refused(data, label):
    with pytest.raises(genlab.GenlabError, match=f"has {data.num_classes} classes, but no class {label}"):
        WithoutClass(data, label)


@pytest.mark.parametrize(
    "derive",
    [
        lambda data: WithoutClass(data, 4),
        lambda data: DegradedPairs(data, Half()),
        lambda data: DomainsFromPairs(DegradedPairs(data, Half())),
    ],
)
def test_what_is_made_of_data_opens_and_keeps_what_these_do(derive, monkeypatch):
    prepared = []
    monkeypatch.setattr(genlab.MNIST, "prepare_data", lambda data: prepared.append(data))
    data = genlab.MNIST(image_size=(12, 10), batch_size=7, num_workers=1, seed=3)
    made = derive(data)
    made.prepare_data()
    made.setup("fit")
    assert prepared == [data]
    assert (hasattr(made, "train_set"), hasattr(made, "test_set")) == (True, False)
    assert (made.image_shape, made.framing) == (data.image_shape, data.framing)
    assert (made.batch_size, made.num_workers, made.seed) == (7, 1, 3)
    described = {name: value for name, value in made.hparams.items() if name != "_instantiator"}
    again = instantiate_module(type(made), described)
    assert plain(again, "") == plain(made, "")


def test_files_are_framed_as_the_images_that_domains_are_made_of():
    data = genlab.CelebA(image_size=8)
    assert AttributeDomains(data, "Smiling").framing == data.framing != Framing(data.image_shape)


def test_derived_data_inside_of_others_keep_their_own_arguments_on_the_command_line():
    told = {"_class_path": "genlab.data.DomainsFromPairs", "data": {}}
    with _given_hyperparameters_context(told, "lightning.pytorch.cli.instantiate_module"):
        pairs = DegradedPairs(genlab.Digits(), Half())
    assert pairs.hparams["degradation"]["class_path"] == "genlab.data.Half"
    assert pairs.hparams["data"]["class_path"] == "genlab.Digits"
