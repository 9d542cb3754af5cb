"""The VAE's evidence lower bound and what it can do."""

from functools import partial

import pytest
import torch
from torch.distributions import Bernoulli, Normal, kl_divergence

import genlab
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
    reconstruction = -Bernoulli(logits=vae.decoder(z), validate_args=False).log_prob(images).flatten(1).sum(1).mean()
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
    vae = genlab.VAE(SHAPE, 3, partial(ConvEncoder, width=4), partial(ConvDecoder, width=4)).eval()
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
        genlab.GenlabError, match=r"built for images of shape \(1, 28, 28\), the data gives \(1, 8, 9\)"
    ):
        model((1, 28, 28)).images({"image": images})


def test_batches_that_are_no_dicts_are_refused_in_one_line():
    with pytest.raises(genlab.GenlabError, match="takes batches as dicts with an 'image'.*gave a list"):
        small_vae().images([images, torch.zeros(5)])
