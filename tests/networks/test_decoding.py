"""Decoding against enumeration of all sentences of a tiny language, and against known frequencies."""

import itertools
from functools import partial

import pytest
import torch

import genlab
from genlab.networks import RecurrentDecoder, beam_search, greedy, sample_tokens
from genlab.networks.decoding import nucleus
from genlab.vocabulary import END, PAD, START, UNKNOWN

WORDS, STEPS = [END, 4, 5, 6], 4


@pytest.fixture(scope="module")
def network():
    """A decoder of three words and codes of size 2, whose logits differ a lot."""
    torch.manual_seed(3)
    network = RecurrentDecoder(7, 2, embedding=6, hidden=8)
    with torch.no_grad():
        network.output.weight *= 6
        network.cell.weight_hh_l0 *= 3
    return network.requires_grad_(False)


def every_sentence():
    """Yield all sentences of up to four words, or their beginnings, as the decoders return them."""
    for length in range(STEPS):
        for words in itertools.product(WORDS[1:], repeat=length):
            yield [*words, END, *[PAD] * (STEPS - length - 1)]
    yield from map(list, itertools.product(WORDS[1:], repeat=STEPS))


def log_probs_of(network, code, sentences):
    """Return the log-probability of each sentence, restricted to words and the end, from logits of whole sentences."""
    tokens = torch.tensor(sentences)
    previous = torch.cat([torch.full((len(tokens), 1), START), tokens[:, :-1]], 1)
    logits = network(previous, code.expand(len(tokens), -1), torch.ones_like(tokens, dtype=torch.bool))
    allowed = logits.view(*tokens.shape, -1).double()[..., WORDS].log_softmax(-1)
    places = torch.tensor([WORDS.index(word) if word in WORDS else 0 for word in tokens.flatten()]).view(tokens.shape)
    return allowed.gather(2, places[..., None])[..., 0].mul(tokens != PAD).sum(1)


def test_a_beam_of_all_sentences_finds_the_most_probable_one_which_greedy_search_may_miss(network):
    codes, sentences = torch.randn(30, 2, generator=torch.Generator().manual_seed(0)) * 2, [*every_sentence()]
    found = beam_search(network.step, network.start(codes), STEPS, width=len(WORDS) ** STEPS)
    quick = greedy(network.step, network.start(codes), STEPS)
    narrow = beam_search(network.step, network.start(codes), STEPS, width=1)
    assert torch.equal(narrow, quick)
    missed = 0
    for code, best, first in zip(codes, found.tolist(), quick.tolist(), strict=True):
        log_probs = log_probs_of(network, code, sentences)
        assert log_probs.exp().sum().item() == pytest.approx(1)
        assert best == sentences[log_probs.argmax()]
        missed += first != best
    assert missed > 3


def test_sentences_are_drawn_as_often_as_they_are_probable(network):
    code, sentences = torch.tensor([[0.3, -0.5]]), [*every_sentence()]
    log_probs = log_probs_of(network, code, sentences)
    random = torch.Generator().manual_seed(0)
    drawn = sample_tokens(network.step, network.start(code.expand(4000, -1)), STEPS, generator=random)
    counts = torch.zeros(len(sentences))
    for tokens, count in zip(*(part.tolist() for part in drawn.unique(dim=0, return_counts=True)), strict=True):
        counts[sentences.index(tokens)] = count
    expected = 4000 * log_probs.exp()
    assert ((counts - expected).abs() <= 4.5 * expected.sqrt() + 1).all()


def test_a_temperature_sharpens_probabilities_and_a_nucleus_leaves_the_least_probable_out():
    logits = torch.tensor([[0.1, 0.5, 0.15, 0.25]]).log()
    for top_p, left in ((0.5, [1]), (0.51, [1, 3]), (0.75, [1, 3]), (0.8, [1, 2, 3]), (1.0, [0, 1, 2, 3])):
        assert nucleus(logits, top_p)[0].isfinite().nonzero().flatten().tolist() == left, top_p
    state = (torch.zeros(8000, 0),)
    weights = torch.tensor([0.1, 0.0, 0.0, 0.2, 0.3, 0.5])
    step = lambda token, state: (weights.log().expand(len(token), -1), state)  # noqa: E731
    random = torch.Generator().manual_seed(0)
    draw = partial(sample_tokens, step, state, 1, generator=random)
    for options, expected in (
        ({}, [0.2, 0.3, 0.5]),
        ({"temperature": 0.5}, [4 / 38, 9 / 38, 25 / 38]),
        ({"top_p": 0.7}, [0, 3 / 8, 5 / 8]),
    ):
        frequencies = draw(**options)[:, 0].bincount(minlength=6) / 8000
        assert frequencies[3:].tolist() == pytest.approx(expected, abs=0.025)


def test_unknown_words_are_written_where_they_are_asked_for_and_draws_depend_on_the_seed(network):
    certain = torch.tensor([[9.0, 8.0, 9.0, 0.0, 1.0]])
    step = lambda token, state: (certain.expand(len(token), -1), state)  # noqa: E731
    for decoding in (greedy, beam_search):
        assert decoding(step, (torch.zeros(1, 0),), 2).tolist() == [[4, 4]]
        assert decoding(step, (torch.zeros(1, 0),), 2, banned=(PAD, START)).tolist() == [[UNKNOWN, UNKNOWN]]
    state = network.start(torch.zeros(50, 2))
    draws = [sample_tokens(network.step, state, 9, generator=torch.Generator().manual_seed(seed)) for seed in (1, 1, 2)]
    assert torch.equal(draws[0], draws[1])
    assert not torch.equal(draws[0], draws[2])


@pytest.mark.parametrize(
    ("decode", "message"),
    [
        (partial(sample_tokens, temperature=0.0), "temperature is 0.0; it must be above 0"),
        (partial(sample_tokens, top_p=2.0), "top_p is 2.0; it must be from 0 to 1"),
        (partial(sample_tokens, top_p=0.0), "top_p is 0.0; it must be above 0"),
        (partial(beam_search, width=0), "width is 0; it must be a whole number from 1 to 65,536"),
        (partial(beam_search, width=100_000), "width is 100000; it must be a whole number from 1 to 65,536"),
    ],
)
def test_settings_out_of_range_are_refused(decode, message, network):
    with pytest.raises(genlab.GenlabError, match=message):
        decode(network.step, network.start(torch.zeros(1, 2)), 3)
