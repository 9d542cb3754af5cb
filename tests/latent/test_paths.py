"""Paths and lattices in latent space."""

import torch
from torch.distributions import Normal

from genlab.latent import attribute_vector, lerp, normal_lattice, slerp, square


def test_lattice_is_even_in_probability():
    lattice = normal_lattice(5).view(5, 5, 2)
    probabilities = Normal(0.0, 1.0).cdf(lattice)
    torch.testing.assert_close(probabilities[0, :, 0], torch.tensor([0.1, 0.3, 0.5, 0.7, 0.9]))
    torch.testing.assert_close(probabilities[:, 0, 1], torch.tensor([0.9, 0.7, 0.5, 0.3, 0.1]))


def test_lattice_goes_right_with_the_first_coordinate_and_up_with_the_second():
    lattice = normal_lattice(4).view(4, 4, 2)
    assert (lattice[:, 1:, 0] > lattice[:, :-1, 0]).all()
    assert (lattice[1:, :, 1] < lattice[:-1, :, 1]).all()


def test_lerp_has_even_steps():
    start, end = torch.randn(3, 5), torch.randn(3, 5)
    way = lerp(start, end, 4)
    assert way.shape == (3, 4, 5)
    torch.testing.assert_close(way[:, 1], start + (end - start) / 3)
    torch.testing.assert_close(way[:, [0, -1]], torch.stack([start, end], 1))


def test_slerp_keeps_the_radius_and_has_even_angles():
    start, end = (torch.nn.functional.normalize(torch.randn(3, 5)) * 2 for _ in range(2))
    way = slerp(start, end, 5)
    torch.testing.assert_close(way[:, [0, -1]], torch.stack([start, end], 1))
    torch.testing.assert_close(way.norm(dim=2), torch.full((3, 5), 2.0))
    cosines = torch.cosine_similarity(way[:, :-1], way[:, 1:], dim=2)
    torch.testing.assert_close(cosines, cosines[:, :1].expand(3, 4))


def test_slerp_between_codes_in_one_direction_is_linear():
    start = torch.tensor([[1.0, 0.0], [1.0, 0.0]])
    end = torch.tensor([[3.0, 0.0], [-1.0, 0.0]])
    torch.testing.assert_close(slerp(start, end, 3), lerp(start, end, 3))


def test_a_square_has_its_corners_and_its_middle():
    corners = torch.randn(4, 6)
    lattice = square(corners, 5).view(5, 5, 6)
    torch.testing.assert_close(torch.stack([lattice[0, 0], lattice[0, -1], lattice[-1, 0], lattice[-1, -1]]), corners)
    torch.testing.assert_close(lattice[2, 2], corners.mean(0))


def test_an_attribute_vector_is_the_difference_of_means():
    codes = torch.randn(10, 3)
    has = torch.arange(10) < 4
    torch.testing.assert_close(attribute_vector(codes, has), codes[:4].mean(0) - codes[4:].mean(0))
