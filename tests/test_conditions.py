import pytest
import torch

import genlab
from genlab.conditions import Attributes, Domains, Labels, condition_of


def test_a_picture_shows_every_class():
    values, names = Labels(["cat", "dog"]).every({}, lambda: torch.zeros(0))
    assert values.tolist() == [0, 1]
    assert names == ("cat", "dog")


def test_a_picture_shows_the_usual_attributes_and_each_the_other_way():
    values, names = Attributes(["Smiling", "Young"]).every({}, lambda: torch.tensor([0.0, 1.0]))
    assert names == ["most common", "Smiling", "not Young"]
    assert values.tolist() == [[0, 1], [1, 1], [0, 0]]


def test_other_conditions_are_all_classes_or_one_attribute_changed():
    assert Labels("abc").others(torch.tensor([2, 0]))[0].tolist() == [[0, 1, 2], [0, 1, 2]]
    assert Attributes("ab").others(torch.tensor([[1.0, 0.0]]))[0].tolist() == [[[0, 0], [1, 1]]]


def test_typed_attributes_change_the_usual_ones():
    attributes = Attributes(["Smiling", "Young"])
    assert attributes.typed("Smiling=1", lambda: torch.tensor([0.0, 1.0])).tolist() == [[1, 1]]
    assert attributes.typed("Young=0,Smiling=1", lambda: pytest.fail("all are said")).tolist() == [[1, 0]]
    with pytest.raises(genlab.GenlabError, match="did you mean Smiling"):
        attributes.typed("Smile=1", lambda: torch.zeros(2))


def test_domains_are_labels_that_batches_call_so():
    model = genlab.VAE((1, 8, 8))
    batch = {"image": torch.zeros(2, 1, 8, 8), "domain": torch.tensor([1, 0])}
    assert Domains(["ann", "bob"]).find(batch, model) is batch["domain"]
    with pytest.raises(genlab.GenlabError, match="the 'domain' of a batch, but this batch has none"):
        Domains(["ann", "bob"]).find({"image": batch["image"]}, model)
    with pytest.raises(genlab.GenlabError, match="has 2 classes"):
        Domains(["ann", "bob"]).find(batch | {"domain": torch.tensor([2, 0])}, model)


def test_data_know_a_label_else_attributes_else_nothing():
    assert isinstance(condition_of(3, (), ("Smiling",)), Labels)
    assert isinstance(condition_of(0, (), ("Smiling",)), Attributes)
    assert condition_of(0, (), ()) is None
    with pytest.raises(genlab.GenlabError, match="class_names are cat; 0 classes need 0 different names"):
        condition_of(0, ("cat",), ("Smiling",))


@pytest.mark.parametrize("value", [None, 2.5, {"Smiling": 1}])
def test_what_is_no_label_is_no_class(value):
    with pytest.raises(genlab.GenlabError, match="is not a class; give a label, 0 or above, or a name"):
        Labels(["a", "b", "c"]).parse(value)
