"""The variational autoencoder of sentences (Bowman et al. 2016, arXiv:1511.06349)."""

from typing import Any, cast

import torch
from lightning.pytorch.utilities import rank_zero_info
from torch import Generator, Tensor, nn
from torch.optim import Adam

from genlab.capabilities import KnowsWords
from genlab.inputs import random_of
from genlab.losses.annealing import Annealing
from genlab.losses.evidence import evidence, tempered
from genlab.metrics.active_units import ActiveUnits
from genlab.metrics.perplexity import Perplexity
from genlab.models.shared.calls import of_codes
from genlab.models.shared.latent_variable import GaussianCodes
from genlab.models.shared.output_check import expect
from genlab.models.shared.posterior_health import SentenceHealth
from genlab.models.shared.sentence_model import SentenceModel
from genlab.networks.recurrent import RecurrentDecoder, RecurrentEncoder
from genlab.ranges import at_least, between, extent, if_given
from genlab.recorded import as_network
from genlab.types import Interval, OptimizerFactory, ScheduleFactory, SentenceNetworkFactory

SETTLED = 0.9
"""Share of the KL divergence's full weight below which a posterior is not judged."""


class SentenceVAE(GaussianCodes, SentenceModel):  # type: ignore[misc]  # the mixin's callables are networks
    """A variational autoencoder of sentences: codes z ~ N(0, I), and words given a code (section 3).

    Trained on the evidence lower bound, in nats per sentence: `elbo = -reconstruction - kl`. A decoder that sees all
    words before the one it predicts can learn to ignore the code; a KL weight that grows during training, words that
    are hidden from the decoder, and free bits prevent this.

    With a `beta` below 1, codes say more, at the cost of a lower bound. With `encoder_epochs`, the encoder is then
    frozen, and the decoder alone is trained on the bound itself, with codes from a wider posterior (`tempered` in
    `genlab.losses.evidence`): the codes keep what they say, for much less of that cost.

    Args:
        vocabulary: words in the order of their token ids, `<pad>`, `<unk>`, `<start>` and `<end>` first.
        max_length: number of tokens in the longest sentence: its words and its end.
        code_size: dimensions of the code.
        encoder: builds the network from sentences (B, T) to the posterior's mean and log-variance (B, 2 code_size).
        decoder: builds the network from words and codes to logits of words; see `genlab.networks.RecurrentDecoder`.
        beta: weight of the KL divergence in the loss.
        annealing: share of this weight at each training step; see `genlab.losses.LinearAnnealing`. Validation always
            uses the full weight, so that epochs compare.
        free_bits: minimum at which the KL divergence of each unit of the code is counted in the loss, in nats (Kingma
            et al. 2016, equation 15).
        word_dropout: share of the words that are hidden from the decoder in training (section 3.1).
        optimizer: builds the optimizer of all parameters.
        schedule: builds its learning-rate schedule; see `genlab.schedules`.
        schedule_interval: what the schedule counts, each "step" of the optimizer or each "epoch".
        shared_embedding: whether encoder and decoder share their word embeddings.
        encoder_epochs: number of epochs after which the encoder is frozen; by default it is never frozen.
        code_power: with `encoder_epochs`, codes that train the decoder alone, and all codes in validation, are drawn
            from p(z) (q(z | x) / p(z))^code_power: from the prior for 0, from the posterior for 1.

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
        vocabulary: tuple[str, ...],
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
        self._thawed_later: list[nn.Parameter] | None = None
        self.active_units, self.perplexity = ActiveUnits(code_size), Perplexity()
        self._health = SentenceHealth()

    def setup(self, stage: str) -> None:
        """Under DDP, allow a frozen encoder to have no gradients."""
        super().setup(stage)
        if self.encoder_epochs is not None:
            self.allow_missing_gradients()

    def on_train_start(self) -> None:
        """Freeze the encoder if it is due, also when training is resumed inside an epoch."""
        super().on_train_start()
        self._freeze()

    def on_train_epoch_start(self) -> None:
        """Freeze the encoder once it is due."""
        if self.encoder_epochs == self.current_epoch:
            rank_zero_info(f"epoch {self.current_epoch}: the encoder is now frozen, and only the decoder is trained")
        self._freeze()

    @property
    def encoder_is_frozen(self) -> bool:
        """Whether the encoder is frozen by now, and the decoder trained alone."""
        return self.encoder_epochs is not None and self.current_epoch >= self.encoder_epochs

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        x = self.tokens(batch)
        metrics = self.decoder_evidence(x) if self.encoder_is_frozen else self.evidence(x, self.grown() * self.beta)
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
        if self.active_units.update_called:
            self._health.end_epoch(self.active_units.compute(), self.global_step if settled else 0)

    def decoder_evidence(self, x: Tensor) -> dict[str, Tensor]:
        """Estimate the evidence lower bound of sentences, its parts and the loss, for a decoder trained alone.

        Scalars in nats per sentence; codes are drawn from the posterior tempered with `code_power`, without gradients.
        """
        with torch.no_grad():
            mean, log_variance = tempered(*self.posterior(x), self.code_power)
        return evidence(mean, log_variance, lambda z: self.log_probs(x, z))

    def grown(self) -> float:
        """Return the share of the KL divergence's weight that training uses by now."""
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
            generator: CPU generator for a decoding that samples.
        """
        return self.written(z, generator)

    def sample(self, n: int, *, seed: int | None = None, generator: Generator | None = None) -> Tensor:
        """Sample sentences from the prior: (n, max_length).

        Args:
            n: number of sentences.
            seed: seed of the codes, and of a decoding that samples.
            generator: CPU generator, instead of a seed.
        """
        random = random_of(seed, generator)
        return self.decode(self.draw_codes(n, generator=random), generator=random)

    def log_probs(self, x: Tensor, z: Tensor) -> Tensor:
        """Compute log p(x | z) of sentences (B, T), each under K codes (K, B, code_size): (K, B)."""
        repeated = x.expand(len(z), *x.shape).flatten(0, 1)
        return self.log_prob_given(repeated, z.flatten(0, 1)).view(len(z), -1)

    def decoded_values(self, x: Tensor) -> int:
        """Return the number of logits for sentences."""
        return x.numel() * len(self.vocabulary)

    def _freeze(self) -> None:
        """Freeze the encoder, in evaluation mode, or thaw what was frozen here: parts that the user froze stay frozen.

        Shared word embeddings are frozen with it.
        """
        encoder = cast(nn.Module, self.encoder)
        if self.encoder_is_frozen:
            learned = [parameter for parameter in encoder.parameters() if parameter.requires_grad]
            self._thawed_later = [*(self._thawed_later or ()), *learned]
            encoder.requires_grad_(False).eval()
        elif self._thawed_later is not None:  # by an earlier fit
            for parameter in self._thawed_later:
                parameter.requires_grad_()
            self._thawed_later = None
            self.train()
