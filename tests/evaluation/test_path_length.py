"""Perceptual path lengths against closed forms, for linear generators and features."""

import math

import pytest
import torch

import genlab
from genlab.capabilities import Decodes, DrawsCodes, Samples, Styled
from genlab.data.batches.tensors import ImageTensors
from genlab.evaluation.extractors import Extractor
from genlab.evaluation.path_length import path_lengths, require_paths
from genlab.models.shared.codes import Prior

CODE, STYLE, PIXELS = 3, 2, 6
PAIRS = 250


class Linear(Prior):
    """A generator x = A z."""

    capabilities = (Decodes, DrawsCodes, Samples)
    code_shape = (CODE,)
    device = torch.device("cpu")

    def __init__(self):
        random = torch.Generator().manual_seed(0)
        self.matrix = torch.randn(PIXELS, CODE, generator=random)

    def decode(self, z):
        return (z @ self.matrix.T).view(-1, 1, 2, 3)


class LinearStyles(Linear):
    """A generator x = B w of styles w = C z, truncated around 0."""

    capabilities = (*Linear.capabilities, Styled)
    num_layers, style_size, truncation = 2, STYLE, 1.0

    def __init__(self):
        random = torch.Generator().manual_seed(1)
        self.mapping, self.synthesis = (
            torch.randn(*shape, generator=random) for shape in ((STYLE, CODE), (PIXELS, STYLE))
        )
        self.matrix = self.synthesis @ self.mapping

    def styles(self, z, *, truncation=1.0):
        return truncation * (z @ self.mapping.T)[:, None].expand(-1, self.num_layers, -1)

    def synthesize(self, styles, *, noise=None):
        return (styles[:, 1] @ self.synthesis.T).view(-1, 1, 2, 3)


def pixels(images):
    return images.flatten(1)


IDENTITY = Extractor("pixels", "none", pixels, unrounded=pixels)
IMAGES = ImageTensors(torch.zeros(PAIRS, 1, 2, 3, dtype=torch.uint8))


def pairs(model):
    """Return the codes and interpolation shares that the same random generator draws."""
    random = torch.Generator().manual_seed(5)
    drawn = []
    for rows in torch.arange(PAIRS).split(100):
        start, end = (model.draw_codes(len(rows), generator=random) for _ in range(2))
        drawn.append((start, end, torch.rand(len(rows), 1, generator=random)))
    return [torch.cat(parts).double() for parts in zip(*drawn, strict=True)]


def test_in_z_it_is_the_squared_speed_of_slerp():
    model = Linear()
    (row,) = path_lengths(model, IMAGES, IDENTITY, torch.Generator().manual_seed(5))
    start, end, share = pairs(model)
    angle = torch.nn.functional.cosine_similarity(start, end)[:, None].acos()
    speed = angle * (-((1 - share) * angle).cos() * start + (share * angle).cos() * end) / angle.sin()
    expected = (speed @ model.matrix.double().T).square().sum(1)
    assert row.name == "path_length_z"
    assert row.value == pytest.approx(expected.mean().item(), rel=5e-3)
    assert row.error == pytest.approx(expected.std().item() / PAIRS**0.5, rel=5e-3)
    assert row.stamp["extractor"] == "pixels"
    assert row.stamp["paths"].startswith("250 pairs of codes, ε = 0.0001")


def test_in_w_it_is_the_squared_distance_of_ends_and_truncation_shortens_it_by_its_square():
    model = LinearStyles()
    rows = path_lengths(model, IMAGES, IDENTITY, torch.Generator().manual_seed(5))
    assert [row.name for row in rows] == ["path_length_z", "path_length_w"]
    start, end, _ = pairs(model)
    exact = ((end - start) @ model.matrix.double().T).square().sum(1).mean().item()
    assert rows[1].value == pytest.approx(exact, rel=5e-3)
    in_expectation = 2 * model.matrix.square().sum().item()  # for z ~ N(0, I)
    assert abs(rows[1].value - in_expectation) < 4 * rows[1].error
    model.truncation = 0.5
    truncated = path_lengths(model, IMAGES, IDENTITY, torch.Generator().manual_seed(5))
    assert truncated[1].value == pytest.approx(exact / 4, rel=5e-3)


def test_a_circle_is_as_long_as_its_angle():
    """Between codes at right angles on a circle, slerp covers a quarter of it at constant speed."""
    model = Linear()
    model.matrix = torch.eye(CODE).repeat(2, 1)
    ends = iter(5 * [torch.tensor([2.0, 0.0, 0.0]), torch.tensor([0.0, 2.0, 0.0])])
    model.draw_codes = lambda n, generator: next(ends).expand(n, -1)
    (row,) = path_lengths(model, IMAGES, IDENTITY, torch.Generator().manual_seed(5))
    assert row.value == pytest.approx(2 * (2 * math.pi / 2) ** 2, rel=5e-3)
    assert row.error == pytest.approx(0, abs=0.05)


def test_what_has_no_paths_is_refused():
    rounds = Extractor("rounding", "none", pixels)
    with pytest.raises(genlab.GenlabError, match="rounding rounds images"):
        path_lengths(Linear(), IMAGES, rounds, torch.Generator())
    with pytest.raises(genlab.GenlabError, match="--ppl needs codes from a prior, and the Autoencoder has none"):
        require_paths(genlab.Autoencoder((1, 8, 8)))
