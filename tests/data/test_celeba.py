"""CelebA in the layouts that exist in the wild."""

import csv
import shutil
from pathlib import Path

import pytest
import torch

import genlab
from genlab.data import CelebA
from genlab.data.celeba import ATTRIBUTES, CROP
from genlab.data.files.framing import Framing

from .pictures import write_celeba

ROOT = Path("data/celeba")
COUNT = 30


@pytest.fixture
def official(working_folder):
    write_celeba(ROOT, COUNT)


def celeba(**options):
    data = CelebA("data", **{"image_size": 16, "batch_size": 4, **options})
    data.setup()
    return data


def contents(data):
    sets = data.train_set, data.val_set, data.test_set
    return [(part.images, part.facts["attributes"][part.rows]) for part in sets]


def assert_same(one, other):
    for (images, attributes), (others, other_attributes) in zip(contents(one), contents(other), strict=True):
        assert torch.equal(images, others)
        assert torch.equal(attributes, other_attributes)


def zipped():
    shutil.make_archive("img_align_celeba", "zip", ROOT, "img_align_celeba")
    shutil.rmtree(ROOT / "img_align_celeba")
    shutil.move("img_align_celeba.zip", ROOT)


def in_three_folders():
    zipped()
    for name, folder in (("img_align_celeba.zip", "Img"), ("list_attr_celeba.txt", "Anno")):
        (ROOT / folder).mkdir()
        shutil.move(ROOT / name, ROOT / folder)
    (ROOT / "Eval").mkdir()
    shutil.move(ROOT / "list_eval_partition.txt", ROOT / "Eval")


def kaggles():
    shutil.move(ROOT / "img_align_celeba", "inner")
    (ROOT / "img_align_celeba").mkdir()
    shutil.move("inner", ROOT / "img_align_celeba" / "img_align_celeba")
    attributes = [line.split() for line in (ROOT / "list_attr_celeba.txt").read_text().splitlines()[1:]]
    parts = [line.split() for line in (ROOT / "list_eval_partition.txt").read_text().splitlines()]
    for name, rows in (
        ("list_attr_celeba", [["image_id", *attributes[0]], *attributes[1:]]),
        ("list_eval_partition", [["image_id", "partition"], *parts]),
    ):
        (ROOT / f"{name}.txt").unlink()
        with (ROOT / f"{name}.csv").open("w", newline="") as file:
            csv.writer(file).writerows(rows)


def test_the_official_folder(official):
    data = celeba()
    assert [len(part) for part in (data.train_set, data.val_set, data.test_set)] == [24, 3, 3]
    framing = Framing((3, 16, 16), width_share=CROP)
    assert torch.equal(
        data.train_set.images[4],  # image 5 is for evaluation
        torch.from_numpy(framing.decode((ROOT / "img_align_celeba/000006.jpg").read_bytes())),
    )
    assert data.train_set[torch.tensor([4])]["attributes"][0, :8].tolist() == [0, 1, 1, 0, 0, 0, 0, 0]
    batch = next(iter(data.val_dataloader()))
    assert batch["image"].shape == (3, 3, 16, 16)
    assert batch["attributes"].shape == (3, 40)
    assert batch["attributes"].unique().tolist() == [0, 1]


@pytest.mark.parametrize("layout", [zipped, in_three_folders, kaggles])
def test_other_layouts_hold_the_same(official, layout):
    expected = celeba()
    layout()
    shutil.rmtree("data/cache")
    assert_same(celeba(), expected)


def test_attributes_are_chosen_by_name_in_the_given_order(official):
    everything, chosen = celeba(), celeba(attributes=["Smiling", "Male"])
    assert chosen.attribute_names == ("Smiling", "Male")
    columns = [ATTRIBUTES.index("Smiling"), ATTRIBUTES.index("Male")]
    assert torch.equal(chosen.train_set.facts["attributes"], everything.train_set.facts["attributes"][:, columns])


def test_facts_are_known_before_any_file_is_read():
    data = CelebA("nowhere", image_size=(64, 48))
    assert (data.image_shape, data.num_classes, len(data.attribute_names)) == ((3, 64, 48), 0, 40)


def test_an_unknown_attribute_suggests_the_nearest(refused):
    with pytest.raises(genlab.GenlabError, match="CelebA has no attribute Smile; did you mean Smiling"):
        CelebA(attributes=["Male", "Smile"])
    message = refused("fit", "--model", "VAE", "--data", "CelebA", "--data.attributes", "[smiling]")
    assert "did you mean Smiling?" in message


