"""Sentence models against exact results: entropy, padding, steps, quadrature; training, checkpoints, health."""

import cProfile
import itertools
import math
from functools import partial

import pytest
import torch
from lightning.pytorch import Trainer, seed_everything
from lightning.pytorch.callbacks import ModelCheckpoint
from torch import nn
from torch.optim import Adam
from torch.utils.data import DataLoader

import genlab
from genlab.capabilities import abilities
from genlab.losses import LinearAnnealing, SigmoidAnnealing
from genlab.networks import GRULayer, RecurrentDecoder, RecurrentEncoder, beam_search, sample_tokens
from genlab.recorded import Recorded
from genlab.vocabulary import END, PAD, SPECIALS, START, UNKNOWN

WORDS = [*SPECIALS, "a", "b", "c", "d"]
SMALL = {
    "encoder": partial(RecurrentEncoder, embedding=8, hidden=12),
    "decoder": partial(RecurrentDecoder, embedding=8, hidden=12),
    "code_size": 3,
}
GRUS = {
    "encoder": partial(RecurrentEncoder, embedding=8, hidden=12, cell=GRULayer),
    "decoder": partial(RecurrentDecoder, embedding=8, hidden=12, cell=GRULayer),
    "code_size": 3,
}
TIED = SMALL | {"decoder": partial(RecurrentDecoder, embedding=8, hidden=12, tied=True), "shared_embedding": True}
QUIET = {
    "logger": False,
    "enable_checkpointing": False,
    "enable_progress_bar": False,
    "enable_model_summary": False,
    "num_sanity_val_steps": 0,
    "accelerator": "cpu",
}
CHOICES = {
    "": [("a", 0.5), ("b", 0.3), ("c", 0.2)],
    "a": [("b", 0.25), ("d", 0.75)],
    "b": [("a", 0.6), (".", 0.4)],
    "c": [("c", 0.5), (".", 0.5)],
    "d": [(".", 1.0)],
}
"""A toy language: the words that may follow a word, up to four in all, with probabilities; a dot is the end."""


def language(words=(), probability=1.0):
    """Yield all sentences of the toy language with their probabilities."""
    for word, chance in CHOICES[words[-1] if words else ""]:
        if word == "." or len(words) == 3:
            yield [*words, *([] if word == "." else [word])], probability * chance
        else:
            yield from language((*words, word), probability * chance)


def numbers(sentences, length=5):
    rows = [[*map(WORDS.index, words), END] for words in sentences]
    return torch.tensor([row + [PAD] * (length - len(row)) for row in rows])


def drawn(count, seed=0):
    sentences, chances = zip(*language(), strict=True)
    rows = torch.multinomial(torch.tensor(chances), count, True, generator=torch.Generator().manual_seed(seed))
    return numbers(sentences)[rows]


def built(family, **options):
    seed_everything(0)
    if family is genlab.SentenceLM:
        return family(WORDS, 5, **{"decoder": options.pop("decoder", SMALL["decoder"])} | options)
    return family(WORDS, 5, **SMALL | options)


def batches_of(tokens, size=32):
    # without its own generator, a loader would draw a number from the global one every epoch
    return DataLoader([{"tokens": part} for part in tokens.split(size)], batch_size=None, generator=torch.Generator())


def fitted(model, tokens, steps, size=32, **options):
    trainer = Trainer(max_steps=steps, max_epochs=-1, **QUIET | options)
    trainer.fit(model, batches_of(tokens, size), batches_of(tokens[:64]))
    return trainer


FAMILIES = [genlab.SentenceLM, genlab.SentenceVAE, genlab.SentenceAutoencoder]


