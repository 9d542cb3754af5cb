"""How many units of a code say anything about the image."""

from functools import reduce

import torch
from lightning.pytorch.utilities import rank_zero_warn
from torch import Tensor
from torchmetrics import Metric

PATIENCE = 1000
"""Steps of training in which codes come to say something, where they ever do."""


Parts = tuple[Tensor, Tensor, Tensor]


class ActiveUnits(Metric):
    """The number of units whose posterior mean varies over images by more than 0.01 (Burda et al. 2016, section 5.2).

    The variance over all images, divided by their number. Squares are summed around the mean (Chan et al. 1979): for
    means far from 0, the difference of two large numbers in float32 would be noise.

    Args:
        code_size: units of a code.
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
        """Take the posterior means (B, code_size) of a batch into account."""
        means = means.detach().float()
        mean = means.mean(0)
        batch = mean, (means - mean).square().sum(0), torch.full_like(self.count, len(means))
        self.mean, self.squares, self.count = merged((self.mean, self.squares, self.count), batch)

    def warn_of_collapse(self, step: int) -> None:
        """Warn when there are none after so many steps: codes say nothing about images, the posterior is the prior."""
        if step >= PATIENCE and self.compute() == 0:
            rank_zero_warn(
                "the posterior has collapsed: no unit of the code varies from image to image; "
                "give a smaller beta, or let it grow over the first epochs with warmup_epochs"
            )

    def compute(self) -> Tensor:
        """The number, a scalar."""
        parts = self.mean, self.squares, self.count
        if self.count.ndim:
            parts = reduce(merged, zip(*parts, strict=True))
        _, squares, count = parts
        return (squares / count > 0.01).sum()


def merged(one: Parts, other: Parts) -> Parts:
    """The mean, the sum of squared differences from it, and the count of two sets of values together."""
    (mean, squares, count), (other_mean, other_squares, other_count) = one, other
    total = count + other_count
    share = other_count / total.clamp(min=1)
    away = other_mean - mean
    return mean + share * away, squares + other_squares + count * share * away.square(), total
