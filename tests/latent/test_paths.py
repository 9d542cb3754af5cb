"""Ways through the space of codes."""

import torch
from torch.distributions import Normal

from genlab.latent import normal_lattice


def test_lattice_is_even_in_probability():
    lattice = normal_lattice(5).view(5, 5, 2)
    probabilities = Normal(0.0, 1.0).cdf(lattice)
    torch.testing.assert_close(probabilities[0, :, 0], torch.tensor([0.1, 0.3, 0.5, 0.7, 0.9]))
    torch.testing.assert_close(probabilities[:, 0, 1], torch.tensor([0.9, 0.7, 0.5, 0.3, 0.1]))


def test_lattice_goes_right_with_the_first_coordinate_and_up_with_the_second():
    lattice = normal_lattice(4).view(4, 4, 2)
    assert (lattice[:, 1:, 0] > lattice[:, :-1, 0]).all()
    assert (lattice[1:, :, 1] < lattice[:-1, :, 1]).all()
