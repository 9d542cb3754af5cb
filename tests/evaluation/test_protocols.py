"""Other people's models, judged by what they can do."""

import math
from functools import partial

import pytest
import torch

import genlab
from genlab.capabilities import Conditional, HasLikelihood, Reconstructs, Samples, Translates
from genlab.conditions import Labels
from genlab.evaluation.outliers import SCORES, score_for
from genlab.evaluation.protocols import PROTOCOLS, judging_capability
from genlab.evaluation.splits import Options, Splits
from genlab.evaluation.translations import perceptual
from genlab.metrics import VGG16Features


class Halved:
    """Reconstructs images at half the brightness."""

    def reconstruct(self, x):
        return x / 2


class Uniform:
    """Samples uniform noise: each pixel has the density 1 on [0, 1]."""

    likelihood = genlab.losses.Bernoulli()

    def sample(self, n, *, generator=None):
        return torch.rand(n, 1, 8, 8, generator=generator)

    def elbo(self, x, generator=None):
        return self.log_likelihood(x, 1)

    def log_likelihood(self, x, num_samples, generator=None):
        return torch.full((len(x),), -float(num_samples))


class Drawn:
    """Samples images that it was given."""

    def __init__(self, images=None):
        self.images = images

    def sample(self, n, *, generator=None):
        return self.images.expand(n, -1, -1, -1)


class Copies:
    """Samples under labels: the test images of these labels, or the same one for all."""

    capabilities = (Conditional, Samples)
    condition, given_as = Labels("0123456789"), Drawn

    def __init__(self, image=None):
        self.image = image

    def images(self, batch):
        return batch["image"]

    def under(self, batch):
        return Drawn(batch["image"] if self.image is None else self.image)


def judged(model, **options):
    capability = judging_capability(model, options.get("by_features", False))
    return {row.name: row for row in PROTOCOLS[capability].judge(model, Splits(genlab.Digits()), Options(**options))}


def test_a_model_is_judged_by_the_first_capability_that_it_has():
    assert judging_capability(Halved()) is Reconstructs
    assert judging_capability(Uniform()) is HasLikelihood
    assert judging_capability(Uniform(), by_features=True) is Samples
    assert judging_capability(genlab.GAN(image_shape=(1, 8, 8), code_size=2)) is Samples
    assert judging_capability(object()) is Reconstructs
    assert judging_capability(object(), by_features=True) is Samples
    assert next(iter(PROTOCOLS)) is Translates


def test_reconstructions_of_any_model_that_reconstructs_are_compared_with_the_truth():
    found = judged(Halved())
    data = genlab.Digits()
    data.setup()
    x = data.test_set[torch.arange(180)]["image"]
    assert found["l1"].value == pytest.approx(x.mean().item() / 2, rel=1e-5)
    assert found["mse"].value == pytest.approx(x.square().mean().item() / 4, rel=1e-5)
    assert found["psnr"].unit == "dB"
    assert all(row.stamp == {"images": "180 images of the test split, values in [0, 1]"} for row in found.values())


def test_likelihoods_are_in_nats_and_say_how_many_codes_they_took():
    found = judged(Uniform(), codes=7, limit=10)
    assert (found["elbo"].value, found["log_likelihood"].value) == (-1.0, -7.0)
    assert found["bits_per_dim"].value == pytest.approx(7 / 64 / math.log(2))
    assert [found[name].unit for name in ("elbo", "log_likelihood", "bits_per_dim")] == ["nats", "nats", "bits"]
    assert found["log_likelihood"].error == 0
    assert found["elbo"].stamp == {"likelihood": "Bernoulli", "test_images": 10, "samples": 7}


def test_samples_of_any_model_that_samples_are_compared_by_features(tmp_path, monkeypatch):
    monkeypatch.setenv("GENLAB_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr("genlab.evaluation.extractors.STEPS", 5)
    with pytest.warns(UserWarning, match="few"):
        found = judged(Uniform(), by_features=True, limit=50)
    assert found["fid"].value > found["fid_of_training_images"].value > 0
    assert found["fid"].stamp["images"] == "50 samples, 50 images of the test split"
    assert found["kid"].error > 0


def test_samples_under_labels_are_as_accurate_as_a_classifier_finds_them(tmp_path, monkeypatch):
    monkeypatch.setenv("GENLAB_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr("genlab.evaluation.extractors.STEPS", 100)
    data = genlab.Digits()
    data.setup()
    labels = data.test_set.labels
    with pytest.warns(UserWarning, match="few"):
        truth, nought, unconditional = (
            judged(model, by_features=True)
            for model in (Copies(), Copies(data.test_set[(labels == 0).nonzero()[0]]["image"]), Uniform())
        )
    accuracy = truth["label_accuracy"]
    assert accuracy.value > 0.8
    assert f"right about {accuracy.value:.1%} of the test split's" in accuracy.stamp["extractor"]
    assert nought["label_accuracy"].value == pytest.approx((labels == 0).double().mean().item())
    assert nought["label_accuracy"].error == pytest.approx((0.1 * 0.9 / 180) ** 0.5, rel=0.1)
    assert "label_accuracy" not in unconditional


def test_without_alexnets_weights_translations_have_no_lpips(monkeypatch):
    def nowhere(*arguments, **options):
        raise OSError("no network")

    class Large:
        end_shape = (3, 64, 64)

    monkeypatch.setattr("genlab.evaluation.translations.LearnedPerceptualImagePatchSimilarity", nowhere)
    with pytest.warns(UserWarning, match=r"LPIPS is left out: AlexNet's weights are not available \(no network\)"):
        assert perceptual(Large()) is None


def test_a_distance_in_place_of_a_likelihood_is_neither_estimated_nor_a_measure_of_what_is_strange():
    distance = partial(genlab.losses.Perceptual, features=VGG16Features)
    model = genlab.VAE((1, 8, 8), 2, likelihood=distance)
    with pytest.raises(genlab.GenlabError, match="the VAE has a perceptual distance in place of a likelihood; judge"):
        judged(model)
    assert score_for(model) == SCORES[Reconstructs]
    assert score_for(genlab.VAE((1, 8, 8), 2)) == SCORES[HasLikelihood]