def test_a_part_of_the_images_is_used_with_a_note(caplog):
    write_celeba(ROOT, COUNT, skip=(1, 2, 5))
    with caplog.at_level("INFO"):
        data = celeba()
    assert [len(part) for part in (data.train_set, data.val_set, data.test_set)] == [22, 3, 2]
    assert "CelebA: 27 of 30 images are in data/celeba/img_align_celeba" in caplog.text
    assert data.train_set[torch.tensor([0])]["attributes"][0, :3].tolist() == [1, 1, 0]  # image 3


def test_rows_of_which_no_image_exists_are_said(official):
    for path in (ROOT / "img_align_celeba").iterdir():
        path.rename(path.with_stem(f"x{path.stem}"))
    with pytest.raises(genlab.GenlabError, match="none of the 30 images that .*list_eval_partition.txt names is in"):
        celeba()


def test_images_without_a_row_are_said(official):
    table = ROOT / "list_attr_celeba.txt"
    table.write_text("\n".join(table.read_text().splitlines()[:-2]) + "\n")
    with pytest.raises(genlab.GenlabError, match=r"has no row for 2 of 30 images \(000029.jpg"):
        celeba()


def test_a_broken_table_is_said(official):
    table = ROOT / "list_attr_celeba.txt"
    table.write_text(table.read_text()[:-20])
    with pytest.raises(genlab.GenlabError, match=r"list_attr_celeba.txt is broken \(invalid column index .* at row 30"):
        celeba()
    table.write_text("")
    with pytest.raises(genlab.GenlabError, match="list_attr_celeba.txt is broken"):
        celeba()


@pytest.mark.parametrize("part", [3, -1])
def test_an_image_of_no_part_is_said(official, part):
    table = ROOT / "list_eval_partition.txt"
    table.write_text(table.read_text().replace("000003.jpg 0", f"000003.jpg {part}"))
    with pytest.raises(
        genlab.GenlabError, match=r"list_eval_partition.txt is broken \(its splits must be 0, 1 and 2\)"
    ):
        celeba()


@pytest.mark.parametrize("missing", ["list_attr_celeba.txt", "list_eval_partition.txt", "img_align_celeba"])
def test_a_missing_part_is_said_and_downloaded_alone(official, missing, monkeypatch):
    (ROOT / missing).rename("elsewhere")
    with pytest.raises(genlab.GenlabError, match=f"there is no {Path(missing).stem} .*`genlab data prepare celeba`"):
        celeba()
    tried = []

    def refuse(request, timeout):
        tried.append(request.full_url)
        raise OSError("no network")

    monkeypatch.setattr("urllib.request.urlopen", refuse)
    with pytest.raises(genlab.GenlabError) as error:
        CelebA("data").prepare_data()
    message = str(error.value)
    assert "\n" not in message
    assert len(tried) == 3
    assert all(url in message for url in tried)
    assert f"put the file at {ROOT / Path(missing).stem}" in message
    assert "mmlab.ie.cuhk.edu.hk" in message


def test_images_of_one_part_alone_are_split_anew_with_a_note(caplog):
    write_celeba(ROOT, COUNT, skip=tuple(range(5, 31, 5)))
    with caplog.at_level("INFO"):
        data = celeba()
    assert [len(part) for part in (data.train_set, data.val_set, data.test_set)] == [20, 2, 2]
    assert "have [24, 0, 0] images here" in caplog.text


def test_blank_lines_in_a_table_do_not_matter(official):
    expected = celeba()
    table = ROOT / "list_attr_celeba.txt"
    lines = table.read_text().splitlines()
    table.write_text("\n".join([*lines[:10], "", *lines[10:], "", ""]))
    assert_same(celeba(), expected)


def test_unreadable_images_are_named_and_skipped_on_request(official):
    (ROOT / "img_align_celeba" / "000003.jpg").write_text("<html>")
    with pytest.raises(genlab.GenlabError, match="1 image cannot be used: .*000003.jpg: not an image"):
        celeba()
    data = celeba(skip_unreadable=True)
    assert len(data.train_set) == 23
    assert data.train_set.rows[:3].tolist() == [0, 1, 3]


def test_flipping_is_for_training_images_only(official):
    data = celeba(flip=True)
    index = torch.zeros(200, dtype=torch.long)
    assert len(data.train_set[index]["image"].unique(dim=0)) == 2
    assert len(data.val_set[index]["image"].unique(dim=0)) == 1


def test_grey_faces_are_the_luminance_of_those_in_colour_each_from_a_cache_of_its_own(official):
    colour, grey = celeba(), celeba(channels=1)
    for data, channels in ((colour, 3), (grey, 1), (celeba(), 3), (celeba(channels=1), 1)):
        assert data.image_shape == data.val_set.images.shape[1:] == (channels, 16, 16)
    weights = torch.tensor([0.299, 0.587, 0.114]).view(3, 1, 1)
    expected = (colour.val_set.images * weights).sum(1, keepdim=True)
    assert (grey.val_set.images - expected).abs().mean() < 1
