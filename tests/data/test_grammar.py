"""Languages with known probabilities."""

import copy
import math
from collections import Counter

import pytest

from genlab.data.english import english
from genlab.data.grammar import Grammar
from genlab.errors import GenlabError

SMALL = """
S: 3 WE like TEA . | do WE like TEA ?
WE: i | 2 we | 1 ~
TEA/TEAS: 3 tea/teas
    | milk/milks
"""


def test_rules_give_each_sentence_its_probability():
    grammar = Grammar(SMALL)
    known = dict(grammar.sentences())
    assert len(known) == 12
    assert sum(known.values()) == pytest.approx(1)
    assert known["we like tea ."] == pytest.approx(3 / 4 * 2 / 4 * 3 / 4)
    assert known["do like milk ?"] == pytest.approx(1 / 4 * 1 / 4 * 1 / 4)
    assert {sentence: pytest.approx(grammar.probability(sentence)) for sentence in known} == known
    assert grammar.probability("we like teas .") == grammar.probability("we like tea") == grammar.probability("") == 0
    assert grammar.entropy == pytest.approx(-sum(p * math.log(p) for p in known.values()))


def test_a_sentence_of_several_derivations_has_the_sum_of_their_probabilities():
    grammar = Grammar("S: A B | c\nA: a | a b\nB: b c | 3 c")
    assert grammar.probability("a b c") == pytest.approx(1 / 2 * (1 / 2 * 1 / 4 + 1 / 2 * 3 / 4))


def test_draws_are_as_frequent_as_their_probabilities():
    grammar = Grammar(SMALL)
    counts = Counter(grammar.draw(4000, seed=0))
    for sentence, p in grammar.sentences():
        assert counts[sentence] == pytest.approx(4000 * p, abs=5 * math.sqrt(4000 * p * (1 - p)))
    assert grammar.draw(5, seed=1) == grammar.draw(5, seed=1) != grammar.draw(5, seed=2)


def test_the_english_has_the_entropy_of_its_sentences_which_have_one_derivation_each():
    sentences = english().draw(400, seed=0)
    surprises = [-math.log(english().probability(sentence)) for sentence in sentences]
    deviation = math.sqrt(sum((s - sum(surprises) / 400) ** 2 for s in surprises) / 400)
    assert english().entropy == pytest.approx(sum(surprises) / 400, abs=4 * deviation / 20)
    assert english().probability("where does the student go ?") > 0
    assert english().probability("where does the student goes ?") == 0
    assert not [word for sentence in sentences for word in sentence.split() if word.isupper() or "/" in word]


def test_the_english_is_not_ambiguous():
    counting = copy.copy(english())
    counting.rules = {symbol: [(1.0, parts) for _, parts in rule] for symbol, rule in english().rules.items()}
    assert {counting.probability(sentence) for sentence in english().draw(500, seed=1)} == {1.0}  # one derivation each


@pytest.mark.parametrize(
    ("rules", "told"),
    [
        ("S a b", "'S a b' is not a rule of a grammar; write SYMBOL: words | words"),
        ("S: a\nS: b", "a grammar has one rule for each symbol; S has two"),
        ("S: a B\nB: b | S", "a grammar's symbols cannot lead back to themselves; S does"),
    ],
)
def test_mistakes_in_rules(rules, told):
    with pytest.raises(GenlabError) as error:
        Grammar(rules)
    assert str(error.value) == told
