"""The autoencoder of sentences, a baseline for a VAE's codes (Bowman et al. 2016, section 2.1)."""

from typing import Any

from torch import Generator, Tensor
from torch.optim import Adam

from genlab.capabilities import Decodes, Encodes, KnowsWords, Reconstructs
from genlab.metrics.perplexity import Perplexity
from genlab.models.shared.calls import of_codes, of_images
from genlab.models.shared.codes import Codec
from genlab.models.shared.output_check import expect
from genlab.models.shared.sentence_model import SentenceModel
from genlab.networks.recurrent import RecurrentDecoder, RecurrentEncoder
from genlab.ranges import extent
from genlab.recorded import as_network
from genlab.types import Interval, OptimizerFactory, ScheduleFactory, SentenceNetworkFactory


class SentenceAutoencoder(Codec, SentenceModel):
    """An encoder and a decoder that reconstruct a sentence from a code, whose distribution is left open.

    Trained on -log p(x | code), in nats per sentence.

    Args:
        vocabulary: words in the order of their token ids, `<pad>`, `<unk>`, `<start>` and `<end>` first.
        max_length: number of tokens in the longest sentence: its words and its end.
        code_size: dimensions of the code.
        encoder: builds the network from sentences (B, T) to codes (B, code_size).
        decoder: builds the network from words and codes to logits of words; see `genlab.networks.RecurrentDecoder`.
        word_dropout: share of the words that are hidden from the decoder in training.
        optimizer: builds the optimizer of all parameters.
        schedule: builds its learning-rate schedule; see `genlab.schedules`.
        schedule_interval: what the schedule counts, each "step" of the optimizer or each "epoch".
        shared_embedding: whether encoder and decoder share their word embeddings.
    """

    capabilities = (Encodes, Decodes, Reconstructs, KnowsWords)

    def __init__(
        self,
        vocabulary: tuple[str, ...],
        max_length: int,
        code_size: int = 32,
        encoder: SentenceNetworkFactory = RecurrentEncoder,
        decoder: SentenceNetworkFactory = RecurrentDecoder,
        word_dropout: float = 0.0,
        optimizer: OptimizerFactory = Adam,
        schedule: ScheduleFactory | None = None,
        schedule_interval: Interval = "step",
        shared_embedding: bool = False,
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
        self.save_hyperparameters()
        self.code_shape = (code_size,)
        self.encoder = as_network(encoder, len(self.vocabulary), code_size)
        self.decoder = as_network(decoder, len(self.vocabulary), code_size)
        if shared_embedding:
            self.share_embedding(self.encoder)
        expect(self.encoder, (code_size,), f"SentenceAutoencoder with code_size {code_size}")
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

    def predict_step(self, batch: Any, batch_idx: int) -> dict[str, Tensor]:
        """Predict the "code" and the "reconstruction" of each sentence."""
        codes = self.encode(self.tokens(batch))
        return {"code": codes, "reconstruction": self.decode(codes)}

    def errors(self, x: Tensor) -> Tensor:
        """Return -log p(x | code) of sentences (B, T) in nats, (B,)."""
        return -self.log_prob_given(x, self.encoder(x))

    @of_images
    def encode(self, x: Tensor) -> Tensor:
        """Encode sentences (B, T) to codes (B, code_size)."""
        codes: Tensor = self.encoder(self.seen(x))
        return codes

    @of_codes
    def decode(self, z: Tensor, generator: Generator | None = None) -> Tensor:
        """Decode codes (B, code_size) to sentences (B, max_length), as `decoding` says.

        Args:
            z: codes.
            generator: CPU generator for a decoding that samples.
        """
        return self.written(z, generator)