def test_the_likelihood_of_a_toy_language_converges_to_its_entropy():
    sentences, chances = zip(*language(), strict=True)
    chances = torch.tensor(chances, dtype=torch.float64)
    assert chances.sum().item() == pytest.approx(1)
    entropy = -(chances * chances.log()).sum().item()
    tokens = drawn(64 * 400)
    fast = {"optimizer": partial(Adam, lr=4e-2, fused=True), "schedule": genlab.schedules.Cosine}
    lm = built(genlab.SentenceLM, **fast)
    fitted(lm, tokens, 400, 64, limit_val_batches=0)
    log_probs = lm.log_prob(numbers(sentences)).double()
    assert (chances * -log_probs).sum().item() == pytest.approx(entropy, abs=0.04)
    assert log_probs.exp().sum().item() == pytest.approx(1, abs=0.03)
    assert lm.sample(500, seed=0).shape == (500, 5)
    written = lm.sentences(lm.sample(500, seed=0))
    assert sum(sentence.split() in sentences for sentence in written) > 490
    vae = built(genlab.SentenceVAE, annealing=LinearAnnealing(200), **fast)
    fitted(vae, tokens, 400, 64, limit_val_batches=0)
    estimate = vae.log_likelihood(numbers(sentences), 200, torch.Generator().manual_seed(0)).double()
    assert (chances * -estimate).sum().item() == pytest.approx(entropy, abs=0.04)


@pytest.mark.parametrize("cells", [SMALL, GRUS, TIED], ids=["LSTM", "GRU", "tied"])
def test_teacher_forced_and_step_by_step_probabilities_agree(cells):
    x, code, model = drawn(40), torch.randn(40, 3), built(genlab.SentenceVAE, **cells)
    decoder, expected = model.decoder, torch.zeros(40)
    token, state = torch.full((40,), START), decoder.start(code)
    for word in x.T:
        logits, state = decoder.step(token, state)
        expected += logits.log_softmax(1).gather(1, word[:, None])[:, 0] * (word != PAD)
        token = word
    torch.testing.assert_close(model.log_prob_given(x, code), expected)


def test_an_encoder_reads_backwards_what_another_reads_of_sentences_turned_round():
    x = torch.tensor([[4, 5, 6, END], [7, END, PAD, PAD], [4, 4, END, PAD]])
    turned = torch.tensor([[END, 6, 5, 4], [END, 7, PAD, PAD], [END, 4, 4, PAD]])
    forwards, backwards = (RecurrentEncoder(8, 3, 6, 5, backwards=backwards) for backwards in (False, True))
    backwards.load_state_dict(forwards.state_dict())
    torch.testing.assert_close(backwards(x), forwards(turned))
    torch.testing.assert_close(backwards(nn.functional.pad(x, (0, 2), value=PAD)), backwards(x))
    assert not torch.allclose(backwards(x), forwards(x), atol=1e-3)


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.__name__)
def test_padding_changes_no_loss_and_no_gradient(family):
    x = numbers([["a"], ["b", "a"], ["c"]], length=3)
    found = []
    for tokens in (x, nn.functional.pad(x, (0, 2), value=PAD)):
        model = built(family)
        torch.manual_seed(1)
        loss = losses(model, tokens)
        gradients = torch.autograd.grad(loss, [*model.parameters()], allow_unused=True)
        found.append([loss, *(each for each in gradients if each is not None)])
    assert len(found[0]) > 5
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-7)


def losses(model, tokens):
    return model.evidence(tokens)["loss"] if hasattr(model, "evidence") else model.errors(tokens).mean()


def test_importance_sampling_finds_the_integral_over_codes():
    model = built(genlab.SentenceVAE, code_size=1).eval()
    with torch.no_grad():
        model.decoder.initial.weight *= 5
    x = numbers([["a", "b"], ["c"], ["d", "d", "a"]])
    grid = torch.linspace(-8, 8, 2001)
    with torch.no_grad():
        given = model.log_probs(x, grid[:, None, None].expand(-1, 3, 1))
    prior = torch.distributions.Normal(0, 1).log_prob(grid)[:, None]
    expected = (given + prior).logsumexp(0) + math.log(grid[1] - grid[0])
    found = model.log_likelihood(x, 4000, torch.Generator().manual_seed(0))
    torch.testing.assert_close(found, expected, rtol=0, atol=0.02)
    assert given.std(0).min() > 0.1


def test_free_bits_bound_the_divergence_of_each_unit_from_below():
    mean, log_variance = torch.tensor([[2.0, 0.1], [0.0, 0.1]]), torch.zeros(2, 2)
    options = {"log_likelihood": lambda z: torch.full(z.shape[:2], -7.0), "beta": 0.5}
    metrics = genlab.losses.evidence.evidence(mean, log_variance, **options, free_bits=0.3)
    assert metrics["kl"].item() == pytest.approx(1 + 0.005)
    assert metrics["loss"].item() == pytest.approx(7 + 0.5 * (1 + 0.3))


