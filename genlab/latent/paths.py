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


def line(start: Tensor, end: Tensor, steps: int) -> Tensor:
    """Codes at even steps on the straight lines between codes (B, D), both ends included: (B, steps, D)."""
    share = torch.linspace(0, 1, steps, device=start.device)[:, None]
    return start[:, None] * (1 - share) + end[:, None] * share


def arc(start: Tensor, end: Tensor, steps: int) -> Tensor:
    """Codes at even angles on the arcs around the origin between codes (B, D), both ends included: (B, steps, D).

    Spherical interpolation (Shoemake 1985; White 2016), which stays at the radius where a Gaussian prior has its mass.
    Codes in the same or in opposite directions are joined by the straight line.
    """
    share = torch.linspace(0, 1, steps, device=start.device)[:, None]
    cosine = torch.cosine_similarity(start, end, dim=1).clamp(-1, 1)[:, None, None]
    angle = cosine.acos()
    weights = ((1 - share) * angle).sin() / angle.sin(), (share * angle).sin() / angle.sin()
    curved = weights[0] * start[:, None] + weights[1] * end[:, None]
    return torch.where(cosine.abs() > 1 - 1e-6, line(start, end, steps), curved)


def square(corners: Tensor, side: int) -> Tensor:
    """Codes on a square lattice between four codes (4, D): top left, top right, bottom left, bottom right.

    Row by row, (side * side, D).
    """
    left, right = line(corners[:2], corners[2:], side)
    return line(left, right, side).flatten(0, 1)
