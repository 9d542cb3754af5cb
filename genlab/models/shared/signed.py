"""Images in [-1, 1], as the networks of adversarial models see and generate them."""

from collections.abc import Callable

import torch
from torch import Tensor


class SignedGenerators:
    """Mixin for models whose generators' outputs become images in [-1, 1] through an activation."""

    output_activation: Callable[[Tensor], Tensor] = staticmethod(torch.tanh)

    def generated(self, generator: Callable[..., Tensor], *inputs: Tensor) -> Tensor:
        """Return a generator's output for its inputs as images in [-1, 1]."""
        return self.output_activation(generator(*inputs))


def signed(images: Tensor) -> Tensor:
    """Convert images in [0, 1] to [-1, 1]."""
    return 2 * images - 1


def unsigned(images: Tensor) -> Tensor:
    """Convert images in [-1, 1] to [0, 1]."""
    return (images + 1) / 2
