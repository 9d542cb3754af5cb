"""Data sets of sentences, as the numbers of their words."""

from collections.abc import Sequence

import torch
from torch import Tensor

from genlab.data.batches.tensors import BatchDataset
from genlab.types import SentenceBatch
from genlab.vocabulary import PAD, Vocabulary


class SentenceTensors(BatchDataset[SentenceBatch]):
    """Sentences in memory, each batch of them padded to its longest.

    Args:
        sentences: at least one, words separated by spaces.
        vocabulary: the numbers of their words.
    """

    def __init__(self, sentences: Sequence[str], vocabulary: Vocabulary) -> None:
        numbers = [torch.tensor(vocabulary.encode(sentence), dtype=torch.int32) for sentence in sentences]
        self.sentences = list(sentences)
        """The sentences as they were, their unknown words included."""
        self.sizes: Tensor = torch.tensor([*map(len, numbers)])
        self.stored = torch.nn.utils.rnn.pad_sequence(numbers, batch_first=True, padding_value=PAD)

    def __len__(self) -> int:
        return len(self.stored)

    def batch(self, positions: Tensor) -> SentenceBatch:
        """Return the sentences at positions (B,) as tokens (B, T), int64: words, the end, then padding."""
        longest = int(self.sizes.index_select(0, positions).max()) if len(positions) else 0
        return {"tokens": self.stored.index_select(0, positions)[:, :longest].long()}
