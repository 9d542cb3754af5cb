"""What is done to a network's layers once they are built: `network.apply(normal_weights)`."""

from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm


def normal_weights(module: nn.Module) -> None:
    """Draw the weights of a layer from N(0, 0.02), those of a normalisation from N(1, 0.02), as DCGAN does."""
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
