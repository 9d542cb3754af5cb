"""Parts of batches by name, in whatever form they come."""

import pytest
import torch

import genlab
from genlab.batches import named, parts_of

IMAGES, LABELS, ATTRIBUTES = torch.rand(2, 1, 4, 4), torch.tensor([0, 1]), torch.rand(2, 3)


@pytest.mark.parametrize(
    ("batch", "names"),
    [
        (IMAGES, ["image"]),
        ([IMAGES], ["image"]),
        ((IMAGES, LABELS), ["image", "label"]),
        ((IMAGES, ATTRIBUTES), ["image", "attributes"]),
        ((IMAGES, IMAGES, LABELS), ["source", "target"]),
        ((IMAGES, "words"), ["image"]),
        ({"a": IMAGES, "b": IMAGES, "caption": "words"}, ["a", "b"]),
        ({"image": LABELS, "label": LABELS}, ["label"]),
        ("words", []),
        ((), []),
    ],
)
def test_parts_of_a_batch_that_no_model_reads(batch, names):
    assert [*parts_of(batch)] == names


def test_parts_are_named_as_a_model_reads_them():
    assert [*named((IMAGES, IMAGES, LABELS), ("source", "target"), "Pix2Pix")] == ["source", "target"]
    assert [*named((IMAGES, LABELS, "words"), ("image", "label"), "CVAE")] == ["image", "label"]
    whole = {"image": IMAGES, "caption": "words"}
    assert named(whole, ("image",), "VAE") is whole
    with pytest.raises(genlab.GenlabError, match=r"Pix2Pix takes batches \(source, target\).* gave one tensor of"):
        named(IMAGES, ("source", "target"), "Pix2Pix")