def test_the_weight_of_the_divergence_grows_and_validation_uses_all_of_it(monkeypatch):
    assert [LinearAnnealing(4, start=0.2)(step) for step in (0, 2, 4, 9)] == pytest.approx([0.2, 0.6, 1, 1])
    sigmoid = SigmoidAnnealing(middle=10, width=2.5)
    expected = [1 / (1 + math.exp(-x)) for x in (-4, 0, 2)]
    assert [sigmoid(step) for step in (0, 10, 15)] == pytest.approx(expected)
    model, seen = built(genlab.SentenceVAE, beta=0.5, annealing=LinearAnnealing(4)), {True: [], False: []}
    evidence = model.evidence
    model.evidence = lambda x, beta: (seen[model.training].append(beta), evidence(x, beta))[1]
    fitted(model, drawn(64), 6, limit_train_batches=2)
    assert seen[True] == pytest.approx([0, 0.125, 0.25, 0.375, 0.5, 0.5])
    assert {*seen[False]} == {0.5}


def test_after_its_epochs_the_encoder_is_frozen_and_the_decoder_learns_from_tempered_codes(working_folder):
    tokens, options = drawn(128), TIED | {"word_dropout": 0.3, "encoder_epochs": 2}
    options["decoder"] = partial(RecurrentDecoder, embedding=8, hidden=12, dropout=0.2, tied=True)
    saved = ModelCheckpoint(working_folder, "{step}", every_n_train_steps=1, save_top_k=-1)
    whole = built(genlab.SentenceVAE, **options)
    rests, train = [], whole.training_step
    whole.training_step = lambda *args: (rests.append(not whole.encoder.training), train(*args))[1]
    trainer = fitted(whole, tokens, 14, callbacks=[saved], enable_checkpointing=True)  # four batches an epoch
    assert rests == 8 * [False] + 6 * [True]
    weights = [torch.load(f"step={step}.ckpt", weights_only=True)["state_dict"] for step in (7, 8, 14)]
    for name, value in weights[1].items():
        if name.split(".")[0] in ("encoder", "decoder"):
            assert not torch.equal(value, weights[0][name]), name
            assert torch.equal(value, weights[2][name]) == (name.startswith("encoder") or "embedding" in name), name
    assert {"val/loss", "val/elbo"} <= trainer.callback_metrics.keys()
    for step in (10, 12):  # inside an epoch, where this loader forgets which batches were seen, and at its end
        seed_everything(7)
        resumed = genlab.SentenceVAE(WORDS, 5, **options)
        trainer = Trainer(max_steps=14, **QUIET)
        trainer.fit(resumed, batches_of(tokens), batches_of(tokens[:64]), ckpt_path=f"step={step}.ckpt")
        same = {name for name, weight in whole.state_dict().items() if torch.equal(resumed.state_dict()[name], weight)}
        assert {name for name in whole.state_dict() if step == 12 or name.startswith("encoder")} <= same


def test_what_the_user_froze_in_an_encoder_stays_frozen():
    model = built(genlab.SentenceVAE, encoder_epochs=1)
    mine = next(model.encoder.parameters()).requires_grad_(False)
    before, learns, train = mine.detach().clone(), [], model.training_step

    def watched(batch, batch_idx):
        learns.append([parameter.requires_grad for parameter in model.encoder.parameters()])
        assert model.encoder.training == learns[-1][1]
        return train(batch, batch_idx)

    model.training_step = watched
    for _ in range(2):  # the second fit, from the first epoch on, thaws the rest
        fitted(model, drawn(64), 4)  # two batches an epoch
        first, *others = zip(*learns, strict=True)
        assert not any(first)
        assert all(other == (True, True, False, False) for other in others)
        learns.clear()
    assert torch.equal(mine, before)


