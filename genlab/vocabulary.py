"""Vocabularies: the words that a model of sentences knows, in the order of their numbers.

A vocabulary is a plain list of words, which checkpoints keep. Its first four entries stand for no word of a sentence:
padding, unknown words, and the start and the end of a sentence.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence

from genlab.errors import GenlabError, listed, nearest

PAD, UNKNOWN, START, END = range(4)
"""Numbers of padding, of unknown words, and of the start and the end of a sentence."""
SPECIALS = ("<pad>", "<unk>", "<start>", "<end>")
"""First words of every vocabulary, in the order of these numbers."""


class Vocabulary:
    """Words and their numbers.

    Args:
        words: the four `SPECIALS`, then words, each of them once: a word's place is its number.

    Raises:
        GenlabError: for a list that does not begin with the specials, or has a word twice.

    Example:
        >>> vocabulary = Vocabulary.of(["i like tea .", "i like you ."])
        >>> vocabulary.encode("i like coffee .")
        [5, 6, 1, 4, 3]
        >>> vocabulary.decode([5, 6, 7, 4, 3])
        'i like tea .'
    """

    def __init__(self, words: Sequence[str]) -> None:
        self.words = list(words)
        self._numbers = {word: number for number, word in enumerate(self.words)}
        if tuple(self.words[: len(SPECIALS)]) != SPECIALS:
            raise GenlabError(f"a vocabulary must begin with {' '.join(SPECIALS)}; it begins with {listed(words, 4)}")
        if len(self._numbers) < len(self.words):
            (word, count), *_ = Counter(self.words).most_common(1)
            raise GenlabError(f"a vocabulary must not repeat words; '{word}' is there {count} times")

    @classmethod
    def of(cls, sentences: Iterable[str], *, min_count: int = 1, size: int | None = None) -> "Vocabulary":
        """Collect the words of sentences, the most frequent first, ties in alphabetical order.

        Args:
            sentences: words separated by single spaces.
            min_count: number of times that a word must occur.
            size: maximum number of words, without the specials; None for all.
        """
        counts = Counter(word for sentence in sentences for word in sentence.split())
        for special in SPECIALS:  # a file may already contain <unk>
            counts.pop(special, None)
        frequent = sorted((-count, word) for word, count in counts.items() if count >= min_count)
        return cls([*SPECIALS, *(word for _, word in frequent[:size])])

    def __len__(self) -> int:
        return len(self.words)

    def __contains__(self, word: object) -> bool:
        """Tell whether a word of a sentence is known."""
        return self._numbers.get(word, PAD) > END  # type: ignore[call-overload, no-any-return]

    def encode(self, sentence: str) -> list[int]:
        """Return the numbers of a sentence's words, which are separated by spaces, and of its end, without a start."""
        return [self._numbers[word] if word in self else UNKNOWN for word in sentence.split()] + [END]

    def decode(self, numbers: Iterable[int]) -> str:
        """Return the words of numbers up to the end of the sentence, without padding and start."""
        words = []
        for number in numbers:
            if number == END:
                break
            if number not in (PAD, START):
                words.append(self.words[number])
        return " ".join(words)

    def unknown(self, sentence: str) -> list[str]:
        """Return the unknown words of a sentence, each once, except `<unk>`, which is meant as such."""
        return [word for word in dict.fromkeys(sentence.split()) if word not in self and word != SPECIALS[UNKNOWN]]

    def nearest(self, word: str) -> str | None:
        """Find the known word that is most similar to another; None if none is similar."""
        known: Collection[str] = self.words[len(SPECIALS) :]
        return nearest(word, known)
