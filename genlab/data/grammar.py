"""Probabilistic grammars: languages of sentences whose probabilities and entropy are known exactly."""

import functools
import itertools
import math
import random
import re
from collections.abc import Iterator

from genlab.errors import GenlabError

NOTHING = "~"
"""How rules write an alternative without words."""


class Grammar:
    r"""Context-free grammar whose rules have probabilities; no symbol may lead to itself.

    Args:
        rules: one a line, such as `S: 3 WE like FOOD . | do WE like FOOD ?`: a symbol, then alternatives in the ratio
            of the numbers before them, 1 without one; `~` is an alternative without words; a line that begins with `|`
            continues the one before. What has no rule is a word. The first symbol is that of sentences.
            `EAT/EATS: eat/eats FOOD | like/likes FOOD` is one line for two rules: each takes the part that stands where
            its own name does.

    Raises:
        GenlabError: for lines that are no rules, and for a symbol that leads to itself.

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
        """Entropy of a sentence's derivation in nats; of the sentence where each has one derivation only."""

    def draw(self, count: int, seed: int) -> list[str]:
        """Draw sentences independently of each other.

        Args:
            count: how many.
            seed: of the draws.
        """
        source = random.Random(seed)
        return [" ".join(self._drawn(self.start, source)) for _ in range(count)]

    def probability(self, sentence: str) -> float:
        """Sum the probabilities of a sentence's derivations; 0 for what is no sentence of the language.

        Args:
            sentence: words separated by spaces.
        """
        words = sentence.split()

        @functools.cache
        def ends(symbol: str, begin: int) -> dict[int, float]:
            """Probability that the symbol becomes the words from `begin` up to each end."""
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
        """List all derivations' sentences with their probabilities, for small languages."""
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
        """Entropy of what a symbol becomes: that of the choice, and what its alternatives have on average."""
        if symbol not in self.rules:
            return 0.0
        if symbol in above:
            raise GenlabError(f"a grammar's symbols cannot lead to themselves; {symbol} does")
        if symbol not in self._entropies:
            self._entropies[symbol] = sum(
                share * (-math.log(share) + sum(self._entropy(part, (*above, symbol)) for part in parts))
                for share, parts in self.rules[symbol]
            )
        return self._entropies[symbol]


def _forms(line: str) -> Iterator[tuple[str, str]]:
    """Split a line for several rules, such as `EAT/EATS: eat/eats FOOD`, into them."""
    names, colon, text = line.partition(":")
    symbols = names.strip().split("/")
    if not colon or not text.strip() or len(names.split()) != 1:
        raise GenlabError(f"'{line}' is no rule of a grammar; write SYMBOL: words | words")
    for place, symbol in enumerate(symbols):
        words = (word.split("/") if "/" in word else [word] * len(symbols) for word in text.split())
        yield symbol, " ".join(forms[place] for forms in words)


def _alternatives(text: str) -> list[tuple[float, tuple[str, ...]]]:
    """Read the alternatives of a rule with their probabilities."""
    found = []
    for alternative in text.split("|"):
        words = alternative.split()
        weight = float(words.pop(0)) if words and words[0].replace(".", "", 1).isdecimal() else 1.0
        found.append((weight, tuple(word for word in words if word != NOTHING)))
    total = sum(weight for weight, _ in found)
    return [(weight / total, words) for weight, words in found]
