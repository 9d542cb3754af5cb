"""Use of a codebook: how many of its codes occur, and how evenly."""

import torch
from torch import Tensor
from torchmetrics import Metric


class CodeUsage(Metric):
    """How often each code occurs, over all batches; a single batch shows too few.

    Args:
        codes: number of codes.

    Example:
        >>> usage = CodeUsage(codes=4)
        >>> usage.update(torch.tensor([[0, 0], [3, 3]]))
        >>> usage.compute()
        {'codes_used': tensor(2.), 'perplexity': tensor(2.)}
    """

    counts: Tensor

    def __init__(self, codes: int) -> None:
        super().__init__()
        self.add_state("counts", torch.zeros(codes, dtype=torch.int64), dist_reduce_fx="sum")

    def update(self, indices: Tensor) -> None:
        """Add the code indices of a batch, of any shape, int64."""
        self.counts += indices.flatten().bincount(minlength=len(self.counts))

    def compute(self) -> dict[str, Tensor]:
        """Return the number of codes that occur, and the exponential of the entropy of how often each does.

        Both are the same if all occur equally often.
        """
        shares = self.counts / self.counts.sum().clamp(min=1)
        entropy = torch.special.entr(shares).sum()
        return {"codes_used": (self.counts > 0).sum().float(), "perplexity": entropy.exp()}
