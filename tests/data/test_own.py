"""Another author's data, collected for tools."""

import pytest
import torch
from lightning.pytorch import LightningDataModule
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, TensorDataset

import genlab
from genlab.data import own


class Numerals(LightningDataModule):
    def __init__(self, most: int = 200):
        super().__init__()
        self.most = most

    def setup(self, stage):
        digits = load_digits()
        self.images = torch.tensor(digits.images[: self.most, None], dtype=torch.float32) / 16
        self.labels = torch.tensor(digits.target[: self.most])

    def train_dataloader(self):
        return DataLoader(TensorDataset(self.images, self.labels), 16, shuffle=True)

    val_dataloader = train_dataloader


class WithTestImages(Numerals):
    def test_dataloader(self):
        return DataLoader(TensorDataset(torch.ones(4, 1, 8, 8), torch.arange(4)), 2)


class Unvalidated(Numerals):
    val_dataloader = LightningDataModule.val_dataloader

    def setup(self, stage):
        super().setup(stage)
        self.images = self.images[torch.randperm(len(self.images))[:40]]
        self.labels = self.labels[:40]


class Bytes(Numerals):
    def setup(self, stage):
        super().setup(stage)
        self.images = (self.images * 255).to(torch.uint8)


class Triples(LightningDataModule):
    def train_dataloader(self):
        return DataLoader([{domain: torch.full((1, 8, 8), 1 / place) for place, domain in enumerate("abc", 1)}] * 4, 2)


def test_domains_of_ones_own_are_as_many_as_there_are():
    data = own.as_genlabs(Triples())
    assert (data.num_domains, data.a_shape, data.image_shape) == (3, (1, 8, 8), (1, 8, 8))
    assert [int(images.images.float().mean()) for images in data.gathered("train").sides()] == [255, 128, 85]


def test_images_for_tools_are_gathered_up_to_a_limit_the_same_each_time(monkeypatch):
    monkeypatch.setattr(own, "MOST_IMAGES", 50)
    data = Numerals()
    data.setup("fit")
    with pytest.warns(UserWarning, match="Numerals has more train images; the first 50 of them are used"):
        one, two = (own.gathered(data, "train") for _ in range(2))
    assert one["image"].shape == (50, 1, 8, 8)
    assert one["image"].dtype == torch.uint8
    assert torch.equal(one["image"], two["image"])


def test_test_images_are_those_for_testing_where_there_are_any():
    data = own.as_genlabs(WithTestImages())
    data.setup("test")
    assert (data.test_set.images == 255).all()
    assert data.test_set.labels.tolist() == [0, 1, 2, 3]
    with pytest.raises(genlab.GenlabError, match="the val images of Bytes are uint8; genlab takes floats in"):
        own.as_genlabs(Bytes()).setup("test")


def test_data_without_validation_have_training_images_and_the_same_random_ones_each_time():
    kept = [own.as_genlabs(Unvalidated()) for _ in range(2)]
    before = torch.get_rng_state()
    for data in kept:
        data.setup("fit")
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(kept[0].train_set.images, kept[1].train_set.images)
    with pytest.raises(genlab.GenlabError, match="Unvalidated has no val images; give it a val_dataloader"):
        kept[0].setup("test")


def test_two_own_sets_are_told_apart_where_something_is_kept_of_them():
    kept = [own.as_genlabs(Numerals(most)) for most in (100, 100, 101)]
    for data in kept:
        data.setup("fit")
    assert kept[0].hparams == kept[1].hparams != kept[2].hparams


def half_of_one(labels):
    """Return labels that are integers in most batches."""
    return torch.cat([labels[:-1].float(), torch.tensor([0.5])])


@pytest.mark.parametrize(("cast", "classes"), [(torch.Tensor.float, 10), (half_of_one, 0)])
def test_labels_are_whole_numbers_or_none_of_classes(cast, classes):
    class Numbers(Numerals):
        def setup(self, stage):
            super().setup(stage)
            self.labels = cast(self.labels)

    data = own.as_genlabs(Numbers())
    data.setup("fit")
    assert data.num_classes == classes
    assert (data.train_set.labels is not None) == bool(classes)
