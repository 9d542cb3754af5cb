"""Sentences from text files, or from a small English that needs no file."""

import functools
import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import torch
from lightning.pytorch.utilities import rank_zero_info

from genlab.data.base import BatchDataModule
from genlab.data.batches.sentences import SentenceTensors
from genlab.data.batches.splits import FOLDERS, files_of_splits, held_out
from genlab.data.english import english
from genlab.data.files.places import find_folder
from genlab.data.files.text_files import read_lines, words_of
from genlab.errors import GenlabError, counted
from genlab.ranges import at_least, if_given
from genlab.regular import exists, is_folder
from genlab.vocabulary import SPECIALS, UNKNOWN, Vocabulary

ENGLISH = (8_000, 1_000, 1_000)
"""Numbers of embedded sentences for training, validation and testing, which are drawn independently."""
ENGLISH_SEED = 20_130
"""Seed of the embedded sentences, independent of the seed of the order of batches."""


@dataclass(frozen=True)
class Counts:
    """Counts of a split of sentences.

    Args:
        sentences: number of sentences.
        words: number of words in them, without the end tokens.
        unknown: number of words that are not in the vocabulary.
        left_out: number of sentences left out because they are too long.
        in_training: number of sentences that the training set has too; 0 for the training set itself.
    """

    sentences: int
    words: int
    unknown: int
    left_out: int
    in_training: int


@functools.cache
def embedded() -> dict[str, list[str]]:
    """Draw the sentences of each split from the small English."""
    drawn = iter(english().draw(sum(ENGLISH), ENGLISH_SEED))
    return {split: [*itertools.islice(drawn, count)] for split, count in zip(FOLDERS, ENGLISH, strict=True)}


