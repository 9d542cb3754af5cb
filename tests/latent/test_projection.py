"""Projection against closed forms, for linear generators."""

import pytest
import torch

from genlab.errors import GenlabError
from genlab.latent import project
from genlab.latent.projection import AT_ONCE

PIXELS, CODE = 12, 3


@pytest.fixture
def linear():
    """A linear generator: its matrix and bias, images, and typical codes with mean 0 and deviation 1."""
    random = torch.Generator().manual_seed(0)
    matrix, bias, x = (torch.randn(*shape, generator=random) for shape in ((PIXELS, CODE), (PIXELS,), (4, PIXELS)))
    codes = torch.randn(AT_ONCE + 50, CODE, generator=random)
    codes = (codes - codes.mean(0)) / codes.std(0, correction=0)
    return matrix, bias, x, codes


def decoder(matrix, bias):
    return lambda z: (z @ matrix.T + bias).view(-1, 1, 3, 4)


def expected(x, codes, maps, weight):
    """Solve least squares of linear maps of codes, (A, b, x'), divided by their scales, and of codes with a weight."""
    normal, right = weight / CODE * torch.eye(CODE), torch.zeros(len(x), CODE)
    for matrix, bias, target in maps:
        for row in range(len(x)):
            scale = (codes @ matrix.T + bias - target[row]).square().sum(1).mean()
            right[row] += matrix.T @ (target[row] - bias) / scale / len(maps)
    found = []
    for row in range(len(x)):
        left = normal.clone()
        for matrix, bias, target in maps:
            scale = (codes @ matrix.T + bias - target[row]).square().sum(1).mean()
            left += matrix.T @ matrix / scale / len(maps)
        found.append(torch.linalg.solve(left, right[row]))
    return torch.stack(found)


@pytest.mark.parametrize("weight", [0.0, 0.02, 1.0])
def test_codes_are_the_least_squares_of_pixels_and_of_distances_from_usual_codes(linear, weight):
    matrix, bias, x, codes = linear
    found = project(x.view(-1, 1, 3, 4), decoder(matrix, bias), codes, steps=200, prior_weight=weight)
    truth = expected(x, codes, [(matrix, bias, x)], weight)
    torch.testing.assert_close(found.codes, truth, atol=2e-3, rtol=0)
    torch.testing.assert_close(found.images.flatten(1), found.codes @ matrix.T + bias)
    scales = torch.stack([(codes @ matrix.T + bias - one).square().sum(1).mean() for one in x])
    torch.testing.assert_close(found.distances, (found.images.flatten(1) - x).square().sum(1) / scales)


def test_features_count_as_much_as_pixels_whatever_their_scale(linear):
    matrix, bias, x, codes = linear
    seen = 1000 * torch.randn(2, PIXELS, generator=torch.Generator().manual_seed(1))
    found = project(
        x.view(-1, 1, 3, 4),
        decoder(matrix, bias),
        codes,
        features=[lambda images: images.flatten(1) @ seen.T],
        steps=200,
    )
    maps = [(matrix, bias, x), (seen @ matrix, seen @ bias, x @ seen.T)]
    torch.testing.assert_close(found.codes, expected(x, codes, maps, 0.02), atol=2e-3, rtol=0)


def test_images_of_another_shape_are_refused(linear):
    matrix, bias, x, codes = linear
    told = r"images are of shape \(1, 4, 3\); these codes decode to images of shape \(1, 3, 4\)"
    with pytest.raises(GenlabError, match=told):
        project(x.view(-1, 1, 4, 3), decoder(matrix, bias), codes)


def test_each_image_is_found_by_itself(linear):
    matrix, bias, x, codes = linear
    together = project(x.view(-1, 1, 3, 4), decoder(matrix, bias), codes, steps=20)
    alone = project(x[2:3].view(-1, 1, 3, 4), decoder(matrix, bias), codes, steps=20)
    torch.testing.assert_close(alone.codes[0], together.codes[2])


@pytest.mark.parametrize(("starts", "reached"), [(1, 7.0), (2, 8.0)])
def test_of_several_starts_the_best_is_kept(starts, reached):
    """The nearest code lies on a plateau, and a slope leads from the next one to the image."""
    codes = torch.cat([torch.linspace(-0.5, 0.5, 40), torch.tensor([3.0])])[:, None]

    def decode(z):
        return torch.where(z > 2, 7 + 0 * z, 8 * z)[..., None, None]

    found = project(torch.full((1, 1, 1, 1), 8.0), decode, codes, steps=100, starts=starts, prior_weight=0.0)
    assert found.images.item() == pytest.approx(reached, abs=0.1)
