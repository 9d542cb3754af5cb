"""The VAE's evidence lower bound, and what it can do."""

import operator
from functools import partial, reduce

import pytest
import torch
from lightning.pytorch import Callback, Trainer
from torch.distributions import Bernoulli as TorchBernoulli
from torch.distributions import MultivariateNormal, Normal, kl_divergence

import genlab
from genlab.losses import Bernoulli, DiscretizedLogistic, Gaussian, Laplace, PixelGaussian
from genlab.losses.evidence import tempered
from genlab.losses.likelihood import IndependentValues
from genlab.models.shared import posterior_health
from genlab.models.shared.latent_variable import AT_ONCE
from genlab.networks import ConvDecoder, ConvEncoder, MLPDecoder, MLPEncoder

SHAPE = (1, 8, 9)
images = torch.rand(5, *SHAPE, generator=torch.Generator().manual_seed(0))


def small_vae(**options):
    torch.manual_seed(0)
    return genlab.VAE(SHAPE, 3, partial(MLPEncoder, hidden=(16,)), partial(MLPDecoder, hidden=(16,)), **options)


def test_evidence_is_that_of_torch_distributions():
    vae = small_vae()
    torch.manual_seed(1)
    figures = vae.evidence(images)
    mean, log_variance = vae.encoder(images).chunk(2, 1)
    posterior = Normal(mean, (log_variance / 2).exp())
    torch.manual_seed(1)
    z = posterior.rsample()
    reconstruction = (
        -TorchBernoulli(logits=vae.decoder(z), validate_args=False).log_prob(images).flatten(1).sum(1).mean()
    )
    kl = kl_divergence(posterior, Normal(0.0, 1.0)).sum(1).mean()
    torch.testing.assert_close(figures["reconstruction"], reconstruction)
    torch.testing.assert_close(figures["kl"], kl)
    torch.testing.assert_close(figures["elbo"], -reconstruction - kl)
    torch.testing.assert_close(figures["loss"], -figures["elbo"])


def test_evidence_gradients_are_those_of_finite_differences():
    vae = small_vae().double()
    weights = dict(vae.named_parameters())

    def loss(*values):
        torch.manual_seed(2)
        named = dict(zip(weights, values, strict=True))
        return torch.func.functional_call(vae, named, (images.double(),))

    vae.forward = lambda x: vae.evidence(x)["loss"]
    assert torch.autograd.gradcheck(loss, tuple(p.detach().requires_grad_() for p in weights.values()), fast_mode=True)


def test_evidence_is_float32_and_close_under_autocast():
    vae = small_vae()
    torch.manual_seed(3)
    exact = vae.evidence(images)
    torch.manual_seed(3)
    with torch.autocast("cpu", torch.bfloat16):
        coarse = vae.evidence(images)
    for name, value in coarse.items():
        assert value.dtype == torch.float32
        torch.testing.assert_close(value, exact[name], rtol=0.02, atol=0.02)


def test_extreme_posteriors_stay_finite():
    vae = small_vae()
    with torch.no_grad():
        vae.encoder[-1].bias.copy_(torch.tensor([0.0, 0, 0, 1e4, -1e4, 0]))
    figures = vae.evidence(images)
    figures["loss"].backward()
    assert all(value.isfinite() for value in figures.values())
    assert all(p.grad.isfinite().all() for p in vae.parameters())


def test_codes_samples_and_reconstructions_have_their_shapes_and_range():
    vae = genlab.VAE(SHAPE, 3, partial(ConvEncoder, channels=4), partial(ConvDecoder, channels=4)).eval()
    codes = vae.encode(images)
    assert codes.shape == (5, 3)
    for pictures, count in ((vae.decode(codes), 5), (vae.reconstruct(images), 5), (vae(images), 5), (vae.sample(4), 4)):
        assert pictures.shape == (count, *SHAPE)
        assert 0 <= pictures.min()
        assert pictures.max() <= 1


def test_samples_follow_their_generator():
    vae = small_vae()
    one, two = (vae.sample(3, generator=torch.Generator().manual_seed(7)) for _ in range(2))
    assert torch.equal(one, two)
    assert not torch.equal(one, vae.sample(3, generator=torch.Generator().manual_seed(8)))


@pytest.mark.parametrize("model", [genlab.VAE, genlab.Autoencoder])
def test_batches_of_another_shape_are_refused_in_one_line(model):
    with pytest.raises(
        genlab.GenlabError, match=r"built for 'image' of shape \(1, 28, 28\), the data gives \(1, 8, 9\)"
    ):
        model((1, 28, 28)).images({"image": images})


def test_what_are_no_batches_is_refused_in_one_line():
    for nothing, kind in ((None, "NoneType"), ("images", "a str of 6"), ([], "a list of 0"), ({}, "")):
        with pytest.raises(genlab.GenlabError, match=f"takes batches \\(image\\), or dicts with 'image'.*gave {kind}$"):
            small_vae().images(nothing)


