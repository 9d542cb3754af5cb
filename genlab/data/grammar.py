"""Probabilistic grammars: languages whose sentence probabilities and entropy are known exactly."""

import functools
import itertools
import math
import random
import re
from collections.abc import Iterator

from genlab.errors import GenlabError

NOTHING = "~"
"""Stands in rules for an alternative without words."""


class Grammar:
    r"""Context-free grammar whose rules have probabilities; no symbol may lead to itself.

    Args:
        rules: one per line, such as `S: 3 WE like FOOD . | do WE like FOOD ?`: a symbol, then its alternatives, each
            preceded by its weight (1 if omitted). `~` is an alternative without words, and a line that begins with `|`
            continues the previous one. Anything without a rule is a word. The first symbol stands for a sentence.
            `EAT/EATS: eat/eats FOOD | like/likes FOOD` defines two rules at once: EAT takes the first of the forms
            separated by slashes, EATS the second.

    Raises:
        GenlabError: for lines that are not rules, and for a symbol that leads to itself.

    Example:
        >>> grammar = Grammar("S: 3 WE like tea . | do WE like tea ?\nWE: i | we")
        >>> round(grammar.probability("i like tea ."), 3)
        0.375
        >>> grammar.probability("tea like i .")
        0.0
    """

    def __init__(self, rules: str) -> None:
        self.rules: dict[str, list[tuple[float, tuple[str, ...]]]] = {}
        whole = re.sub(r"\n\s*\|", " |", rules)
        for line in filter(None, map(str.strip, whole.splitlines())):
            for symbol, text in _forms(line):
                if symbol in self.rules:
                    raise GenlabError(f"a grammar has one rule for each symbol; {symbol} has two")
                self.rules[symbol] = _alternatives(text)
        self.start = next(iter(self.rules))
        self._entropies: dict[str, float] = {}
        self.entropy = self._entropy(self.start, ())
        """Entropy in nats of a sentence's derivation; that of the sentence if each has a single derivation."""

    def draw(self, count: int, seed: int) -> list[str]:
        """Draw independent sentences.

        Args:
            count: number of sentences.
            seed: seed of the draws.
        """
        source = random.Random(seed)
        return [" ".join(self._drawn(self.start, source)) for _ in range(count)]

    def probability(self, sentence: str) -> float:
        """Return the probability of a sentence, summed over its derivations; 0 if the language does not have it.

        Args:
            sentence: words separated by spaces.
        """
        words = sentence.split()

        @functools.cache
        def ends(symbol: str, begin: int) -> dict[int, float]:
            """Probability that the symbol becomes the words from `begin` to `end`, for each possible `end`."""
            if symbol not in self.rules:
                return {begin + 1: 1.0} if words[begin : begin + 1] == [symbol] else {}
            found: dict[int, float] = {}
            for share, parts in self.rules[symbol]:
                reached = {begin: share}
                for part in parts:
                    further: dict[int, float] = {}
                    for place, so_far in reached.items():
                        for end, probability in ends(part, place).items():
                            further[end] = further.get(end, 0.0) + so_far * probability
                    reached = further
                for end, probability in reached.items():
                    found[end] = found.get(end, 0.0) + probability
            return found

        return ends(self.start, 0).get(len(words), 0.0)

    def sentences(self) -> Iterator[tuple[str, float]]:
        """Yield the sentence and the probability of every derivation; for small languages."""
        for probability, words in self._derived(self.start):
            yield " ".join(words), probability

    def _derived(self, symbol: str) -> list[tuple[float, tuple[str, ...]]]:
        if symbol not in self.rules:
            return [(1.0, (symbol,))]
        return [
            (share * math.prod(p for p, _ in chosen), tuple(word for _, words in chosen for word in words))
            for share, parts in self.rules[symbol]
            for chosen in itertools.product(*map(self._derived, parts))
        ]

    def _drawn(self, symbol: str, source: random.Random) -> list[str]:
        if symbol not in self.rules:
            return [symbol]
        shares, alternatives = zip(*self.rules[symbol], strict=True)
        (parts,) = source.choices(alternatives, shares)
        return [word for part in parts for word in self._drawn(part, source)]

    def _entropy(self, symbol: str, above: tuple[str, ...]) -> float:
        """Return a symbol's entropy: that of the choice between its alternatives, plus their average entropy."""
        if symbol not in self.rules:
            return 0.0
        if symbol in above:
            raise GenlabError(f"a grammar's symbols cannot lead back to themselves; {symbol} does")
        if symbol not in self._entropies:
            self._entropies[symbol] = sum(
                share * (-math.log(share) + sum(self._entropy(part, (*above, symbol)) for part in parts))
                for share, parts in self.rules[symbol]
            )
        return self._entropies[symbol]


def _forms(line: str) -> Iterator[tuple[str, str]]:
    """Split a line of several rules, such as `EAT/EATS: eat/eats FOOD`, into single rules."""
    names, colon, text = line.partition(":")
    symbols = names.strip().split("/")
    if not colon or not text.strip() or len(names.split()) != 1:
        raise GenlabError(f"'{line}' is not a rule of a grammar; write SYMBOL: words | words")
    for place, symbol in enumerate(symbols):
        words = (word.split("/") if "/" in word else [word] * len(symbols) for word in text.split())
        yield symbol, " ".join(forms[place] for forms in words)


def _alternatives(text: str) -> list[tuple[float, tuple[str, ...]]]:
    """Parse the alternatives of a rule, with their probabilities."""
    found = []
    for alternative in text.split("|"):
        words = alternative.split()
        weight = float(words.pop(0)) if words and words[0].replace(".", "", 1).isdecimal() else 1.0
        found.append((weight, tuple(word for word in words if word != NOTHING)))
    total = sum(weight for weight, _ in found)
    return [(weight / total, words) for weight, words in found]
