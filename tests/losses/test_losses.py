"""Each loss against torch.distributions or its formula, in every precision."""

from functools import partial

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter
from torch.distributions import Bernoulli as TorchBernoulli
from torch.distributions import Normal, kl_divergence

from genlab import losses
from genlab.errors import GenlabError
from genlab.losses.reconstruction import sobel, structural_similarity
from genlab.metrics.translation import translation_scores

logits = 4 * torch.randn(3, 2, 5, 4, generator=torch.Generator().manual_seed(0))
image = torch.rand(3, 2, 5, 4, generator=torch.Generator().manual_seed(1))
mean = torch.randn(6, 4, generator=torch.Generator().manual_seed(2))
log_variance = torch.randn(6, 4, generator=torch.Generator().manual_seed(3))


def per_image(values):
    return values.flatten(1).sum(1)


def test_bernoulli_is_the_density_of_binary_images():
    binary = image.round()
    expected = per_image(TorchBernoulli(logits=logits).log_prob(binary))
    torch.testing.assert_close(losses.Bernoulli().log_prob(logits, binary), expected)
    torch.testing.assert_close(losses.Bernoulli().mean(logits), TorchBernoulli(logits=logits).mean)


def test_bernoulli_of_grey_images_is_the_expectation_over_their_binarisations():
    distribution = TorchBernoulli(logits=logits)
    expected = per_image(
        image * distribution.log_prob(torch.ones(())) + (1 - image) * distribution.log_prob(torch.zeros(()))
    )
    torch.testing.assert_close(losses.Bernoulli().log_prob(logits, image), expected)


def test_bernoulli_is_finite_for_certain_and_wrong_decoders():
    wrong = torch.full((1, 1, 2, 2), -200.0)
    torch.testing.assert_close(losses.Bernoulli().log_prob(wrong, torch.ones_like(wrong)), torch.tensor([-800.0]))


def test_kl_is_that_of_torch_distributions():
    expected = kl_divergence(Normal(mean, (log_variance / 2).exp()), Normal(0.0, 1.0)).sum(1)
    torch.testing.assert_close(losses.kl_standard_normal(mean, log_variance), expected)


def test_kl_is_zero_at_the_prior_alone():
    zeros = torch.zeros(1, 4)
    assert losses.kl_standard_normal(zeros, zeros) == 0
    assert losses.kl_standard_normal(zeros + 0.1, zeros) > 0
    assert losses.kl_standard_normal(zeros, zeros - 0.1) > 0


@pytest.mark.parametrize(
    ("loss", "formula"),
    [
        (losses.squared_error, lambda x, y: (x - y) ** 2),
        (losses.absolute_error, lambda x, y: (x - y).abs()),
        (losses.cross_entropy, lambda x, y: -(y * x.log() + (1 - y) * (1 - x).log())),
    ],
)
def test_reconstruction_errors_are_their_formulas(loss, formula):
    x, y = logits.double(), image.double()
    torch.testing.assert_close(loss(x, y), per_image(formula(x.sigmoid(), y)))


@pytest.mark.parametrize(
    "loss", [losses.squared_error, losses.absolute_error, losses.cross_entropy, losses.Bernoulli().log_prob]
)
def test_losses_of_images_are_float32_under_autocast(loss):
    coarse = logits.bfloat16()
    with torch.autocast("cpu", torch.bfloat16):
        value = loss(coarse, image)
    assert value.dtype == torch.float32
    torch.testing.assert_close(value, loss(coarse.float(), image), rtol=0, atol=0)


def test_kl_keeps_small_log_variances_under_autocast():
    small = torch.full((1, 100), 1e-3)
    with torch.autocast("cpu", torch.bfloat16):
        kl = losses.kl_standard_normal(torch.zeros(1, 100), small)
    torch.testing.assert_close(
        kl.item(), 100 * 0.5 * (torch.tensor(1e-3).double().exp() - 1 - 1e-3).item(), rtol=0.05, atol=0
    )


def test_losses_keep_double_precision():
    assert losses.squared_error(logits.double(), image.double()).dtype == torch.float64


def test_gradient_error_is_the_squared_difference_of_sobel_gradients():
    # Edges uses the gradient's magnitude; for one bright column the two agree
    step = torch.zeros(1, 1, 6, 8)
    step[..., 4:] = 1
    certain = torch.where(step > 0, 50.0, -50.0)
    grey = torch.full_like(step, 0.5).logit()
    torch.testing.assert_close(losses.gradient_error(grey, step), torch.tensor([6 * 2.0]))  # 2 columns of 1 in 6 rows
    assert losses.gradient_error(certain, step) < 1e-6
    brighter = (0.5 * step + 0.2).logit()
    darker = 0.5 * step + 0.1
    torch.testing.assert_close(losses.gradient_error(brighter, darker), torch.zeros(1), atol=1e-6, rtol=0)


