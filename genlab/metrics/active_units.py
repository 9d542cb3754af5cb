"""Active units: how many units of a code carry information about the image."""

from functools import reduce

import torch
from torch import Tensor
from torchmetrics import Metric

Parts = tuple[Tensor, Tensor, Tensor]


class ActiveUnits(Metric):
    """Number of units whose posterior mean has a variance above 0.01 over images (Burda et al. 2016, section 5.2).

    Squares are summed around the mean (Chan et al. 1979): for means far from 0, the difference of two large float32
    numbers would be noise.

    Args:
        code_size: number of units of a code.

    Example:
        >>> units = ActiveUnits(code_size=3)
        >>> units.update(torch.tensor([[0.0, 1.0, 5.0], [0.0, -1.0, 5.0]]))
        >>> units.compute()
        tensor(1)
    """

    mean: Tensor
    squares: Tensor
    """Sums of squared differences from the mean."""
    count: Tensor

    def __init__(self, code_size: int) -> None:
        super().__init__()
        self.add_state("mean", torch.zeros(code_size), dist_reduce_fx=None)  # processes' states are stacked
        self.add_state("squares", torch.zeros(code_size), dist_reduce_fx=None)
        self.add_state("count", torch.tensor(0), dist_reduce_fx=None)

    def update(self, means: Tensor) -> None:
        """Add the posterior means (B, code_size) of a batch."""
        means = means.detach().float()
        mean = means.mean(0)
        batch = mean, (means - mean).square().sum(0), torch.full_like(self.count, len(means))
        self.mean, self.squares, self.count = merged((self.mean, self.squares, self.count), batch)

    def compute(self) -> Tensor:
        """Compute the number of active units, a scalar."""
        parts = self.mean, self.squares, self.count
        if self.count.ndim:
            parts = reduce(merged, zip(*parts, strict=True))
        _, squares, count = parts
        return (squares / count > 0.01).sum()


def merged(one: Parts, other: Parts) -> Parts:
    """Merge the means, sums of squared differences from the mean, and counts of two sets of values."""
    (mean, squares, count), (other_mean, other_squares, other_count) = one, other
    total = count + other_count
    share = other_count / total.clamp(min=1)
    away = other_mean - mean
    return mean + share * away, squares + other_squares + count * share * away.square(), total
