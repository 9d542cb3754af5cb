"""Health of a VAE's posterior: warnings that it has collapsed to the prior."""

import torch
from torch import Tensor

from genlab.losses.evidence import kl_standard_normal
from genlab.metrics.information import mutual_information
from genlab.models.shared.alarm import Alarm

LEARNING = 1000
"""Training steps within which codes become informative, if they ever do."""
SENTENCES = 1000
"""Number of an epoch's sentences that are used."""
SILENT = 0.5
"""Mutual information of sentences and codes, in nats, below which codes carry almost no information."""


class PosteriorHealth(Alarm):
    """Warnings at the end of a validation epoch."""

    def end_epoch(self, active_units: Tensor, step: int) -> None:
        """Warn, after enough steps of training, if no unit is active."""
        if step < LEARNING:
            return
        self.say(
            not active_units,
            "posterior",
            "the posterior has collapsed: no unit of the code varies between images; "
            "give a smaller beta, or let it grow over the first epochs with warmup_epochs",
            f"the posterior has recovered: {int(active_units)} units of the code vary between images",
            patience=1,
        )


class SentenceHealth(Alarm):
    """Information of an epoch's codes about their sentences, with a warning if there is almost none."""

    def __init__(self) -> None:
        super().__init__()
        self._posteriors: list[tuple[Tensor, Tensor]] = []

    def add(self, mean: Tensor, log_variance: Tensor) -> None:
        """Add the posteriors of a batch, each (B, D)."""
        if sum(len(means) for means, _ in self._posteriors) < SENTENCES:
            self._posteriors.append((mean, log_variance))

    def end_epoch(self, active_units: Tensor, step: int) -> None:
        """Warn, after enough steps of training, if codes carry almost no information; forget the posteriors."""
        mean, log_variance = (torch.cat(parts) for parts in zip(*self._posteriors, strict=True))
        self._posteriors.clear()
        if step < LEARNING:
            return
        kl = kl_standard_normal(mean, log_variance).mean()
        information = mutual_information(mean, log_variance, torch.Generator().manual_seed(0))
        self.say(
            bool(information < SILENT or not active_units),
            "posterior",
            f"the posterior has collapsed: the decoder writes without the code (KL {kl:.2f} nats, mutual "
            f"information {information:.2f} nats, {int(active_units)} active units). Try free_bits (0.1 to 0.5 a "
            "unit), a smaller beta, word_dropout (0.2 to 0.5), or an annealing over more steps",
            f"the posterior has recovered: mutual information {information:.2f} nats",
            patience=1,
        )
