"""Initialisation and normalisation of a network's weights: `network.apply(normal_weights)`."""

import warnings

from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.utils.parametrizations import spectral_norm


def normal_weights(module: nn.Module) -> None:
    """Initialise a layer as DCGAN does: weights with N(0, 0.02), those of normalisation layers with N(1, 0.02)."""
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
        nn.init.normal_(module.weight, 0.0, 0.02)
    elif isinstance(module, nn.BatchNorm2d | nn.InstanceNorm2d) and module.affine:
        nn.init.normal_(module.weight, 1.0, 0.02)
    if isinstance(getattr(module, "bias", None), Tensor):
        nn.init.zeros_(module.bias)  # type: ignore[arg-type]


def normalised(module: nn.Module) -> None:
    """Apply spectral normalisation to a convolution or a linear layer."""
    if isinstance(module, nn.Conv2d | nn.Linear):
        spectral_norm(module)


def warn_of_batch_norm(discriminator: nn.Module, constraint: str) -> None:
    """Warn about batch normalisation in a discriminator whose gradient is constrained at each image.

    With it, logits depend on the other images of the batch, and their scale on the batch's (Gulrajani et al. 2017,
    section 4; Miyato et al. 2018, section 4).

    Args:
        discriminator: the network.
        constraint: what constrains it, for the warning, such as "R1".
    """
    if any(isinstance(module, _BatchNorm) for module in discriminator.modules()):
        warnings.warn(
            f"{constraint} bounds a discriminator's slope at each image, but batch norm makes images interdependent; "
            "give it normalization: torch.nn.Identity, or torch.nn.InstanceNorm2d",
            stacklevel=3,
        )
