"""Whole batches by index, in a new order each epoch."""

from pathlib import Path

import numpy as np
import pytest
import torch

import genlab
from genlab.cli import main
from genlab.data import AttributeDomains, SideBySidePairs, WithoutClass
from genlab.data.batches.sampling import BatchSampler
from genlab.data.batches.tensors import ImageTensors

from ..pictures import write_images


def positions(sampler):
    return [batch.tolist() for batch in sampler]


def test_items_are_whole_batches_scaled_once():
    images = torch.arange(0, 250, 10, dtype=torch.uint8).view(25, 1, 1, 1)
    batch = ImageTensors(images, {"label": torch.arange(25)})[torch.tensor([3, 0, 24])]
    torch.testing.assert_close(batch["image"].flatten(), torch.tensor([30, 0, 240]) / 255)
    assert batch["label"].tolist() == [3, 0, 24]


def test_shuffled_batches_are_whole_and_disjoint():
    batches = positions(BatchSampler(103, 10, shuffle=True))
    assert [len(batch) for batch in batches] == [10] * 10
    assert len({i for batch in batches for i in batch}) == 100


def test_unshuffled_batches_hold_everything_in_order():
    batches = positions(BatchSampler(103, 10, shuffle=False))
    assert [i for batch in batches for i in batch] == list(range(103))
    assert len(BatchSampler(103, 10, shuffle=False)) == len(batches) == 11


def test_each_epoch_has_an_order_that_seed_and_epoch_decide():
    sampler = BatchSampler(100, 10, shuffle=True, seed=5)
    first, second = positions(sampler), positions(sampler)
    assert first != second
    again = BatchSampler(100, 10, shuffle=True, seed=5)
    again.set_epoch(1)
    assert positions(again) == second
    assert positions(BatchSampler(100, 10, shuffle=True, seed=6)) != first


def test_processes_share_an_epoch_evenly_without_overlap():
    shares = [positions(BatchSampler(107, 10, shuffle=True, rank=rank, world_size=3)) for rank in range(3)]
    assert [len(share) for share in shares] == [3, 3, 3]
    together = [i for share in shares for batch in share for i in batch]
    assert len(together) == len(set(together)) == 90
    shares = [positions(BatchSampler(107, 10, shuffle=False, rank=rank, world_size=3)) for rank in range(3)]
    assert sorted(i for share in shares for batch in share for i in batch) == list(range(107))


def test_unpaired_batches_go_through_the_smaller_domain_as_often_as_it_takes():
    sampler = BatchSampler((7, 20), 5, shuffle=True, seed=3)
    epochs = [torch.cat(list(sampler)) for _ in range(2)]
    for epoch in epochs:
        assert epoch.shape == (20, 2)
        assert sorted(epoch[:, 1].tolist()) == list(range(20))
        assert set(epoch[:, 0].bincount().tolist()) <= {2, 3}
    assert not torch.equal(*epochs)
    again = BatchSampler((7, 20), 5, shuffle=True, seed=3)
    assert torch.equal(torch.cat(list(again)), epochs[0])
    in_order = torch.cat(list(BatchSampler((3, 5), 2, shuffle=False)))
    assert in_order.tolist() == [[0, 0], [1, 1], [2, 2], [0, 3], [1, 4]]


def test_processes_share_unpaired_batches():
    shares = [list(BatchSampler((9, 32), 4, shuffle=True, rank=rank, world_size=3)) for rank in range(3)]
    assert [len(share) for share in shares] == [2, 2, 2]
    together = torch.cat([batch for share in shares for batch in share])
    assert len(together[:, 1].unique()) == len(together) == 24


class Rank:
    """What data see of a Trainer in one of two processes."""

    def __init__(self, rank):
        self.global_rank, self.world_size, self.overfit_batches = rank, 2, 0