def test_gradients_are_those_of_each_channel():
    x = torch.rand(2, 3, 7, 6)
    gradients = sobel(x)
    assert gradients.shape == (2, 6, 7, 6)
    across = (x[:, 1, 3:6, 4] - x[:, 1, 3:6, 2]) * torch.tensor([1, 2, 1]) / 4
    torch.testing.assert_close(gradients[:, 2, 4, 3], across.sum(1))


def test_dissimilarity_is_one_less_ssim():
    x = torch.rand(3, 3, 16, 12)
    torch.testing.assert_close(losses.dissimilarity(x.logit(), x), torch.zeros(3), atol=1e-4, rtol=0)
    values = losses.dissimilarity(torch.randn_like(x), x)
    assert values.shape == (3,)
    assert (values > 0.3).all()
    with pytest.raises(GenlabError, match="at least 11 x 11 pixels, not 8 x 8"):
        losses.dissimilarity(torch.zeros(1, 1, 8, 8), torch.zeros(1, 1, 8, 8))


def ssim_of_scikit_image(x: np.ndarray, y: np.ndarray) -> float:
    """SSIM as scikit-image documents it for the constants of Wang et al. 2004; one channel, data_range=1."""
    blurred = partial(gaussian_filter, sigma=1.5, truncate=3.5)  # windows of 11 x 11
    mean_x, mean_y = blurred(x), blurred(y)
    variance_x, variance_y = blurred(x * x) - mean_x**2, blurred(y * y) - mean_y**2
    covariance = blurred(x * y) - mean_x * mean_y
    similarity = (2 * mean_x * mean_y + 1e-4) * (2 * covariance + 9e-4)
    similarity /= (mean_x**2 + mean_y**2 + 1e-4) * (variance_x + variance_y + 9e-4)
    return float(similarity[5:-5, 5:-5].mean())


def test_structural_similarity_is_that_of_windows_within_the_image():
    random = torch.Generator().manual_seed(0)
    x = torch.zeros(2, 3, 28, 20)
    x[:, :, 8:20, 6:14] = torch.rand(2, 3, 12, 8, generator=random)  # on black, where borders would count as identical
    y = (x + 0.2 * torch.randn(x.shape, generator=random)).clamp(0, 1)
    expected = [
        np.mean([ssim_of_scikit_image(one.numpy(), other.numpy()) for one, other in zip(*both, strict=True)])
        for both in zip(x.double(), y.double(), strict=True)
    ]
    found = structural_similarity(x, y)
    torch.testing.assert_close(found, torch.tensor(expected, dtype=torch.float32), atol=1e-5, rtol=0)
    torch.testing.assert_close(losses.dissimilarity(x.logit(1e-6), y), 1 - found, atol=1e-4, rtol=0)
    assert torch.equal(translation_scores(x, y)["ssim"], found)


def test_structural_similarity_has_the_gradient_of_its_differences():
    random = torch.Generator().manual_seed(0)
    x, y = torch.rand(2, 1, 2, 12, 13, generator=random, dtype=torch.float64)
    assert torch.autograd.gradcheck(structural_similarity, (x.requires_grad_(), y.requires_grad_()), fast_mode=True)


def test_a_weighted_sum_adds_up():
    loss = losses.WeightedSum([losses.squared_error, losses.gradient_error], [2.0, 0.5])
    expected = 2 * losses.squared_error(logits, image) + 0.5 * losses.gradient_error(logits, image)
    torch.testing.assert_close(loss(logits, image), expected)
    with pytest.raises(GenlabError, match="2 errors but 1 weights"):
        losses.WeightedSum([losses.squared_error, losses.gradient_error], [1.0])


def test_l1_is_the_sum_of_absolute_values():
    codes = torch.tensor([[1.0, -2.0], [0.0, 3.0]])
    assert losses.L1(0.5)(codes) == 0.5 * (3 + 3) / 2


def test_target_rate_is_the_divergence_of_bernoulli_variables():
    codes = torch.rand(50, 4, generator=torch.Generator().manual_seed(0))
    expected = kl_divergence(TorchBernoulli(torch.tensor(0.1)), TorchBernoulli(codes.mean(0))).sum()
    torch.testing.assert_close(losses.TargetRate(0.1, weight=2)(codes), 2 * expected)
    assert losses.TargetRate(0.1)(torch.full((3, 4), 0.1)) < 1e-6
    assert torch.isfinite(losses.TargetRate(0.1)(torch.zeros(3, 4)))
