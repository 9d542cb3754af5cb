"""Directions in latent space that change one attribute of an image."""

from torch import Tensor


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