def test_ranks_of_a_trainer_get_shards_of_their_own():
    seen = []
    for rank in range(2):
        data = genlab.Digits()
        data.setup()
        data.trainer = Rank(rank)
        seen.append([batch["image"].flatten(1).sum(1) for batch in data.train_dataloader()])
    assert [len(batches) for batches in seen] == [11, 11]
    assert not torch.equal(seen[0][0], seen[1][0])


def test_overfitting_is_for_one_process():
    data = genlab.Digits()
    data.setup()
    data.trainer = Rank(0)
    data.trainer.overfit_batches = 2
    with pytest.raises(genlab.GenlabError, match="overfit_batches works with one process only"):
        data.train_dataloader()


def test_impossible_numbers_are_said():
    for options in ({"batch_size": 0}, {"seed": -1}, {"num_workers": -1}):
        with pytest.raises(genlab.GenlabError, match=f"{next(iter(options))} is .*; it must be"):
            genlab.Digits(**options)


def test_workers_hand_out_the_same_batches():
    data, parallel = genlab.Digits(), genlab.Digits(num_workers=2)
    loaders = []
    for each in (data, parallel):
        each.setup()
        loaders.append(each.train_dataloader())
    assert loaders[1].persistent_workers
    for _ in range(2):
        for one, other in zip(*loaders, strict=True):
            assert torch.equal(one["image"], other["image"])


@pytest.mark.parametrize("lengths", [6, (2, 6)])
def test_seeds_of_batches_differ_by_epoch_process_and_batch_and_are_the_same_in_every_evaluation(lengths):
    def seeds(shuffle, rank=0, epochs=3):
        one = BatchSampler(lengths, 1, shuffle=shuffle, rank=rank, world_size=2, seeded=True)
        return [[seed for _, seed in one] for _ in range(epochs)]

    trained = [seed for rank in range(2) for epoch in seeds(True, rank) for seed in epoch]
    assert len(set(trained)) == len(trained) == 2 * 3 * 3
    first, *others = seeds(False)
    assert len(set(first)) == 3
    assert others == [first, first]


def test_a_seeded_epoch_that_was_left_goes_on_with_the_same_seeds():
    left = BatchSampler(20, 3, shuffle=True, seeded=True)
    left.resume(epoch=4)
    whole = [(positions.tolist(), seed) for positions, seed in left]
    left.resume(epoch=4, batches=2)
    assert [(positions.tolist(), seed) for positions, seed in left] == whole[2:]


def test_each_image_is_augmented_anew_in_every_epoch_by_workers_too():
    count, epochs = 6, 8
    write_images(Path("pairs/train"), count + 1, "png", size=(80, 40))
    write_images(Path("pairs/test"), 1, "png", size=(80, 40))
    data = SideBySidePairs("./pairs", image_size=24, enlarge=2.0, num_workers=2)
    data.prepare_data()
    data.setup()
    loader = data.train_dataloader()
    seen = [batch["source"] for _ in range(epochs) for batch in loader]
    assert len({image.numpy().tobytes() for image in seen}) == len(seen) == count * epochs


def test_pixels_are_drawn_as_black_or_white_anew_in_every_epoch_by_workers_too():
    data = genlab.MNIST(binarize="dynamic", batch_size=1, num_workers=1)
    data.setup("fit")
    data.train_set = data.train_set.subset(torch.arange(4))
    loader = data.train_dataloader()
    seen = {batch["image"].numpy().tobytes() for _ in range(3) for batch in loader}
    assert len(seen) == 4 * 3


def test_loader_takes_no_numbers_from_the_global_generator():
    data = genlab.Digits()
    data.setup()
    state = torch.get_rng_state()
    assert sum(len(batch["image"]) for batch in data.train_dataloader()) == 1437 // 64 * 64
    assert torch.equal(torch.get_rng_state(), state)


