"""Descriptions of sentences for `genlab data check`."""

from collections import Counter

from torch import Tensor

from genlab.data import BatchDataModule, Sentences
from genlab.pictures.lines import Lines
from genlab.vocabulary import SPECIALS, Vocabulary

MOST_FREQUENT, EXAMPLES = 20, 10
"""Number of words, and of sentences, that are printed."""


def batch_of(data: BatchDataModule, tokens: Tensor) -> Lines:
    """Write the sentences of a training batch (B, T) as lines; unknown words are `<unk>`."""
    return Lines([*map(Vocabulary(data.vocabulary).decode, tokens.tolist())], title="Training sentences")


def described(data: Sentences) -> list[str]:
    """Describe the splits in lines of text: counts, lengths, the most frequent words and a few training sentences."""
    lines = [
        f"{type(data).__name__}: {len(data.vocabulary) - len(SPECIALS):,} words in the vocabulary",
        f"{'':7}{'sentences':>10}{'words':>10}{'of length':>10}{'mean':>6}"
        f"{'unknown':>16}{'left out':>10}{'in train':>10}",
    ]
    for split, counts in data.counts().items():
        sizes = getattr(data, f"{split}_set").sizes - 1
        lengths, mean = f"{int(sizes.min())}-{int(sizes.max())}", f"{counts.words / counts.sentences:.1f}"
        unknown = f"{counts.unknown:,} ({counts.unknown / max(1, counts.words):.1%})"
        twice = "" if split == "train" else f"{counts.in_training:,}"
        lines.append(
            f"  {split:5}{counts.sentences:10,}{counts.words:10,}{lengths:>10}{mean:>6}{unknown:>16}"
            f"{counts.left_out:10,}{twice:>10}"
        )
    words = Counter(word for sentence in data.train_set.sentences for word in sentence.split())
    frequent = (f"{word} {count:,}" for word, count in words.most_common(MOST_FREQUENT))
    examples = (f"  {sentence}" for sentence in data.train_set.sentences[:EXAMPLES])
    return [*lines, f"most frequent: {', '.join(frequent)}", *data.notes(), "the first training sentences:", *examples]
