"""Data sets of sentences, stored as token numbers."""

from collections.abc import Sequence

import torch
from torch import Tensor

from genlab.data.batches.tensors import BatchDataset
from genlab.types import SentenceBatch
from genlab.vocabulary import PAD, Vocabulary


class SentenceTensors(BatchDataset[SentenceBatch]):
    """Sentences in memory, padded in each batch to the longest.

    Args:
        sentences: at least one sentence, with words separated by spaces.
        vocabulary: maps words to token numbers.
    """

    def __init__(self, sentences: Sequence[str], vocabulary: Vocabulary) -> None:
        numbers = [torch.tensor(vocabulary.encode(sentence), dtype=torch.int32) for sentence in sentences]
        self.sentences = list(sentences)
        """The original sentences, including unknown words."""
        self.sizes: Tensor = torch.tensor([*map(len, numbers)])
        self.stored = torch.nn.utils.rnn.pad_sequence(numbers, batch_first=True, padding_value=PAD)

    def __len__(self) -> int:
        return len(self.stored)

    def batch(self, positions: Tensor) -> SentenceBatch:
        """Return the sentences at positions (B,) as tokens (B, T), int64: words, the end, then padding."""
        longest = int(self.sizes.index_select(0, positions).max()) if len(positions) else 0
        return {"tokens": self.stored.index_select(0, positions)[:, :longest].long()}