def test_a_batch_is_no_larger_than_the_data_which_is_noted_once(caplog):
    data = genlab.Digits(batch_size=2000)
    data.setup()
    with caplog.at_level("INFO"):
        for _ in range(2):
            (batch,) = data.train_dataloader()
            assert len(batch["image"]) == 1437
    assert [record.message for record in caplog.records] == [
        "batch_size 2000 is more than the 1,437 training images; 1437 is used"
    ]
    assert [len(batch["image"]) for batch in data.val_dataloader()] == [180]


def test_processes_share_data_that_are_fewer_than_their_batches(caplog):
    seen = []
    for rank in range(2):
        data = genlab.Digits(batch_size=1000)
        data.setup()
        data.trainer = Rank(rank)
        with caplog.at_level("INFO"):
            (batch,) = data.train_dataloader()
        seen.append({image.numpy().tobytes() for image in batch["image"]})
    assert "batch_size 1000 for each process is more than the 1,437 training images; 718 is used" in caplog.text
    assert [len(share) for share in seen] == [718, 718]
    assert not seen[0] & seen[1]
    data.train_set = data.train_set.subset(torch.arange(1))
    with pytest.raises(genlab.GenlabError, match="Digits has 1 training image, fewer than the 2 processes; use fewer"):
        data.train_dataloader()


def test_unpaired_batches_are_no_larger_than_the_larger_domain(data_dir):
    data = AttributeDomains(genlab.CelebA(image_size=8, batch_size=1000), "Smiling")
    data.prepare_data()
    data.setup()
    (batch,) = data.train_dataloader()
    assert len(batch["a"]) == len(batch["b"]) == max(data.train_set.lengths)


def test_training_on_less_than_a_batch_resumes(caplog):
    fit = ["fit", "--model=VAE", "--data=ImageFolder", "--data.folder=pets", "--data.image_size=8"]
    with caplog.at_level("INFO"):
        main([*fit, "--trainer.max_epochs=2"])
        main([*fit, "--trainer.max_epochs=3", "--ckpt_path=last", "--data.batch_size=99"])
    assert torch.load("runs/vae-imagefolder/0/checkpoints/last.ckpt", weights_only=True)["global_step"] == 3
    assert caplog.text.count("is more than the 12 training images; 12 is used") == 2


def test_digits_are_scikit_learns():
    from sklearn.datasets import load_digits

    data = genlab.Digits()
    data.setup()
    sets = (data.train_set, data.val_set, data.test_set)
    assert [len(part) for part in sets] == [1437, 180, 180]
    pixels = torch.cat([part.images for part in sets])
    assert pixels.dtype == torch.uint8
    assert (pixels.min(), pixels.max()) == (0, 255)
    expected = np.sort(load_digits().images.sum((1, 2)) / 16)
    found = np.sort(pixels.double().sum((1, 2, 3)).numpy() / 255)
    np.testing.assert_allclose(found, expected, atol=0.2)


def test_facts_are_known_before_any_file_is_read():
    data = genlab.MNIST("/nowhere")
    assert (data.image_shape, data.num_classes, data.attribute_names) == ((1, 28, 28), 10, ())


def test_digits_of_another_size_show_the_same():
    native, large = genlab.Digits(), genlab.Digits(image_size=(32, 24))
    for data in (native, large):
        data.setup()
    assert large.image_shape == large.test_set.images.shape[1:] == (1, 32, 24)
    seen = torch.nn.functional.avg_pool2d(large.test_set.images.float(), 4)
    assert torch.equal(large.test_set.labels, native.test_set.labels)
    same = native.test_set.images[..., 1:7].float()
    assert (seen - same).abs().mean() < (seen - same.roll(1, 0)).abs().mean() / 3  # resizing smooths


def test_data_know_what_their_classes_are_called():
    digits = tuple("0123456789")
    assert genlab.MNIST("/nowhere").class_names == genlab.Digits().class_names == digits
    assert WithoutClass(genlab.Digits(), 3).class_names == digits
    assert genlab.CelebA("/nowhere").class_names == ()
