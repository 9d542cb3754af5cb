"""Unpaired domains: in folders, by an attribute, and from pairs."""

from pathlib import Path

import pytest
import torch

import genlab
from genlab.data import AttributeDomains, CelebA, DegradedPairs, Digits, DomainsFromPairs, FolderDomains, Greyscale

from .pictures import write_images
from .splits import set_up


@pytest.mark.parametrize("layout", ["{split}{domain}", "{split}/{domain}"])
def test_cyclegans_layouts(layout):
    counts = {"train": (20, 30), "test": (4, 6)}
    for split, sizes in counts.items():
        for domain, count, mode in zip("AB", sizes, ("L", "RGB"), strict=True):
            write_images(Path("domains", layout.format(split=split, domain=domain)), count, "png", mode=mode)
    data = set_up(FolderDomains("domains", image_size=8))
    assert [part.lengths for part in (data.train_set, data.val_set, data.test_set)] == [(18, 27), (2, 3), (4, 6)]
    assert data.image_shape == data.a_shape == (3, 8, 8)
    assert not data.aligned
    batch = next(iter(data.train_dataloader()))
    assert batch["a"].shape == batch["b"].shape == (1, 3, 8, 8)
    assert torch.equal(batch["a"][:, 0], batch["a"][:, 2])  # A is grey
    assert not torch.equal(batch["b"][:, 0], batch["b"][:, 2])


def test_three_domains():
    for domain, count in zip("ABC", (4, 6, 10), strict=True):
        write_images(Path(f"domains/train{domain}"), count, "png")
        write_images(Path(f"domains/test{domain}"), count // 2, "png")
    data = set_up(FolderDomains("domains", image_size=8, flip=False, enlarge=1, batch_size=2, num_domains=3))
    assert [part.lengths for part in (data.train_set, data.val_set, data.test_set)] == [(3, 5, 9), (1, 1, 1), (2, 3, 5)]
    order = torch.cat(list(data.train_dataloader().sampler))
    assert [column.unique().tolist() for column in order.T[:2]] == [[*range(3)], [*range(5)]]
    assert len(order) == len(order[:, 2].unique()) == 8
    last = list(data.test_dataloader())[-1]
    truth = [
        images[torch.tensor([position])]["image"]
        for images, position in zip(data.test_set.sides(), (0, 1, 4), strict=True)
    ]
    assert all(torch.equal(images, known) for images, known in zip(last.values(), truth, strict=True))
    assert [*last] == ["a", "b", "c"]


def test_a_missing_domain_is_said():
    write_images(Path("domains/trainA"), 5)
    write_images(Path("domains/testA"), 5)
    with pytest.raises(genlab.GenlabError, match=r"in folders called trainB and testB; it has 0 and 0"):
        set_up(FolderDomains("domains", image_size=8))
    with pytest.raises(genlab.GenlabError, match="num_domains is 1; it must be from 2 to 26"):
        FolderDomains("domains", num_domains=1)


def test_unequal_domains_are_paired_anew_every_epoch():
    write_images(Path("domains/trainA"), 8, "png")
    write_images(Path("domains/trainB"), 20, "png")
    write_images(Path("domains/testA"), 2, "png")
    write_images(Path("domains/testB"), 5, "png")
    data = set_up(FolderDomains("domains", image_size=8, flip=False, enlarge=1, batch_size=3))
    loader = data.train_dataloader()
    epochs = [torch.cat(list(loader.sampler)) for _ in range(2)]
    assert [len(epoch) for epoch in epochs] == [18, 18]  # 7 and 18 are left for training
    for epoch in epochs:
        assert epoch[:, 0].bincount().tolist() != [18]
        assert epoch[:, 0].bincount().max() <= 3
        assert epoch[:, 0].bincount().min() >= 2
        assert epoch[:, 1].bincount().tolist() == [1] * 18
    assert set(map(tuple, epochs[0].tolist())) != set(map(tuple, epochs[1].tolist()))
    assert [len(batch["a"]) for batch in data.test_dataloader()] == [3, 2]


def test_an_attribute_splits_celeba():
    data = set_up(AttributeDomains(CelebA(image_size=8, batch_size=4), "Smiling"))
    position = data.data.attribute_names.index("Smiling")
    smiling, others = (side.facts["attributes"][side.rows, position] for side in data.train_set.sides())
    assert smiling.unique().tolist() == [1]
    assert others.unique().tolist() == [0]
    assert len(smiling) + len(others) == 320
    with pytest.raises(genlab.GenlabError, match="Digits has no attribute Smiling; it has none at all"):
        AttributeDomains(Digits(), "Smiling")


def test_domains_from_pairs_share_nothing_in_training_and_are_aligned_in_testing():
    data = set_up(DomainsFromPairs(DegradedPairs(CelebA(image_size=8, batch_size=4), Greyscale())))
    assert (data.a_shape, data.image_shape, data.aligned) == ((1, 8, 8), (3, 8, 8), True)
    a, b = data.train_set.sides()
    assert sorted([*a.rows.tolist(), *b.rows.tolist()]) == sorted(data.data.train_set.images.rows.tolist())
    assert abs(len(a) - len(b)) <= 1
    batch = next(iter(data.test_dataloader()))
    assert batch["a"].shape == (4, 1, 8, 8)
    torch.testing.assert_close(batch["a"], Greyscale()(batch["b"]))


def test_an_empty_domain_is_said():
    data = CelebA(image_size=8, attributes=["Smiling"])
    data.setup()
    data.train_set.facts["attributes"][:] = 1
    data.setup = lambda stage: None
    with pytest.raises(genlab.GenlabError, match="a domain has no images: 320 in a, 0 in b"):
        AttributeDomains(data, "Smiling").setup()
