"""CelebA by person, in a small made-up set: person k is on images 2^(k - 1) to 2^k - 1."""

import shutil
from pathlib import Path

import pytest
import torch

import genlab
from genlab.cli import main
from genlab.data import CelebA, IdentityDomains
from genlab.data.celeba import CROP

from .pictures import framed, write_celeba
from .splits import set_up

ROOT = Path("data/celeba")
COUNT = 40
BOTH = {5: range(16, 32), 6: range(32, 41)}
"""The people with the most images for training, and their images."""


@pytest.fixture(autouse=True)
def official(working_folder):
    write_celeba(ROOT, COUNT)


def people(identities=2, **options):
    return IdentityDomains(CelebA("data", image_size=8, batch_size=4, **options), identities)


def seen(domain):
    """Return the numbers of a domain's images."""
    named = {tuple(of(i).flatten().tolist()): i for i in range(1, COUNT + 1)}
    return [named[tuple(image.flatten().tolist())] for image in domain.images]


def of(number):
    path = ROOT / f"img_align_celeba/{number:06}.jpg"
    return (255 * framed(path, shape=(3, 8, 8), width_share=CROP)[0]).round().to(torch.uint8)


def test_a_domain_holds_the_images_of_a_person_each_in_one_split():
    data = set_up(people())
    assert data.domain_names == ("5", "6")
    splits = data.train_set, data.val_set, data.test_set
    assert [split.lengths for split in splits] == [(12, 7), (2, 1), (2, 1)]
    for domain, truth in zip("ab", BOTH.values(), strict=True):
        assert sorted(number for split in splits for number in seen(split.domains[domain])) == [*truth]
    again, other = set_up(people()), set_up(people(seed=1))
    assert seen(again.train_set.domains["a"]) == seen(data.train_set.domains["a"])
    assert {*seen(other.train_set.domains["a"])} != {*seen(data.train_set.domains["a"])}


def test_training_images_alone_are_mirrored():
    data = set_up(people(flip=True))
    assert [len(side.transforms) for split in (data.train_set, data.val_set) for side in split.sides()] == [1, 1, 0, 0]


def test_people_are_named_or_those_with_most_images_for_training():
    (ROOT / "Anno").mkdir()
    shutil.move(ROOT / "identity_CelebA.txt", ROOT / "Anno")
    three = set_up(people([3, 6, 4]))
    assert (three.num_domains, three.domain_names) == (3, ("3", "6", "4"))
    assert {*seen(three.test_set.domains["c"])} < {*range(8, 16)}
    batch = next(iter(three.train_dataloader()))
    assert [(name, len(images)) for name, images in batch.items()] == [("a", 4), ("b", 4), ("c", 4)]
    parts = "".join(f"{i:06}.jpg {1 if i > 31 else 0}\n" for i in range(1, COUNT + 1))
    (ROOT / "list_eval_partition.txt").write_text(parts.replace("000001.jpg 0", "000001.jpg 2"))
    assert set_up(people()).domain_names == ("5", "4")  # all images of the other person are for validation


def test_check_counts_the_images_of_each_person(capsys):
    Path("mine.yaml").write_text(
        "data:\n  class_path: IdentityDomains\n  init_args:\n    identities: [4, 6]\n"
        "    data: {class_path: CelebA, init_args: {data_dir: data, image_size: 8}}\n"
    )
    main(["data", "check", "mine.yaml", "--out", "people.png"])
    told = capsys.readouterr().out
    assert "6 4, 7 6  a (3, 8, 8)" in told
    assert "1 4, 1 6" in told


@pytest.mark.parametrize(
    ("identities", "message"),
    [
        ([5, 9], "identity_CelebA.txt has no identity 9; they are numbered from 1 to 6"),
        ([5, 2], "2 images of identity 2 here, too few for training, validation and testing; choose another"),
        ([5], r"identities is \[5\]; list the numbers of 2 to 26 people, such as \[5, 9\], or say how many, such as 2"),
        ([5, 5], r"identities is \[5, 5\]; list"),
        (30, "identities is 30; list"),
        (7, "the training images of CelebA here show 6 people, fewer than 7; get more of them"),
    ],
)
def test_who_cannot_be_a_domain_is_said(identities, message):
    with pytest.raises(genlab.GenlabError, match=message):
        set_up(people(identities))


def test_a_table_of_other_images_is_said_and_a_missing_one_before_images_are_decoded():
    table = ROOT / "identity_CelebA.txt"
    table.write_text(table.read_text().replace("000040.jpg 6\n", ""))
    with pytest.raises(genlab.GenlabError, match=r"identity_CelebA.txt has no row for 1 of 40 images \(000040.jpg"):
        set_up(people())
    table.unlink()
    shutil.rmtree("data/cache")
    with pytest.raises(genlab.GenlabError, match=r"no identity_CelebA.txt, .* put it into data/celeba$"):
        people().prepare_data()
    assert not Path("data/cache").exists()
