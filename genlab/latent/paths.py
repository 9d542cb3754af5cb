"""Paths, lattices and directions in latent space."""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.distributions import Normal


def normal_lattice(side: int) -> Tensor:
    """Build a square lattice of 2-D codes, spaced evenly in the probability of a standard normal: (side * side, 2).

    A regular lattice of the unit square is mapped by the normal's inverse distribution function (Kingma & Welling 2013,
    figure 4). Codes come row by row from the top left: the first coordinate grows to the right, the second upwards.
    """
    quantiles = Normal(0.0, 1.0).icdf((torch.arange(side) + 0.5) / side)
    second, first = torch.meshgrid(quantiles.flip(0), quantiles, indexing="ij")
    return torch.stack([first, second], dim=-1).view(-1, 2)


def lerp(start: Tensor, end: Tensor, steps: int) -> Tensor:
    """Interpolate linearly between codes (B, D), both ends included: (B, steps, D).

    Example:
        >>> lerp(torch.tensor([[0.0, 0.0]]), torch.tensor([[4.0, 2.0]]), steps=3)
        tensor([[[0., 0.],
                 [2., 1.],
                 [4., 2.]]])
    """
    return lerp_at(start[:, None], end[:, None], torch.linspace(0, 1, steps, device=start.device)[:, None])


def lerp_at(start: Tensor, end: Tensor, share: Tensor) -> Tensor:
    """Interpolate linearly between codes (..., D), at shares of the way (..., 1)."""
    return start * (1 - share) + end * share


def slerp(start: Tensor, end: Tensor, steps: int) -> Tensor:
    """Interpolate spherically between codes (B, D), both ends included: (B, steps, D).

    Codes lie at evenly spaced angles around the origin (Shoemake 1985; White 2016), at the radius where a Gaussian
    prior has its mass. Between codes in the same or in opposite directions, interpolation is linear.

    Example:
        >>> slerp(torch.tensor([[1.0, 0.0]]), torch.tensor([[0.0, 1.0]]), steps=3).norm(dim=-1)
        tensor([[1.0000, 1.0000, 1.0000]])
    """
    return slerp_at(start[:, None], end[:, None], torch.linspace(0, 1, steps, device=start.device)[:, None])


def slerp_at(start: Tensor, end: Tensor, share: Tensor) -> Tensor:
    """Interpolate spherically between codes (..., D), at shares of the way (..., 1); see `slerp`."""
    cosine = torch.cosine_similarity(start, end, dim=-1).clamp(-1, 1)[..., None]
    angle = cosine.acos()
    curved = (((1 - share) * angle).sin() * start + (share * angle).sin() * end) / angle.sin()
    return torch.where(cosine.abs() > 1 - 1e-6, lerp_at(start, end, share), curved)


def between(start: Tensor, end: Tensor, steps: int, path: Callable[[Tensor, Tensor, int], Tensor] = lerp) -> Tensor:
    """Interpolate between codes of any shape, as if they were vectors: (B, ...) to (B, steps, ...)."""
    codes: Tensor = path(start.flatten(1), end.flatten(1), steps).unflatten(2, start.shape[1:])
    return codes


def square(corners: Tensor, side: int) -> Tensor:
    """Interpolate bilinearly between four codes: a square lattice of codes, row by row, (side * side, D).

    Args:
        corners: the codes at the top left, top right, bottom left and bottom right, (4, D).
        side: number of codes along a side.
    """
    left, right = lerp(corners[:2], corners[2:], side)
    return lerp(left, right, side).flatten(0, 1)


def attribute_vector(codes: Tensor, has: Tensor) -> Tensor:
    """Attribute vector: the mean code of images with an attribute minus that of images without it.

    (Larsen et al. 2016, section 3.2.)

    Args:
        codes: codes of images, (N, D).
        has: whether each image has the attribute, (N,), bool.

    Returns:
        The direction, (D,).

    Example:
        >>> codes = torch.tensor([[1.0, 0.0], [3.0, 0.0], [0.0, 1.0]])
        >>> attribute_vector(codes, torch.tensor([True, True, False]))
        tensor([ 2., -1.])
    """
    return codes[has].mean(0) - codes[~has].mean(0)


def principal(codes: Tensor) -> tuple[Tensor, Tensor]:
    """Find the principal components of codes (N, D): unit vectors (K, D), and standard deviations along them (K,).

    Each points in the direction in which its largest entry is positive, so that maps do not flip.
    """
    _, spread, axes = torch.linalg.svd((codes - codes.mean(0)).double(), full_matrices=False)
    largest = axes.gather(1, axes.abs().argmax(1, keepdim=True))
    return (axes * largest.sign()).float(), (spread / len(codes) ** 0.5).float()
