"""Base class of models of sentences: a vocabulary to check batches against, teacher forcing and decoding."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Generator, Tensor, nn

from genlab.batches import described
from genlab.errors import GenlabError, listed
from genlab.losses.categorical import sentence_log_prob
from genlab.models.shared.base import Model
from genlab.networks.decoding import NO_WORDS, Decoding, greedy
from genlab.ranges import LARGEST_SIZE, between, share
from genlab.types import Interval, OptimizerFactory, ScheduleFactory
from genlab.vocabulary import END, PAD, START, UNKNOWN, Vocabulary


class SentenceModel(Model):
    """A Model of sentences as token ids: words, `<end>`, then `<pad>`, (B, T), int64.

    Args:
        vocabulary: words in the order of their token ids, `<pad>`, `<unk>`, `<start>` and `<end>` first.
        max_length: number of tokens in the longest sentence: its words and its end.
        word_dropout: share of the words that are hidden from the decoder in training (Bowman et al. 2016, section 3.1).
        optimizer: builds the optimizer of all parameters.
        schedule: builds its learning-rate schedule.
        schedule_interval: what the schedule counts.

    Raises:
        GenlabError: for a list of words that is not a vocabulary, and numbers out of range.
    """

    batch_names = ("tokens",)
    observations = "sentences"
    discrete_codes: bool = False
    """Whether codes are integers."""
    decoder: nn.Module
    """Maps codes and words to the logits of the next words; see `genlab.networks.RecurrentDecoder`."""
    decoding: Decoding = staticmethod(greedy)
    """How logits become sentences: a function of `genlab.networks.decoding`, or a partial of one; may be set."""
    banned: Sequence[int] = NO_WORDS
    """Token ids that no decoded sentence may contain: unless set, `<unk>` and those that are not words."""

    def __init__(
        self,
        vocabulary: tuple[str, ...],
        max_length: int,
        *,
        word_dropout: float,
        optimizer: OptimizerFactory,
        schedule: ScheduleFactory | None,
        schedule_interval: Interval,
    ) -> None:
        super().__init__()
        between(2, LARGEST_SIZE, max_length=max_length)
        share(word_dropout=word_dropout)
        self.words = Vocabulary(vocabulary)
        self.vocabulary, self.max_length = tuple(self.words.words), max_length
        self.word_dropout = word_dropout
        self.optimizer, self.schedule, self.schedule_interval = optimizer, schedule, schedule_interval

    def configure_optimizers(self) -> Any:
        return self.scheduled(self.optimizer, self.parameters(), self.schedule)

    def share_embedding(self, encoder: nn.Module) -> None:
        """Make an encoder use the decoder's word embeddings.

        Raises:
            GenlabError: for networks without an `embedding`, or with vectors of different sizes.
        """
        tables = [getattr(network, "embedding", None) for network in (encoder, self.decoder)]
        shapes = [tuple(table.weight.shape) for table in tables if isinstance(table, nn.Embedding)]
        if len(shapes) < 2 or shapes[0] != shapes[1]:
            raise GenlabError(
                f"shared_embedding: {type(encoder).__name__} and {type(self.decoder).__name__} each need an attribute "
                f"`embedding`, an nn.Embedding of the same size; they have {' and '.join(map(str, shapes)) or 'none'}"
            )
        encoder.embedding = self.decoder.embedding

    def log_prob_given(self, x: Tensor, code: Tensor) -> Tensor:
        """Compute log p(x | code) in nats, (B,), each word given those before it (teacher forcing).

        Args:
            x: sentences (B, T).
            code: codes (B, code_size).

        Raises:
            GenlabError: for a decoder that gives logits of another shape.
        """
        previous = F.pad(x[:, :-1], (1, 0), value=START)
        if self.training and self.word_dropout:
            dropped = (torch.rand(*x.shape, device=x.device) < self.word_dropout) & (previous > END)
            previous = previous.masked_fill(dropped, UNKNOWN)
        real = x != PAD
        logits = self.decoder(previous, code.to(self.dtype), real)
        if logits.ndim != 2 or logits.shape[1] != len(self.vocabulary):
            raise GenlabError(
                f"{type(self.decoder).__name__} gives logits of shape {tuple(logits.shape)}; {type(self).__name__} "
                f"needs (N, {len(self.vocabulary)}), a row for each word to predict"
            )
        return sentence_log_prob(logits, x)

    def written(self, code: Tensor, generator: Generator | None = None) -> Tensor:
        """Decode codes (B, code_size) to sentences (B, max_length), as `decoding` says.

        `generator`, on the CPU, is for a decoding that samples.
        """
        decoder: Any = self.decoder
        first = decoder.start(code.to(self.dtype))
        tokens = self.decoding(decoder.step, first, self.max_length - 1, banned=self.banned, generator=generator)
        end = torch.where((tokens == END).any(1), PAD, END)
        return torch.cat([tokens, end[:, None]], 1)

    def sentences(self, tokens: Tensor) -> list[str]:
        """Return the words of sentences (B, T), separated by spaces."""
        return [self.words.decode(sentence) for sentence in tokens.tolist()]

    def tokens(self, batch: Any) -> Tensor:
        """Return the sentences of a batch, (B, T), after checking that the model was built for them.

        Raises:
            GenlabError: for a batch without them, or where they are anything else.
        """
        batch = self.named(batch)
        if not isinstance(batch, Mapping) or "tokens" not in batch:
            given = listed(batch) if isinstance(batch, Mapping) else described(batch)
            raise GenlabError(f"{type(self).__name__} takes batches of 'tokens', (B, T); the data gave {given}")
        return self.seen(batch["tokens"])

    def seen(self, x: Tensor) -> Tensor:
        """Return sentences (B, T), after checking that they are token ids, `<end>` and then padding.

        Raises:
            GenlabError: for anything else.
        """
        name = type(self).__name__
        if not isinstance(x, Tensor) or x.dtype != torch.int64 or x.ndim != 2:
            form = f"{tuple(x.shape)}, {x.dtype}" if isinstance(x, Tensor) else type(x).__name__
            raise GenlabError(f"{name} takes sentences as word indices, (B, T), int64; these are {form}")
        if x.shape[1] > self.max_length:
            raise GenlabError(
                f"{name} was built for sentences of up to {self.max_length - 1} words, these have {x.shape[1] - 1}; "
                "build it with a larger max_length, or leave them out"
            )
        if self.looks_at(x, "tokens"):
            if x.min() < 0 or x.max() >= len(self.vocabulary):
                raise GenlabError(
                    f"word indices lie between {int(x.min())} and {int(x.max())}; this {name} knows "
                    f"{len(self.vocabulary):,} words: use the vocabulary that it was built with"
                )
            before = (x == END).flip(1).cumsum(1).flip(1)  # 1 up to the end, 0 after it
            if not torch.equal((x != PAD).long(), before):
                raise GenlabError(f"{name} takes sentences made of words, one <end> ({END}), then padding ({PAD})")
        return x

    def observed(self, given: Any) -> tuple[Tensor, bool]:
        """Return sentences as a tensor (B, T) on the model's device, and whether a single one was given.

        Args:
            given: token ids, (B, T) or (T,); or text, a sentence or a list of them, with words separated by spaces.
        """
        if isinstance(given, str):
            return self.observed([given])[0], True
        if not isinstance(given, Tensor) and given and all(isinstance(sentence, str) for sentence in given):
            rows = [torch.tensor(self.words.encode(sentence)) for sentence in given]
            given = nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=PAD)
        tokens = torch.as_tensor(given).to(self.device)
        return (tokens[None], True) if tokens.ndim == 1 else (tokens, False)