def test_the_decoders_evidence_is_a_bound_by_codes_from_prior_to_posterior():
    x = drawn(2000)
    for power in (0.0, 0.5, 1.0):
        model = built(genlab.SentenceVAE, encoder_epochs=0, code_power=power)
        with torch.no_grad():
            model.encoder.output.weight *= 8  # so that the posterior differs from the prior
        metrics, (mean, log_variance) = model.decoder_evidence(x), model.posterior(x)
        precision = 1 + power * ((-log_variance).exp() - 1)
        expected = 0.5 * ((power * (-log_variance).exp() * mean / precision) ** 2 + 1 / precision - 1 + precision.log())
        torch.testing.assert_close(metrics["kl"], expected.sum(1).mean())
        torch.testing.assert_close(metrics["loss"], -metrics["elbo"])
        torch.testing.assert_close(metrics["elbo"], -metrics["reconstruction"] - metrics["kl"])
        with torch.no_grad():
            log_p = model.log_probs(x[:100], torch.randn(1000, 100, 3)).logsumexp(0) - math.log(1000)
        assert log_p.mean().item() > model.decoder_evidence(x[:100])["elbo"].item()
        assert all(parameter.grad is None for parameter in model.encoder.parameters())
        metrics["loss"].backward()
        assert all(parameter.grad is None for parameter in model.encoder.parameters())
        assert all(parameter.grad is not None for parameter in model.decoder.parameters())


def test_words_are_dropped_in_training_alone_and_only_words():
    model, seen = built(genlab.SentenceVAE, word_dropout=0.4), []
    model.decoder.register_forward_pre_hook(lambda decoder, inputs: seen.append(inputs[0]))
    x = drawn(2000)
    model.log_prob_given(x, torch.zeros(2000, 3))
    model.eval().log_prob_given(x, torch.zeros(2000, 3))
    told, whole = seen
    words = whole > END
    assert (told[words] == UNKNOWN).float().mean().item() == pytest.approx(0.4, abs=0.03)
    kept = told != UNKNOWN
    assert torch.equal(told[kept], whole[kept])
    assert not (whole == UNKNOWN).any()
    assert kept[~words].all()


def test_text_goes_in_and_comes_out_and_reconstructions_learn():
    model = built(genlab.SentenceAutoencoder, code_size=8, optimizer=partial(Adam, lr=2e-2, fused=True))
    sentences = [" ".join(words) for words in itertools.product("abcd", repeat=2)]
    fitted(model, numbers([sentence.split() for sentence in sentences]), 150, limit_val_batches=0)
    assert model.sentences(model.reconstruct(sentences)) == sentences
    assert model.encode("a b").shape == (8,)
    assert model.sentences(model.interpolate("a b", "d d", 5))[::4] == ["a b", "d d"]
    model.decoding = partial(beam_search, width=3)
    assert model.sentences(model.reconstruct(sentences)) == sentences