class Sentences(BatchDataModule):
    """Sentences from text files (UTF-8, one sentence per line), or 10,000 of a small English that comes with genlab.

    Files `train.txt`, `val.txt` and `test.txt` of a folder are the splits; if one of the latter two is missing, the
    other is for testing, and a tenth of the training sentences for validation. Other files are split by `seed`, a tenth
    for validation and a tenth for testing; no sentence is then in two splits. The vocabulary comes from the training
    sentences. Batches hold sentences of similar length, in an order determined by `seed` and the epoch.

    The embedded sentences are independent draws from `genlab.data.english`, whose probabilities are known.

    Args:
        folder: a folder of .txt files, a text file, or a list of these: paths, or names in `data_dir`; None for the
            embedded sentences.
        data_dir: folder of data sets; by default the environment variable GENLAB_DATA_DIR, else ./data.
        lower_case: convert everything to lower case.
        tokenize: split lines into words and punctuation marks, with or without spaces between them; by default lines
            are split at spaces.
        max_words: maximum number of words; longer sentences are left out, and counted.
        min_count: number of times that a word must occur in training to be in the vocabulary; others are unknown.
        vocabulary_size: maximum number of words in the vocabulary, the most frequent ones; None for all.
        batch_size: sentences per batch and process.
        num_workers: number of processes that assemble batches; 0 is fastest.
        seed: seed of the split and of the order of batches.

    Raises:
        GenlabError: for numbers out of range, and, as soon as words are needed, for files that cannot be read.

    Example:
        >>> data = Sentences(batch_size=2)
        >>> data.setup()
        >>> list(data.train_set[:2])
        ['tokens']
    """

    item = "sentence"
    train_set: SentenceTensors
    val_set: SentenceTensors
    test_set: SentenceTensors

    def __init__(
        self,
        folder: str | list[str] | None = None,
        data_dir: str | None = None,
        lower_case: bool = False,
        tokenize: bool = False,
        max_words: int = 50,
        min_count: int = 2,
        vocabulary_size: int | None = None,
        batch_size: int = 64,
        num_workers: int = 0,
        seed: int = 0,
    ) -> None:
        super().__init__(batch_size, num_workers, seed)
        self.save_hyperparameters(logger=False)
        at_least(1, max_words=max_words, min_count=min_count, **if_given(vocabulary_size=vocabulary_size))
        self.lower_case, self.tokenize = lower_case, tokenize
        self.max_words, self.min_count, self.vocabulary_size = max_words, min_count, vocabulary_size
        given = [] if folder is None else folder if isinstance(folder, list | tuple) else [folder]
        self.places = [find_folder(place, data_dir, exists) for place in given]
        self._told = False
        self._max_length: int | None = None

    @cached_property
    def vocabulary(self) -> tuple[str, ...]:  # type: ignore[override]
        """Words of the training sentences, in the order of their token numbers."""
        kept, _ = self._sentences["train"]
        return tuple(Vocabulary.of(kept, min_count=self.min_count, size=self.vocabulary_size).words)

    @property
    def max_length(self) -> int:
        """Length of the longest sentence of all splits, including its end token; or that of a trained model, if set."""
        if self._max_length is not None:
            return self._max_length
        return 1 + max(len(sentence.split()) for kept, _ in self._sentences.values() for sentence in kept)

    @max_length.setter
    def max_length(self, length: int) -> None:
        self._max_length = length
        self.max_words = min(self.max_words, length - 1)
        vars(self).pop("_sentences", None)

    def words_of(self, text: str) -> str:
        """Split a text into words as the data are split; return them separated by spaces."""
        return words_of(text, lower_case=self.lower_case, tokenize=self.tokenize)

    def setup(self, stage: str | None = None) -> None:
        """Read all three splits, and report before training what is unknown, left out, or in two splits."""
        vocabulary = Vocabulary(self.vocabulary)
        self.train_set, self.val_set, self.test_set = (
            SentenceTensors(self._sentences[split][0], vocabulary) for split in FOLDERS
        )
        if stage == "fit" and not self._told:
            self._told = True
            for note in self.notes():
                rank_zero_info(note)

    def counts(self) -> dict[str, Counts]:
        """Count the contents of each split, after `setup`."""
        train = {*self.train_set.sentences}
        return {
            split: Counts(
                sentences=len(data),
                words=int(data.sizes.sum()) - len(data),
                unknown=int((data.stored == UNKNOWN).sum()),
                left_out=self._sentences[split][1],
                in_training=0 if split == "train" else sum(sentence in train for sentence in data.sentences),
            )
            for split, data in zip(FOLDERS, (self.train_set, self.val_set, self.test_set), strict=True)
        }

    def notes(self) -> list[str]:
        """Return what a user should know about the sentences, one line per note, after `setup`."""
        found, notes = self.counts(), []
        if any(counts.unknown for counts in found.values()):
            shares = (f"{c.unknown:,} of {split} ({c.unknown / max(1, c.words):.1%})" for split, c in found.items())
            known = counted(len(self.vocabulary) - len(SPECIALS), "word")
            notes.append(f"words that are not among the {known} in the vocabulary: {', '.join(shares)}")
        if any(counts.left_out for counts in found.values()):
            lost = ", ".join(f"{counts.left_out:,} of {split}" for split, counts in found.items())
            notes.append(f"sentences of more than {self.max_words} words, which are left out: {lost}")
        if self.places and any(counts.in_training for counts in found.values()):
            twice = ", ".join(f"{c.in_training:,} of {split}" for split, c in found.items() if split != "train")
            notes.append(f"sentences that are also in the training set, which makes metrics too good: {twice}")
        return notes

    @cached_property
    def _sentences(self) -> dict[str, tuple[list[str], int]]:
        """Sentences of each split that are short enough, and the number of those that are not."""
        return {split: self._short(self._read[split], split) for split in FOLDERS}

    def _short(self, sentences: Sequence[str], split: str) -> tuple[list[str], int]:
        kept = [sentence for sentence in sentences if len(sentence.split()) <= self.max_words]
        if not kept:
            shortest = min(len(sentence.split()) for sentence in sentences)
            raise GenlabError(
                f"none of {counted(len(sentences), 'line')} for {split} has at most {self.max_words} words, the "
                f"shortest has {shortest:,}; put each sentence on a line of its own, or raise --data.max_words"
            )
        return kept, len(sentences) - len(kept)

    @cached_property
    def _read(self) -> dict[str, list[str]]:
        """Sentences of each split, of any length."""
        if not self.places:
            return embedded()
        files = [path for place in self.places for path in self._files(place)]
        lines = {path: [self.words_of(line) for line in read_lines(path)] for path in files}
        official = {path.stem: found for path, found in lines.items()}
        if len(self.places) > 1 or "train" not in official or not is_folder(self.places[0]):
            return self._divided([line for found in lines.values() for line in found], FOLDERS)
        if len(official) == len(FOLDERS):
            return official
        if len(official) == 1:
            return self._divided(official["train"], FOLDERS)
        tested = next(lines for split, lines in official.items() if split != "train")
        return self._divided(official["train"], FOLDERS[:2]) | {"test": tested}

    def _files(self, place: Path) -> list[Path]:
        return [*files_of_splits(place).values()] if is_folder(place) else [place]

    def _divided(self, sentences: Sequence[str], splits: Sequence[str]) -> dict[str, list[str]]:
        """Divide sentences by the seed: a tenth into each split but the first, copies of one into the same split."""
        different = [*dict.fromkeys(sentences)]
        if len(different) < len(splits):
            longest = max(len(sentence.split()) for sentence in different)
            raise GenlabError(
                f"{', '.join(map(str, self.places))}: {counted(len(different), 'different sentence')}, the longest of "
                f"{counted(longest, 'word')}, too few for {', '.join(splits)}; put each sentence on a line of its own"
            )
        rows = held_out(torch.arange(len(different)), self.seed, len(splits) - 1)
        split_of = {different[row]: split for split, part in zip(splits, rows, strict=True) for row in part.tolist()}
        divided: dict[str, list[str]] = {split: [] for split in splits}
        for sentence in sentences:
            divided[split_of[sentence]].append(sentence)
        return divided
