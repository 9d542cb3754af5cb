"""Frey Faces in Roweis's file."""

from pathlib import Path

import pytest
import torch

import genlab
from genlab.data import FreyFaces

from .pictures import write_frey


def frey(**options):
    data = FreyFaces(**options)
    data.prepare_data()
    data.setup()
    return data


def rows_of_the_bar(images):
    return images[:, 0, :, 0].argmax(1)


def test_frames_are_28_rows_of_20_pixels_the_right_way_up():
    data = frey(split="time")
    assert data.train_set.images.shape == (1565, 1, 28, 20)
    assert rows_of_the_bar(data.train_set.images).tolist() == [i % 28 for i in range(1565)]
    assert not data.train_set.images[..., 1:].any()


def test_the_split_by_time_keeps_neighbours_together():
    data = frey(split="time")
    assert [len(part) for part in (data.train_set, data.val_set, data.test_set)] == [1565, 200, 200]
    assert rows_of_the_bar(data.val_set.images).tolist() == [i % 28 for i in range(1565, 1765)]
    assert rows_of_the_bar(data.test_set.images).tolist() == [i % 28 for i in range(1765, 1965)]


def test_the_shuffled_split_is_the_seeds():
    data, same, other = frey(), frey(), frey(seed=1)
    sets = [data.train_set, data.val_set, data.test_set]
    assert [len(part) for part in sets] == [1565, 200, 200]
    assert sorted(torch.cat([part.rows for part in sets]).tolist()) == list(range(1965))
    assert torch.equal(data.test_set.rows, same.test_set.rows)
    assert not torch.equal(data.test_set.rows, other.test_set.rows)


def test_batches_are_grey_in_0_to_1():
    batch = next(iter(frey().train_dataloader()))
    assert batch["image"].shape == (100, 1, 28, 20)
    assert batch["image"].unique().tolist() == pytest.approx([0, 200 / 255])


@pytest.mark.parametrize("content", ["without ff", "too few", "text", "cut short"])
def test_a_wrong_file_is_said(content):
    path = Path("data/frey_faces/frey_rawface.mat")
    write_frey(path, "gg" if content == "without ff" else "ff", 100 if content == "too few" else 1965)
    if content == "text":
        path.write_text("<html>not found</html>" * 100)
    elif content == "cut short":
        path.write_bytes(path.read_bytes()[:5000])
    data = FreyFaces("data")
    data.prepare_data()
    with pytest.raises(genlab.GenlabError) as error:
        data.setup()
    message = str(error.value)
    assert message.startswith("data/frey_faces/frey_rawface.mat ")
    assert message.endswith("; delete it to have it downloaded again")
    if content == "without ff":
        assert "has no variable ff of 560 x 1965 bytes; it has {'gg': (560, 1965)}" in message


def test_a_missing_file_is_said():
    with pytest.raises(
        genlab.GenlabError, match="there is no nowhere/frey_faces/frey_rawface.mat; `genlab data prepare"
    ):
        FreyFaces("nowhere").setup()
