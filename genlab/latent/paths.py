"""Ways through the space of codes."""

import torch
from torch import Tensor
from torch.distributions import Normal


def normal_lattice(side: int) -> Tensor:
    """A square lattice of 2-D codes, spaced evenly in the probability of a standard normal: (side * side, 2).

    The unit square's lattice through the normal's inverse distribution function (Kingma & Welling 2013, figure 4).
    Row by row from the top left: the first coordinate grows to the right, the second upwards.
    """
    quantiles = Normal(0.0, 1.0).icdf((torch.arange(side) + 0.5) / side)
    second, first = torch.meshgrid(quantiles.flip(0), quantiles, indexing="ij")
    return torch.stack([first, second], dim=-1).view(-1, 2)
