"""The variational autoencoder of sentences (Bowman et al. 2016, arXiv:1511.06349)."""

from collections.abc import Sequence
from typing import Any, cast

import torch
from lightning.pytorch.utilities import rank_zero_info
from torch import Generator, Tensor, nn
from torch.optim import Adam

from genlab.capabilities import KnowsWords
from genlab.inputs import generator_of
from genlab.losses.annealing import Annealing
from genlab.losses.evidence import evidence, tempered
from genlab.metrics.active_units import ActiveUnits
from genlab.metrics.perplexity import Perplexity
from genlab.models.calls import of_codes
from genlab.models.latent_variable import GaussianCodes
from genlab.models.output_check import expect
from genlab.models.sentence_health import SentenceHealth
from genlab.models.sentence_model import SentenceModel
from genlab.networks.recurrent import RecurrentDecoder, RecurrentEncoder
from genlab.ranges import at_least, between, extent, if_given
from genlab.recorded import as_network
from genlab.types import Interval, OptimizerFactory, ScheduleFactory, SentenceNetworkFactory

SETTLED = 0.9
"""Share of the weight of the KL divergence below which a posterior is not judged."""


class SentenceVAE(GaussianCodes, SentenceModel):  # type: ignore[misc]  # networks are what the mixin calls
    """A Gaussian prior N(0, I) over codes, and sentences written word by word, given a code (section 3).

    Trained on the evidence lower bound, in nats per sentence: `elbo = -reconstruction - kl`. A decoder that is told all
    words before the one that it predicts can do without the code; what keeps it from that is a weight of the KL
    divergence that grows in training, words that it is not told, and free bits.

    Args:
        vocabulary: the words in the order of their numbers, `<pad>`, `<unk>`, `<start>` and `<end>` first.
        max_length: numbers of the longest sentence: its words and its end.
        code_size: dimensions of the code.
        encoder: builds the network from sentences (B, T) to the posterior's mean and log-variance (B, 2 code_size).
        decoder: builds the network from words and codes to logits of words; see `genlab.networks.RecurrentDecoder`.
        beta: weight of the KL divergence in the loss.
        annealing: in training, the share of this weight at each step; see `genlab.losses.LinearAnnealing`. Validation
            uses all of it, so that epochs compare.
        free_bits: nats of each unit of the code below which its KL divergence costs no less (Kingma et al. 2016,
            equation 15).
        word_dropout: share of the words that the decoder is not told in training (section 3.1).
        optimizer: builds the optimizer of all parameters.
        schedule: builds the schedule of its learning rate; see `genlab.schedules`.
        schedule_interval: what the schedule counts, each "step" of the optimizer or each "epoch".
        shared_embedding: whether encoder and decoder have the vectors of words in common.
        encoder_epochs: epochs that the encoder is trained for; after them it rests. By default all of them.
        code_power: of the codes that the decoder then learns from, and that validation is by: those of
            p(z) (q(z | x) / p(z))^code_power, from 0, the prior, to 1, the posterior.

    Example:
        >>> words = ["<pad>", "<unk>", "<start>", "<end>", "i", "like", "tea", "."]
        >>> vae = genlab.SentenceVAE(words, max_length=6, code_size=8)
        >>> codes = vae.encode(["i like tea .", "tea ."])
        >>> codes.shape
        torch.Size([2, 8])
        >>> lines = vae.sentences(vae.decode(codes))
    """

    capabilities = (*GaussianCodes.capabilities, KnowsWords)

    def __init__(
        self,
        vocabulary: Sequence[str],
        max_length: int,
        code_size: int = 32,
        encoder: SentenceNetworkFactory = RecurrentEncoder,
        decoder: SentenceNetworkFactory = RecurrentDecoder,
        beta: float = 1.0,
        annealing: Annealing | None = None,
        free_bits: float = 0.0,
        word_dropout: float = 0.0,
        optimizer: OptimizerFactory = Adam,
        schedule: ScheduleFactory | None = None,
        schedule_interval: Interval = "step",
        shared_embedding: bool = False,
        encoder_epochs: int | None = None,
        code_power: float = 0.75,
    ) -> None:
        super().__init__(
            vocabulary,
            max_length,
            word_dropout=word_dropout,
            optimizer=optimizer,
            schedule=schedule,
            schedule_interval=schedule_interval,
        )
        extent(code_size=code_size)
        at_least(0, beta=beta, free_bits=free_bits, **if_given(encoder_epochs=encoder_epochs))
        between(0, 1, code_power=code_power)
        self.save_hyperparameters()
        self.code_shape = (code_size,)
        self.encoder = as_network(encoder, len(self.vocabulary), 2 * code_size)
        self.decoder = as_network(decoder, len(self.vocabulary), code_size)
        if shared_embedding:
            self.share_embedding(self.encoder)
        expect(self.encoder, (2 * code_size,), f"SentenceVAE with code_size {code_size}")
        self.beta, self.annealing, self.free_bits = beta, annealing, free_bits
        self.encoder_epochs, self.code_power = encoder_epochs, code_power
        self.active_units, self.perplexity = ActiveUnits(code_size), Perplexity()
        self._health = SentenceHealth()

    def setup(self, stage: str) -> None:
        """Under DDP, let an encoder that rests have no gradients."""
        super().setup(stage)
        if self.encoder_epochs is not None:
            self.allow_missing_gradients()

    def on_train_start(self) -> None:
        """Let the encoder rest where training is resumed inside an epoch."""
        super().on_train_start()
        self._rest()

    def on_train_epoch_start(self) -> None:
        """Let the encoder rest once it is time to."""
        if self.encoder_epochs == self.current_epoch:
            rank_zero_info(f"epoch {self.current_epoch}: the encoder is now frozen, and only the decoder is trained")
        self._rest()

    @property
    def encoder_rests(self) -> bool:
        """Whether the decoder is trained alone by now."""
        return self.encoder_epochs is not None and self.current_epoch >= self.encoder_epochs

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        x = self.tokens(batch)
        metrics = self.decoder_evidence(x) if self.encoder_rests else self.evidence(x, self.grown() * self.beta)
        self.log_batch(metrics, progress_bar="elbo")
        return metrics["loss"]

    def evaluation_step(self, stage: str, batch: Any, batch_idx: int) -> None:
        x = self.tokens(batch)
        metrics = self.evidence(x, self.beta) if self.encoder_epochs is None else self.decoder_evidence(x)
        posterior = self.posterior(x)
        self.log_epoch(stage, metrics, batch, progress_bar="elbo")
        self.active_units.update(posterior[0])
        self.perplexity.update(-len(x) * metrics["elbo"], x)
        self.log(f"{stage}/active_units", self.active_units)
        self.log(f"{stage}/perplexity", self.perplexity)
        if stage == "val":
            self._health.add(*posterior)

    def on_validation_epoch_end(self) -> None:
        """Warn of a posterior that has collapsed."""
        super().on_validation_epoch_end()
        settled = not self.trainer.sanity_checking and self.grown() > SETTLED
        self._health.end_epoch(int(self.active_units.compute()), self.global_step if settled else 0)

    def decoder_evidence(self, x: Tensor) -> dict[str, Tensor]:
        """Estimate the evidence lower bound of sentences, its parts and the loss, for a decoder whose encoder rests.

        Scalars in nats per sentence; codes are those of the posterior to `code_power`, without gradients.
        """
        with torch.no_grad():
            mean, log_variance = tempered(*self.posterior(x), self.code_power)
        return evidence(mean, log_variance, lambda z: self.log_probs(x, z))

    def grown(self) -> float:
        """Return the share of the weight of the KL divergence that it has in training by now."""
        return self.annealing(self.global_step) if self.annealing else 1.0

    def predict_step(self, batch: Any, batch_idx: int) -> dict[str, Tensor]:
        """Predict the "code" and the "reconstruction" of each sentence."""
        codes = self.encode(self.tokens(batch))
        return {"code": codes, "reconstruction": self.decode(codes)}

    @of_codes
    def decode(self, z: Tensor, generator: Generator | None = None) -> Tensor:
        """Decode codes to sentences (B, max_length), as `decoding` says.

        Args:
            z: codes (B, code_size).
            generator: of a decoding that draws, on the CPU.
        """
        return self.written(z, generator)

    def sample(self, n: int, *, seed: int | None = None, generator: Generator | None = None) -> Tensor:
        """Sample sentences from the prior: (n, max_length).

        Args:
            n: how many.
            seed: of the codes, and of a decoding that draws.
            generator: in place of a seed, on the CPU.
        """
        random = generator_of(seed, generator) or torch.default_generator
        return self.decode(self.draw_codes(n, generator=random), generator=random)

    def log_probs(self, x: Tensor, z: Tensor) -> Tensor:
        """Compute log p(x | z) of sentences (B, T), each under K codes (K, B, code_size): (K, B)."""
        repeated = x.expand(len(z), *x.shape).flatten(0, 1)
        return self.log_prob_given(repeated, z.flatten(0, 1)).view(len(z), -1)

    def decoded_values(self, x: Tensor) -> int:
        """Return the number of logits of sentences."""
        return x.numel() * len(self.vocabulary)

    def _rest(self) -> None:
        """Train the encoder, with vectors of words that it shares, or let it rest, in evaluation mode."""
        if self.encoder_epochs is not None:
            cast(nn.Module, self.encoder).requires_grad_(not self.encoder_rests).train(not self.encoder_rests)