class LinearGaussian(IndependentValues):
    """Normal values around the outputs themselves, for a model whose evidence is known."""

    def of_values(self, outputs, x):
        return Normal(outputs, 0.5).log_prob(x)


def linear_gaussian_vae(posterior_scale: float, beta: float = 1.0):
    """Return a VAE of x = W z + noise of sigma 0.5, with orthogonal columns, so q can be exact; and its evidence.

    The encoder is optimal for a weight of the KL divergence, except that its standard deviation is `posterior_scale`
    times as large.
    """
    columns = torch.linalg.qr(torch.randn(6, 2, generator=torch.Generator().manual_seed(0))).Q * torch.tensor(
        [2.0, 1.0]
    )
    networks = partial(MLPEncoder, hidden=()), partial(MLPDecoder, hidden=())
    vae = genlab.VAE((1, 2, 3), 2, *networks, LinearGaussian, beta=beta)
    precision = 1 + columns.square().sum(0) / 0.25 / beta
    with torch.no_grad():
        vae.decoder[0].weight.copy_(columns)
        vae.decoder[0].bias.zero_()
        vae.encoder[1].weight.zero_()
        vae.encoder[1].weight[:2] = (columns / 0.25 / beta / precision).T
        vae.encoder[1].bias.copy_(
            torch.cat([torch.zeros(2), posterior_scale**2 / precision]).log().nan_to_num(neginf=0)
        )
    evidence = MultivariateNormal(torch.zeros(6), columns @ columns.T + 0.25 * torch.eye(6))
    return vae, evidence


def test_every_bound_is_tight_for_the_exact_posterior():
    vae, evidence = linear_gaussian_vae(1.0)
    x = torch.rand(7, 1, 2, 3)
    exact = evidence.log_prob(x.flatten(1))
    torch.testing.assert_close(vae.log_likelihood(x, 3), exact)
    vae.importance_weighted = True
    torch.testing.assert_close(vae.evidence(x)["bound"], exact.mean())


@pytest.mark.parametrize("beta", [0.1, 0.4])
def test_codes_of_likelihoods_are_of_the_true_posterior_whatever_beta_is(beta):
    vae, evidence = linear_gaussian_vae(1.0, beta)
    x = torch.rand(7, 1, 2, 3)
    exact = evidence.log_prob(x.flatten(1))
    torch.testing.assert_close(vae.log_likelihood(x, 3), exact)
    torch.testing.assert_close(tempered(*vae.posterior(x), beta), linear_gaussian_vae(1.0)[0].posterior(x))


def test_the_elbo_is_that_of_the_posterior_itself():
    vae, evidence = linear_gaussian_vae(1.0, beta=0.4)
    x = torch.rand(7, 1, 2, 3)
    q, posterior = (
        Normal(mean, (0.5 * log_variance).exp())
        for mean, log_variance in (vae.posterior(x), linear_gaussian_vae(1.0)[0].posterior(x))
    )
    exact = evidence.log_prob(x.flatten(1)) - kl_divergence(q, posterior).sum(1)
    found = vae.elbo(x.repeat(5000, 1, 1, 1), torch.Generator().manual_seed(0)).view(5000, 7).mean(0)
    torch.testing.assert_close(found, exact, rtol=0, atol=0.05)


def test_a_power_of_zero_is_the_prior_and_of_one_the_posterior():
    mean, log_variance = torch.randn(4, 3), torch.randn(4, 3)
    torch.testing.assert_close(tempered(mean, log_variance, 1.0), (mean, log_variance))
    assert all((each == 0).all() for each in tempered(mean, log_variance, 0.0))


def test_more_samples_tighten_the_bound_of_a_wrong_posterior():
    vae, evidence = linear_gaussian_vae(1.7)
    x = torch.rand(200, 1, 2, 3)
    exact = evidence.log_prob(x.flatten(1)).mean()
    gaps = []
    for num_samples in (1, 5, 50, 2000):
        torch.manual_seed(0)
        gaps.append(float(exact - vae.log_likelihood(x, num_samples).mean()))
    assert gaps[0] > gaps[1] > gaps[2] > gaps[3]
    assert gaps[3] == pytest.approx(0, abs=0.01)


def test_log_likelihood_is_reproducible_and_computed_in_parts(monkeypatch):
    vae = small_vae()
    whole, again = (vae.log_likelihood(images, 2000, torch.Generator().manual_seed(3)) for _ in range(2))
    assert torch.equal(whole, again)
    monkeypatch.setitem(AT_ONCE, "cpu", 7 * images.numel())
    seen = []
    vae.decoder.register_forward_hook(lambda module, inputs, output: seen.append(len(output)))
    torch.testing.assert_close(
        vae.log_likelihood(images, 2000, torch.Generator().manual_seed(3)), whole, atol=0.2, rtol=0
    )
    assert max(seen) == 7 * len(images)
    assert sum(seen) == 2000 * len(images)


