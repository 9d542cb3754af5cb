"""Path length regularization of generators (Karras et al. 2020, arXiv:1912.04958, section 3.2)."""

import torch
from torch import Tensor, nn

from genlab.precision import at_least_float32
from genlab.ranges import at_least, share


class PathLength(nn.Module):
    """Penalty weight * (||J^T y|| - a)^2 on a generator's Jacobian J in its styles, for random images y (equation 4).

    a is a moving average of the lengths, which `follow` updates and checkpoints keep.

    Args:
        weight: weight of the penalty.
        decay: share of the average that a step keeps.

    Example:
        >>> penalty = PathLength(weight=2.0)
        >>> styles = torch.randn(2, 3, 4, requires_grad=True)
        >>> images = styles.flatten(1)[:, None, None]  # of 12 pixels
        >>> lengths = penalty.lengths(images, styles, torch.ones(2, 1, 1, 12))
        >>> lengths.detach()  # each of three layers has a gradient of 4 numbers, 1 / sqrt(12)
        tensor([0.5774, 0.5774])
        >>> penalty.follow(lengths.mean())
        >>> penalty(lengths).detach()
        tensor([0.6534, 0.6534])
    """

    average: Tensor

    def __init__(self, weight: float = 2.0, decay: float = 0.99) -> None:
        super().__init__()
        at_least(0, weight=weight)
        share(decay=decay)
        self.weight, self.decay = weight, decay
        self.register_buffer("average", torch.zeros(()))

    @staticmethod
    def lengths(images: Tensor, styles: Tensor, y: Tensor) -> Tensor:
        """Compute ||J^T y||, (B,), the root mean square over layers, differentiably.

        Args:
            images: (B, C, H, W), generated from styles outside of autocast.
            styles: (B, num_layers, style_size).
            y: shaped like images, drawn from N(0, I); divided here by the root of the number of pixels.
        """
        pixels = images[0, 0].numel()
        (gradients,) = torch.autograd.grad((images * y).sum() / pixels**0.5, styles, create_graph=True)
        return at_least_float32(gradients).square().sum(2).mean(1).sqrt()

    @torch.no_grad()
    def follow(self, mean: Tensor) -> None:
        """Move the average towards the mean length of a step."""
        self.average.lerp_(mean.to(self.average), 1 - self.decay)

    def forward(self, lengths: Tensor) -> Tensor:
        """Compute the penalty on lengths, each (B,)."""
        return self.weight * (lengths - self.average).square()
