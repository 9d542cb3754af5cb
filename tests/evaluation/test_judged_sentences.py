"""Judged sentences: probabilities, perplexity, codes and correct words, against computations by hand."""

from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

import genlab
from genlab.capabilities import HasLikelihood, KnowsWords
from genlab.data import ImageDataModule, Sentences
from genlab.evaluation.protocols import PROTOCOLS, judging_capability
from genlab.evaluation.sentences import right
from genlab.evaluation.splits import Options, Splits
from genlab.losses.evidence import kl_standard_normal
from genlab.networks import RecurrentDecoder, RecurrentEncoder

SMALL = {"encoder": partial(RecurrentEncoder, hidden=8), "decoder": partial(RecurrentDecoder, hidden=8)}


@pytest.fixture
def data(working_folder):
    folder = Path("texts")
    folder.mkdir()
    lines = ["i like tea .", "you like tea .", "where is tea ?", "i like you ."]
    for split, count in (("train", 20), ("val", 2), ("test", 1)):
        written = lines * count if split != "test" else ["you like you .", "where is coffee ?", "i like tea . ."]
        (folder / f"{split}.txt").write_text("\n".join(written))
    data = Sentences(str(folder))
    data.setup()
    return data


def judged(model, data, **options):
    rows = PROTOCOLS[judging_capability(model)].judge(model, Splits(data), Options(**options))
    return {row.name: row.value for row in rows}, rows[0].stamp


def test_a_language_model_is_judged_by_the_probability_of_sentences_and_of_words(data):
    torch.manual_seed(0)
    model = genlab.SentenceLM(data.vocabulary, data.max_length, SMALL["decoder"]).eval()
    found, stamp = judged(model, data)
    total = sum(model.log_prob(sentence) for sentence in data.test_set.sentences)
    assert found["log_likelihood"] == pytest.approx(total.item() / 3, rel=1e-5)
    assert found["perplexity"] == pytest.approx((-total / (5 + 5 + 6)).exp().item(), rel=1e-5)
    assert stamp["test_sentences"] == 3
    assert stamp["words_per_sentence"] == pytest.approx(16 / 3)
    assert stamp["unknown_words"] == pytest.approx(1 / 16)
    assert "samples" not in stamp


def test_a_vae_is_judged_by_its_bounds_its_codes_and_its_reconstructions(data):
    torch.manual_seed(0)
    model = genlab.SentenceVAE(data.vocabulary, data.max_length, 3, **SMALL).eval()
    with torch.no_grad():
        model.encoder.output.bias[:3], model.encoder.output.bias[3:] = 1.0, -30.0  # certain codes, far from the prior
    found, stamp = judged(model, data, codes=20)
    x = data.test_set[:3]["tokens"]
    mean, log_variance = model.posterior(x)
    assert found["kl"] == pytest.approx(kl_standard_normal(mean, log_variance).mean().item(), rel=1e-4)
    bound = model.log_prob_given(x, mean).mean().item() - found["kl"]
    assert found["elbo"] == pytest.approx(bound, abs=2)  # from one code each, whose own density varies
    assert found["elbo"] <= found["log_likelihood"] + 2
    assert found["mutual_information"] == pytest.approx(torch.tensor(3.0).log().item(), abs=1e-3)
    assert found["active_units"] == f"{int((mean.var(0, correction=0) > 0.01).sum())} of 3"
    assert found["words_right"] == pytest.approx(right(model.reconstruct(x), x).mean().item())
    assert stamp["samples"] == 20
    assert stamp["mutual_information_at_most"] == pytest.approx(torch.tensor(3.0).log().item())


class Elsewhere:
    """A VAE on another device than the data, as its posterior is."""

    capabilities = (HasLikelihood, KnowsWords)
    device = torch.device("meta")
    vocabulary = range(9)

    def elbo(self, x, generator):
        return torch.zeros(len(x))

    def log_likelihood(self, x, num_samples, generator):
        return torch.zeros(len(x))

    def posterior(self, x):
        assert x.device == self.device
        return [SimpleNamespace(cpu=lambda: torch.zeros(len(x), 2))] * 2


def test_the_posterior_is_found_where_the_model_is(data):
    found, _ = judged(Elsewhere(), data)
    assert found["kl"] == found["mutual_information"] == 0


def test_words_are_right_at_their_place_and_the_end_is_one():
    x = torch.tensor([[4, 5, 6, 3], [4, 3, 0, 0], [4, 5, 3, 0]])
    decoded = torch.tensor([[4, 5, 6, 3, 0], [4, 5, 3, 0, 0], [5, 4, 3, 0, 0]])
    assert right(decoded, x).tolist() == pytest.approx([1, 1 / 2, 1 / 3])
    assert right(x, decoded).tolist() == pytest.approx([1, 1 / 3, 1 / 3])


def test_data_of_images_are_refused(data):
    model = genlab.SentenceLM(data.vocabulary, data.max_length, SMALL["decoder"])
    assert isinstance(genlab.Digits(), ImageDataModule)
    with pytest.raises(genlab.GenlabError, match="this tool needs sentences, and Digits has none"):
        judged(model, genlab.Digits())