def test_samples_depend_on_the_seed_and_hold_unknown_words_only_where_asked_for():
    model = built(genlab.SentenceVAE).eval()
    with torch.no_grad():
        model.decoder.output.bias[UNKNOWN] = 9
    model.decoding = sample_tokens
    samples = model.sample(50, seed=1)
    assert torch.equal(samples, model.sample(50, seed=1))
    assert not torch.equal(samples, model.sample(50, seed=2))
    assert not (samples == UNKNOWN).any()
    assert (samples == END).any(1).all()
    model.seen(samples)
    model.banned = (PAD, START)
    assert (model.sample(50, seed=1) == UNKNOWN).float().mean() > 0.5


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.__name__)
def test_training_is_resumed_exactly_from_a_checkpoint_of_plain_data(family, working_folder):
    options = {} if family is genlab.SentenceLM else {"word_dropout": 0.3, "shared_embedding": True}
    options["decoder"] = partial(RecurrentDecoder, embedding=8, hidden=12, cell=GRULayer, dropout=0.2, tied=True)
    if family is genlab.SentenceVAE:
        options |= {"annealing": SigmoidAnnealing(5, 2.0), "free_bits": 0.1}
    saved = ModelCheckpoint(working_folder, "{step}", every_n_train_steps=4, save_top_k=-1)
    whole, tokens = built(family, **options), drawn(128)
    fitted(whole, tokens, 8, callbacks=[saved], enable_checkpointing=True)
    seed_everything(7)
    resumed = family(WORDS, 5, **(SMALL if family is not genlab.SentenceLM else {}) | options)
    trainer = Trainer(max_steps=8, **QUIET)
    trainer.fit(resumed, batches_of(tokens), batches_of(tokens[:64]), ckpt_path="step=4.ckpt")
    for name, weight in whole.state_dict().items():
        assert torch.equal(resumed.state_dict()[name], weight), name
    loaded = genlab.load("step=8.ckpt")
    assert loaded.vocabulary == tuple(WORDS)
    assert isinstance(loaded.decoder.cell, GRULayer)
    if family is genlab.SentenceLM:
        assert torch.equal(loaded.log_prob("a b"), whole.log_prob("a b"))
    else:
        assert torch.equal(loaded.encode("a b"), whole.encode("a b"))
        assert loaded.encoder.embedding is loaded.decoder.embedding
        assert getattr(loaded, "annealing", None) == getattr(whole, "annealing", None)


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.__name__)
def test_rebuilding_is_as_much_work_for_each_word_of_a_long_vocabulary(family, working_folder):
    calls = []
    for count in (0, 200, 400):
        words = [*WORDS, *(f"word{number}" for number in range(count))]
        model = family(words, 5, **SMALL if family is not genlab.SentenceLM else {"decoder": SMALL["decoder"]})
        trainer = fitted(model, drawn(32), 1)
        trainer.save_checkpoint(f"{count}.ckpt")
        profile = cProfile.Profile()
        assert len(profile.runcall(genlab.load, f"{count}.ckpt").vocabulary) == len(words)
        calls.append(sum(entry.callcount for entry in profile.getstats()))
    _, few, many = calls  # the first time, imports and caches add to them
    assert many - few < 200 * 1000  # it would be 30 times that if the list was copied for each word


def test_tied_logits_are_products_of_the_vectors_of_words_which_learn_as_inputs_and_as_outputs():
    model = built(genlab.SentenceVAE, **TIED)
    vectors, states = model.decoder.embedding.weight, torch.randn(3, 12)
    expected = model.decoder.output(states) @ vectors.T + model.decoder.bias
    torch.testing.assert_close(model.decoder._logits(states), expected)
    model.decoder._logits(states)[:, 4].sum().backward()
    assert [*vectors.grad.abs().sum(1).nonzero().flatten()] == [4]  # as an output only
    vectors.grad = None
    model.encoder(numbers(["b"])).sum().backward()
    assert vectors.grad[5].abs().sum() > 0  # as an input of the encoder
    assert sum(weight.shape == vectors.shape for weight in model.parameters()) == 1


def test_500_steps_in_half_precision_are_finite_and_learn():
    model, seen = built(genlab.SentenceVAE, optimizer=partial(Adam, lr=1e-2, fused=True)), []
    log = model.log_batch
    model.log_batch = lambda metrics, progress_bar: (seen.append(metrics["loss"].item()), log(metrics, progress_bar))
    fitted(model, drawn(8 * 500), 500, 8, limit_val_batches=0, precision="bf16-mixed")
    found = torch.tensor(seen)
    assert len(found) == 500
    assert found.isfinite().all()
    assert found[-50:].mean() < 0.7 * found[:5].mean()


@pytest.mark.parametrize("precision", ["bf16-true", "64-true"])
def test_weights_may_be_of_half_or_of_double_precision(precision):
    model = built(genlab.SentenceVAE)
    fitted(model, drawn(64), 2, precision=precision)
    assert model.sample(2, seed=0).shape == (2, 5)
    assert model.log_likelihood("a b", 3).isfinite()


def test_a_collapsed_posterior_is_warned_of_once_and_an_informative_one_is_not(monkeypatch, recwarn):
    monkeypatch.setattr("genlab.models.shared.posterior_health.LEARNING", 20)
    fast = {"optimizer": partial(Adam, lr=1e-2, fused=True)}
    fitted(built(genlab.SentenceVAE, beta=0.01, **fast), drawn(32 * 100), 100)
    fitted(built(genlab.SentenceVAE, beta=50.0, annealing=LinearAnnealing(1000), **fast), drawn(32 * 20), 40)
    assert not [w for w in recwarn if "collapsed" in str(w.message)]
    fitted(built(genlab.SentenceVAE, beta=50.0, **fast), drawn(32 * 20), 60)
    (warning,) = [str(w.message) for w in recwarn if "collapsed" in str(w.message)]
    assert "the decoder writes without the code (KL 0.0" in warning
    assert "Try free_bits" in warning


