"""Health of a VAE of sentences: a warning of a posterior that has collapsed to the prior."""

import torch
from lightning.pytorch.utilities import rank_zero_warn
from torch import Tensor

from genlab.losses.evidence import kl_standard_normal
from genlab.metrics.active_units import PATIENCE
from genlab.metrics.information import mutual_information

SENTENCES = 1000
"""Number of an epoch's sentences that are used."""
SILENT = 0.5
"""Mutual information of sentences and codes, in nats, below which codes carry almost no information."""


class SentenceHealth:
    """Information of an epoch's codes about their sentences, with one warning if there is almost none."""

    def __init__(self) -> None:
        self._posteriors: list[tuple[Tensor, Tensor]] = []
        self._said = False

    def add(self, mean: Tensor, log_variance: Tensor) -> None:
        """Add the posteriors of a batch, each (B, D)."""
        if sum(len(means) for means, _ in self._posteriors) < SENTENCES:
            self._posteriors.append((mean, log_variance))

    def end_epoch(self, active_units: int, step: int) -> None:
        """Warn, after enough steps of training, if codes carry almost no information; forget the posteriors."""
        mean, log_variance = (torch.cat(parts) for parts in zip(*self._posteriors, strict=True))
        self._posteriors.clear()
        if step < PATIENCE or self._said:
            return
        kl = kl_standard_normal(mean, log_variance).mean()
        information = mutual_information(mean, log_variance, torch.Generator().manual_seed(0))
        if information < SILENT or not active_units:
            self._said = True
            rank_zero_warn(
                f"the posterior has collapsed: the decoder writes without the code (KL {kl:.2f} nats, mutual "
                f"information {information:.2f} nats, {active_units} active units). Try free_bits (0.1 to 0.5 a unit), "
                "a smaller beta, word_dropout (0.2 to 0.5), or an annealing over more steps"
            )
