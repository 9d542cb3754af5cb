"""How many units of a code say anything about the image."""

import torch
from lightning.pytorch.utilities import rank_zero_warn
from torch import Tensor
from torchmetrics import Metric

PATIENCE = 1000
"""Steps of training in which codes come to say something, where they ever do."""


class ActiveUnits(Metric):
    """The number of units whose posterior mean varies over images by more than 0.01 (Burda et al. 2016, section 5.2).

    Args:
        code_size: units of a code.
    """

    total: Tensor
    squares: Tensor
    count: Tensor

    def __init__(self, code_size: int) -> None:
        super().__init__()
        self.add_state("total", torch.zeros(code_size), dist_reduce_fx="sum")
        self.add_state("squares", torch.zeros(code_size), dist_reduce_fx="sum")
        self.add_state("count", torch.tensor(0), dist_reduce_fx="sum")

    def update(self, means: Tensor) -> None:
        """Take the posterior means (B, code_size) of a batch into account."""
        means = means.float()
        self.total = self.total + means.sum(0)
        self.squares = self.squares + means.square().sum(0)
        self.count = self.count + len(means)

    def warn_of_collapse(self, step: int) -> None:
        """Warn when there are none after so many steps: codes say nothing about images, the posterior is the prior."""
        if step >= PATIENCE and self.compute() == 0:
            rank_zero_warn(
                "the posterior has collapsed: no unit of the code varies from image to image; "
                "give a smaller beta, or let it grow over the first epochs with warmup_epochs"
            )

    def compute(self) -> Tensor:
        """The number, a scalar."""
        variance = self.squares / self.count - (self.total / self.count).square()
        return (variance > 0.01).sum()
