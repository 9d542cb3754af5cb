"""The recurrent language model of sentences, a baseline for a VAE's likelihood (Mikolov et al. 2010)."""

from typing import Any

import torch
from torch import Generator, Tensor
from torch.optim import Adam

from genlab.capabilities import ExactLikelihood, KnowsWords, Samples
from genlab.inputs import random_of
from genlab.metrics.perplexity import Perplexity
from genlab.models.shared.calls import of_images
from genlab.models.shared.sentence_model import SentenceModel
from genlab.networks.decoding import Decoding, sample_tokens
from genlab.networks.recurrent import RecurrentDecoder
from genlab.ranges import count
from genlab.recorded import as_network
from genlab.types import Interval, OptimizerFactory, ScheduleFactory, SentenceNetworkFactory


class SentenceLM(SentenceModel):
    """A distribution of sentences, word by word, without a code: p(x) is the product of each word's probability.

    Trained on -log p(x), in nats per sentence.

    Args:
        vocabulary: words in the order of their token ids, `<pad>`, `<unk>`, `<start>` and `<end>` first.
        max_length: number of tokens in the longest sentence: its words and its end.
        decoder: builds the network from words to the logits of the next words, given a code of size 0; see
            `genlab.networks.RecurrentDecoder`.
        optimizer: builds the optimizer of all parameters.
        schedule: builds its learning-rate schedule; see `genlab.schedules`.
        schedule_interval: what the schedule counts, each "step" of the optimizer or each "epoch".
    """

    capabilities = (Samples, ExactLikelihood, KnowsWords)
    decoding: Decoding = staticmethod(sample_tokens)
    """How logits become sentences; by default each word is sampled."""

    def __init__(
        self,
        vocabulary: tuple[str, ...],
        max_length: int,
        decoder: SentenceNetworkFactory = RecurrentDecoder,
        optimizer: OptimizerFactory = Adam,
        schedule: ScheduleFactory | None = None,
        schedule_interval: Interval = "step",
    ) -> None:
        super().__init__(
            vocabulary,
            max_length,
            word_dropout=0.0,
            optimizer=optimizer,
            schedule=schedule,
            schedule_interval=schedule_interval,
        )
        self.save_hyperparameters()
        self.levels = len(self.vocabulary)
        self.decoder = as_network(decoder, len(self.vocabulary), 0)
        self.perplexity = Perplexity()

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        loss = self.errors(self.tokens(batch)).mean()
        self.log_batch({"loss": loss}, progress_bar="loss")
        return loss

    def evaluation_step(self, stage: str, batch: Any, batch_idx: int) -> None:
        x = self.tokens(batch)
        errors = self.errors(x)
        self.log_epoch(stage, {"loss": errors.mean()}, batch, progress_bar="loss")
        self.perplexity.update(errors.sum(), x)
        self.log(f"{stage}/perplexity", self.perplexity)

    def errors(self, x: Tensor) -> Tensor:
        """Return -log p(x) of sentences (B, T) in nats, (B,)."""
        return -self.log_prob_given(x, self.no_code(len(x)))

    @of_images
    def log_prob(self, x: Tensor) -> Tensor:
        """Compute log p(x) of sentences (B, T) in nats, (B,)."""
        return -self.errors(self.seen(x))

    @torch.no_grad()
    def sample(self, n: int, *, seed: int | None = None, generator: Generator | None = None) -> Tensor:
        """Sample sentences: (n, max_length).

        Args:
            n: number of sentences.
            seed: seed of the draws.
            generator: CPU generator, instead of a seed.
        """
        count(n=n)
        return self.written(self.no_code(n), random_of(seed, generator))

    def no_code(self, count: int) -> Tensor:
        """Return codes of size 0 for `count` sentences: (count, 0)."""
        return torch.zeros(count, 0, device=self.device)
