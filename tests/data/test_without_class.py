"""Data with one class kept from training."""

import pytest
import torch

import genlab
from genlab.data import WithoutClass


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
    with pytest.raises(genlab.GenlabError, match=f"has {data.num_classes} classes, none of them {label}"):
        WithoutClass(data, label)
