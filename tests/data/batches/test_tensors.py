"""genlab's data sets used as PyTorch data sets: single indices, slices, subsets and plain loaders."""

from functools import partial

import numpy as np
import pytest
import torch
from lightning.pytorch import Trainer
from torch.utils.data import ConcatDataset, DataLoader, Subset, random_split

import genlab
from genlab.data.batches.tensors import DegradedTensors, DomainTensors, ImageTensors, PairTensors

stored = torch.arange(10, dtype=torch.uint8).repeat_interleave(16).view(10, 1, 4, 4)
labels = torch.arange(10)
images = ImageTensors(stored, {"label": labels})
others = ImageTensors(100 + stored[:7])
SETS = {
    "images": images,
    "a subset": images.subset(torch.arange(9, -1, -1)),
    "transformed": images.transformed(lambda x: 1 - x),
    "pairs": PairTensors(images, ImageTensors(100 + stored), lambda x: x.flip(-1)),
    "degraded": DegradedTensors(images, lambda x: x / 2),
    "domains": DomainTensors(others, images),
}
data_sets = pytest.mark.parametrize("data", SETS.values(), ids=SETS)


def positions(*numbers):
    return torch.tensor(numbers)


def same(batch, other):
    batch, other = ({name: part for name, part in one.items() if name != "index"} for one in (batch, other))
    assert batch.keys() == other.keys()
    for name, part in batch.items():
        assert torch.equal(part, other[name]), name


@data_sets
def test_an_integer_gives_one_row_of_a_batch(data):
    batch = data[positions(0, 3, 9)]
    for row, indices in enumerate(([0, -10, np.int64(0), torch.tensor(0)], [3, -7], [9, -1, np.int32(-1)])):
        for index in indices:
            same(data[index], {name: part[row] for name, part in batch.items()})


@data_sets
def test_lists_arrays_and_slices_give_batches(data):
    same(data[[1, -1, np.int64(4), torch.tensor(2)]], data[positions(1, 9, 4, 2)])
    same(data[np.array([5, -3])], data[positions(5, 7)])
    same(data[2:-1:3], data[positions(2, 5, 8)])
    same(data[:], data[torch.arange(10)])
    assert all(len(part) == 0 for part in data[4:4].values())


@data_sets
def test_what_is_not_there_ends_an_iteration_and_is_an_error(data):
    assert len(list(data)) == 10
    for wrong in (10, -11, [0, 10], [-11]):
        with pytest.raises(IndexError, match=r"there is no position (10|-11) in a data set of 10"):
            data[wrong]
    with pytest.raises(TypeError):
        data["image"]


@data_sets
def test_subsets_splits_and_sums_in_a_plain_loader(data):
    same(Subset(data, [4, -2])[1], data[8])
    parts = random_split(data, [7, 3], torch.Generator().manual_seed(0))
    chosen = [*parts[0].indices, *parts[1].indices]
    (batch,) = DataLoader(ConcatDataset(parts), batch_size=10)
    same(batch, data[torch.tensor(chosen)])
    assert "index" not in batch  # it would be an index into another data set
    shuffled = list(DataLoader(data, batch_size=4, shuffle=True, generator=torch.Generator().manual_seed(0)))
    assert [len(next(iter(batch.values()))) for batch in shuffled] == [4, 4, 2]
    name = "a" if "a" in shuffled[0] else "target" if "target" in shuffled[0] else "image"
    seen = torch.cat([batch[name] for batch in shuffled]).flatten(1)
    assert torch.equal(seen.sort(0).values, data[:][name].flatten(1).sort(0).values)


def test_labels_come_as_pytorch_gives_them():
    assert images[3]["label"].dtype == torch.int64
    assert images[3]["label"].ndim == 0
    image, label = images[3]["image"], images[3]["label"]
    assert image.shape == (1, 4, 4)
    assert int(label) == 3


def test_domains_of_two_lengths_take_a_number_for_both():
    for index in (8, -2):
        pair = DomainTensors(others, images)[index]
        same(pair, {"a": others[1]["image"], "b": images[8]["image"]})


def test_part_of_a_data_set_trains_a_model_that_keeps_codes_by_position():
    data = genlab.Digits()
    data.setup()
    part = Subset(data.train_set, range(900, 1000))
    layer = partial(genlab.networks.DenseLayer, size=4)
    stages = [genlab.models.StageSchedule(1)] * 2
    model = genlab.StackedAutoencoder((1, 8, 8), [layer, layer], stages)
    quiet = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False}
    Trainer(max_epochs=2, **quiet).fit(model, DataLoader(part, batch_size=50), DataLoader(part, batch_size=50))
    assert model.stage.name == "layer2"
