"""Images as files and in other formats: rounded to 8 bits, not truncated."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from genlab import images
from genlab.commands import translate
from genlab.evaluation import extractors

random = torch.Generator().manual_seed(0)
x = torch.rand(1, 3, 64, 64, generator=random)


def test_eight_bits_are_the_nearest_and_give_8_bit_images_back_exactly():
    levels = torch.arange(256).byte()
    assert torch.equal(images.eight_bits(levels / 255), levels)
    assert images.eight_bits(torch.tensor([-0.1, 0.499 / 255, 0.501 / 255, 1.2])).tolist() == [0, 0, 1, 255]
    assert (images.eight_bits(x) / 255 - x).mean() == pytest.approx(0, abs=1e-4)


def test_files_are_no_darker_than_images():
    translate.save(x[0], Path("image.png"))
    with Image.open("image.png") as picture:
        pixels = np.asarray(picture) / 255
    assert pixels.mean() == pytest.approx(x.mean().item(), abs=1e-4)


def test_inception_sees_generated_images_no_darker_than_they_are(monkeypatch):
    monkeypatch.setattr(extractors, "NoTrainInceptionV3", lambda *names: torch.nn.Identity())
    judge = extractors.inception()
    seen = judge.features(x[:, :1])
    assert (seen.shape, seen.dtype) == ((1, 3, 64, 64), torch.uint8)
    assert (seen / 255).mean() == pytest.approx(x[:, :1].mean().item(), abs=1e-4)
    assert "rounded to 8 bits" in judge.resize