def test_more_samples_make_the_elbo_less_noisy_and_the_weighted_bound_higher():
    def spread(**options):
        vae = small_vae(**options)
        torch.manual_seed(0)
        return torch.stack([vae.evidence(images)["loss"].detach() for _ in range(60)])

    one, many = spread(), spread(num_samples=20)
    weighted = spread(num_samples=20, importance_weighted=True)
    assert many.std() < one.std() / 2
    torch.testing.assert_close(many.mean(), one.mean(), rtol=0.02, atol=0)
    assert weighted.mean() < many.mean()


def test_the_weighted_bound_of_one_sample_is_the_elbo_in_expectation():
    vae = small_vae(importance_weighted=True)
    torch.manual_seed(0)
    figures = [vae.evidence(images) for _ in range(400)]
    bound, elbo = (torch.stack([f[name].detach() for f in figures]).mean() for name in ("bound", "elbo"))
    torch.testing.assert_close(bound, elbo, rtol=0, atol=0.1)


def test_beta_weighs_the_kl_in_the_loss_and_leaves_the_elbo():
    figures = small_vae().evidence(images, beta=4.0)
    torch.testing.assert_close(figures["loss"], figures["reconstruction"] + 4 * figures["kl"])
    torch.testing.assert_close(figures["elbo"], -figures["reconstruction"] - figures["kl"])


def fitted(**options):
    """Return a VAE after some epochs on digits, and its metrics in each."""
    torch.manual_seed(0)
    figures = []

    class Keep(Callback):
        def on_train_epoch_end(self, trainer, model):
            figures.append({name: float(value) for name, value in trainer.callback_metrics.items()})

    quiet = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False, "num_sanity_val_steps": 0}
    model = genlab.VAE((1, 8, 8), 4, optimizer=partial(torch.optim.Adam, lr=2e-3), **options)
    Trainer(max_epochs=4, callbacks=[Keep()], **quiet).fit(model, genlab.Digits())
    return model, figures


def test_beta_grows_in_training_and_is_whole_in_validation(monkeypatch):
    betas = []
    evidence = genlab.VAE.evidence
    monkeypatch.setattr(genlab.VAE, "evidence", lambda vae, x, beta: betas.append(beta) or evidence(vae, x, beta))
    fitted(beta=2.0, warmup_epochs=2)
    training, validation = 22, 3
    expected = [[grown] * training + [2.0] * validation for grown in (0.0, 1.0, 2.0, 2.0)]
    assert betas == reduce(operator.iadd, expected, [])


@pytest.mark.parametrize(
    "likelihood", [Bernoulli, partial(Gaussian, learned=True), PixelGaussian, Laplace, DiscretizedLogistic]
)
def test_it_learns_under_every_likelihood(likelihood):
    model, figures = fitted(likelihood=likelihood)
    assert figures[-1]["val/elbo"] > figures[0]["val/elbo"]
    assert 0 < figures[-1]["val/bits_per_dim"] < figures[0]["val/bits_per_dim"]
    assert 0 <= figures[-1]["val/active_units"] <= 4
    assert model.sample(3).shape == (3, 1, 8, 8)


def test_a_collapsed_posterior_is_said_once_when_there_was_time_to_learn(recwarn, monkeypatch):
    fitted(beta=1000.0)
    assert not [warning for warning in recwarn if "collapsed" in str(warning.message)]
    monkeypatch.setattr(posterior_health, "LEARNING", 2 * 22)
    with pytest.warns(UserWarning, match="the posterior has collapsed") as warnings:
        _, figures = fitted(beta=1000.0)
    assert sum("collapsed" in str(warning.message) for warning in warnings) == 1  # not in each epoch
    assert figures[-1]["val/active_units"] == 0


def test_bits_per_dim_are_those_of_the_bound_that_is_trained_on():
    trainer = Trainer(logger=False, enable_progress_bar=False, limit_val_batches=2)
    cvae = partial(genlab.CVAE, (1, 8, 8), 10)
    for weighted, name in ((True, "bound"), (False, "elbo")):
        for model in (
            build(num_samples=5, importance_weighted=weighted) for build in (partial(genlab.VAE, (1, 8, 8)), cvae)
        ):
            (found,) = trainer.validate(model, genlab.Digits(), verbose=False)
            assert found["val/bits_per_dim"] == pytest.approx(-found[f"val/{name}"] / 64 / 0.693147, rel=1e-5)


def test_the_likelihood_is_gaussian_where_images_are_in_colour_and_kept_as_what_was_used():
    grey, colour = genlab.VAE(SHAPE, 3), genlab.VAE((3, 8, 9), 3)
    assert type(grey.likelihood) is Bernoulli
    assert type(colour.likelihood) is Gaussian
    assert colour.likelihood.log_sigma.learned
    kept = colour.hparams["likelihood"]
    assert kept["class_path"].endswith("Gaussian")
    assert kept["init_args"] == {"sigma": 0.1, "learned": True}
    assert grey.hparams["likelihood"]["class_path"].endswith("Bernoulli")
    assert type(genlab.VAE((3, 8, 9), 3, likelihood=Bernoulli).likelihood) is Bernoulli
    assert type(genlab.CVAE((3, 8, 9), 10, code_size=3).likelihood) is Gaussian