def test_a_subclass_may_validate_in_its_own_way(recwarn):
    class Mine(genlab.SentenceVAE):
        def validation_step(self, batch, batch_idx):
            self.log("val/mine", 1.0, batch_size=1)

    fitted(built(Mine), drawn(32), 2)
    assert not [warning for warning in recwarn if "compute" in str(warning.message)]


def test_what_models_can_do_is_said():
    assert abilities(built(genlab.SentenceLM)) == ["sample", "compute likelihoods"]
    assert abilities(built(genlab.SentenceAutoencoder)) == ["encode", "decode", "reconstruct"]
    vae = ["encode", "decode", "reconstruct", "sample", "estimate likelihoods"]
    assert abilities(built(genlab.SentenceVAE)) == vae
    predicted = built(genlab.SentenceVAE).predict_step({"tokens": drawn(3)}, 0)
    assert [tuple(part.shape) for part in predicted.values()] == [(3, 3), (3, 5)]
    with pytest.raises(genlab.GenlabError, match="a SentenceLM predicts nothing from sentences; `genlab sample` draws"):
        built(genlab.SentenceLM).predict_step(None, 0)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (torch.zeros(2, 3), r"takes sentences as word indices, \(B, T\), int64; these are \(2, 3\), torch.float32"),
        (torch.tensor([[4, 9, 3]]), "word indices lie between 3 and 9; this SentenceVAE knows 8 words: use the vocab"),
        (torch.tensor([[4, 3, 4]]), "takes sentences made of words, one <end>"),
        (torch.tensor([[4, 4, 4]]), "takes sentences made of words, one <end>"),
        (torch.tensor([[0, 4, 3]]), "takes sentences made of words, one <end>"),
        ("a b c d a", "was built for sentences of up to 4 words, these have 5; build it with a larger max_length"),
    ],
)
def test_what_is_no_sentence_is_refused(given, message):
    with pytest.raises(genlab.GenlabError, match=message):
        built(genlab.SentenceVAE).encode(given)


class Grids(RecurrentDecoder):
    """Returns logits for padding, too."""

    def forward(self, previous, code, wanted):
        return super().forward(previous, code, wanted | True).view(*previous.shape, -1)


class Counts(nn.Linear, Recorded):
    """An encoder without word embeddings."""


def test_mistakes_in_arguments_are_one_line():
    for options, message in (
        ({"code_size": 0}, "code_size is 0"),
        ({"free_bits": -1}, "free_bits is -1"),
        ({"encoder_epochs": -1}, "encoder_epochs is -1"),
        ({"code_power": 1.5}, "code_power is 1.5; it must be"),
        ({"word_dropout": 1.0}, "word_dropout is 1.0; it must be from 0 to below 1"),
    ):
        with pytest.raises(genlab.GenlabError, match=message):
            built(genlab.SentenceVAE, **options)
    for encoder, sizes in ((partial(RecurrentEncoder, embedding=6), r"\(8, 6\) and \(8, 8\)"), (Counts, r"\(8, 8\)")):
        with pytest.raises(genlab.GenlabError, match=f"an nn.Embedding of the same size; they have {sizes}"):
            built(genlab.SentenceVAE, encoder=encoder, shared_embedding=True)
    for wrong, message in ((["a", "b"], "must begin with"), ([*WORDS, "a"], "must not repeat words")):
        with pytest.raises(genlab.GenlabError, match=message):
            genlab.SentenceLM(wrong, 5)
    with pytest.raises(genlab.GenlabError, match=r"Grids gives logits of shape \(2, 5, 8\); SentenceLM needs \(N, 8\)"):
        fitted(built(genlab.SentenceLM, decoder=partial(Grids)), drawn(2), 1)
    with pytest.raises(genlab.GenlabError, match="SentenceLM takes batches of 'tokens'"):
        built(genlab.SentenceLM).tokens({"image": torch.zeros(1)})
