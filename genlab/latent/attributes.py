"""Directions in the space of codes that change one thing in an image."""

from torch import Tensor


def attribute_vector(codes: Tensor, has: Tensor) -> Tensor:
    """The mean code of images with an attribute less that of images without: codes (N, D) and (N,) bool to (D,).

    Larsen et al. 2016, section 3.2.
    """
    return codes[has].mean(0) - codes[~has].mean(0)
