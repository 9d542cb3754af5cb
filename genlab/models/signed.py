"""Images in [-1, 1], as the networks of adversarial models see and make them."""

from collections.abc import Callable

import torch
from torch import Tensor


class SignedGenerators:
    """Mixin of models whose generators' outputs are made images in [-1, 1] by an activation."""

    output_activation: Callable[[Tensor], Tensor] = staticmethod(torch.tanh)

    def generated(self, generator: Callable[..., Tensor], *inputs: Tensor) -> Tensor:
        """Return what a generator makes of its inputs as images in [-1, 1]."""
        return self.output_activation(generator(*inputs))


def signed(images: Tensor) -> Tensor:
    """Convert images in [0, 1] to [-1, 1]."""
    return 2 * images - 1


def unsigned(images: Tensor) -> Tensor:
    """Convert images in [-1, 1] to [0, 1]."""
    return (images + 1) / 2
