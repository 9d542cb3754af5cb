"""Vocabularies: token ids by frequency, and what is not a word of a sentence."""

import pytest

from genlab.errors import GenlabError
from genlab.vocabulary import END, PAD, SPECIALS, START, UNKNOWN, Vocabulary

SENTENCES = ["a cat saw a dog .", "a dog saw it .", "the cat <unk> .", "<pad> <end> ."]


def test_the_most_frequent_words_come_first_and_those_of_one_count_in_alphabetical_order():
    vocabulary = Vocabulary.of(SENTENCES)
    assert vocabulary.words == [*SPECIALS, ".", "a", "cat", "dog", "saw", "it", "the"]
    assert (PAD, UNKNOWN, START, END) == tuple(SPECIALS.index(name) for name in ("<pad>", "<unk>", "<start>", "<end>"))
    assert Vocabulary.of(SENTENCES, min_count=2).words == [*SPECIALS, ".", "a", "cat", "dog", "saw"]
    assert Vocabulary.of(SENTENCES, min_count=2, size=3).words == [*SPECIALS, ".", "a", "cat"]
    assert Vocabulary(vocabulary.words).words == vocabulary.words
    assert len(vocabulary) == 11


def test_sentences_become_numbers_and_words_again():
    vocabulary = Vocabulary.of(SENTENCES)
    assert vocabulary.encode("a cow saw the dog .") == [5, 1, 8, 10, 7, 4, END]
    assert vocabulary.decode([5, 1, 8, 10, 7, 4, END, PAD, 5]) == "a <unk> saw the dog ."
    assert vocabulary.decode([START, 5, 6, PAD]) == "a cat"
    assert vocabulary.encode("") == [END]


def test_names_of_what_is_no_word_are_unknown_in_a_sentence():
    vocabulary = Vocabulary.of(SENTENCES)
    assert vocabulary.encode("<pad> <unk> <start> <end>") == [UNKNOWN] * 4 + [END]
    assert vocabulary.unknown("a cow <end> saw a cow <unk> .") == ["cow", "<end>"]
    assert [word in vocabulary for word in ("cat", "cow", "<end>")] == [True, False, False]


def test_the_nearest_word_is_a_word():
    vocabulary = Vocabulary.of([*SENTENCES, "station stations"])
    assert vocabulary.nearest("statoin") == "station"
    assert vocabulary.nearest("<ends>") is None
    assert vocabulary.nearest("qqqqqq") is None


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["a", "cat"], "a vocabulary must begin with <pad> <unk> <start> <end>; it begins with a, cat"),
        ([*SPECIALS, "a", "cat", "a"], "a vocabulary must not repeat words; 'a' is there 2 times"),
    ],
)
def test_lists_that_are_no_vocabulary(words, told):
    with pytest.raises(GenlabError) as error:
        Vocabulary(words)
    assert str(error.value) == told
