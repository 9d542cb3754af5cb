"""Perplexity of sentences."""

import torch
from torch import Tensor
from torchmetrics import Metric

from genlab.vocabulary import PAD


class Perplexity(Metric):
    """Exponential of the mean negative log-probability of a word in nats; the end of a sentence counts as a word.

    Example:
        >>> perplexity = Perplexity()
        >>> perplexity.update(torch.tensor(8.0).log() * 3, torch.tensor([[4, 3], [3, 0]]))
        >>> perplexity.compute()
        tensor(8.)
    """

    nats: Tensor
    words: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.add_state("nats", torch.tensor(0.0), dist_reduce_fx="sum")
        self.add_state("words", torch.tensor(0), dist_reduce_fx="sum")

    def update(self, nats: Tensor, tokens: Tensor) -> None:
        """Add the negative log-probability of sentences (B, T), summed over the batch."""
        self.nats = self.nats + nats.detach()
        self.words = self.words + (tokens != PAD).sum()

    def compute(self) -> Tensor:
        """Compute the perplexity, a scalar."""
        return (self.nats / self.words).exp()
