"""Noise schedules and predictions, against the papers' formulas."""

import math

import pytest
import torch

import genlab
from genlab.diffusion import (
    CosineNoise,
    Denoiser,
    ImagePrediction,
    KarrasNoise,
    KarrasPrediction,
    LinearNoise,
    NoisePrediction,
    VelocityPrediction,
    converted,
    image_error,
    prediction_error,
)

PREDICTIONS = [NoisePrediction(), ImagePrediction(), VelocityPrediction(), KarrasPrediction(0.7)]


def test_linear_noise_is_that_of_ho_et_al():
    signal = LinearNoise().signal
    betas = 1 - signal / torch.cat([torch.ones(1), signal[:-1]])
    torch.testing.assert_close(betas, torch.linspace(1e-4, 0.02, 1000, dtype=torch.float64))
    assert signal[-1] == pytest.approx(4.0e-5, rel=0.02)  # "KL(q(x_T | x_0) || N(0, I)) of about 1e-5 bits"


def test_cosine_noise_is_that_of_nichol_and_dhariwal_and_leaves_no_signal():
    signal = CosineNoise().signal
    f = [math.cos((t / 1000 + 0.008) / 1.008 * math.pi / 2) ** 2 for t in range(1001)]
    assert signal[499].item() == pytest.approx(f[500] / f[0])
    assert signal[-1] < 1e-8
    assert (signal.diff() < 0).all()


@pytest.mark.parametrize("noise", [LinearNoise(100), CosineNoise(100), KarrasNoise()])
def test_levels_fall_from_the_largest_to_zero(noise):
    for steps in (1, 7, 100):
        levels = noise.levels(steps)
        assert levels.dtype == torch.float64
        assert len(levels) == steps + 1
        assert (levels.diff() < 0).all()
        assert levels[-1] == 0


def test_few_steps_begin_where_an_image_is_hidden_and_all_steps_with_the_most_noise():
    for noise in (CosineNoise(), LinearNoise()):
        assert 70 < noise.levels(20)[0] <= 80 < noise.levels(1000)[0] == noise.sigmas[-1]
        ratios = noise.levels(20)[:-2] / noise.levels(20)[1:-1]
        assert ratios.max() < 8


def test_levels_of_karras_are_those_of_the_paper():
    levels = KarrasNoise().levels(18)
    i = torch.arange(18, dtype=torch.float64)
    torch.testing.assert_close(
        levels[:-1], (80 ** (1 / 7) + i / 17 * (0.002 ** (1 / 7) - 80 ** (1 / 7))) ** 7, rtol=1e-10, atol=0
    )
    drawn = KarrasNoise().draw(100_000, torch.Generator().manual_seed(0)).log()
    assert drawn.mean() == pytest.approx(-1.2, abs=0.02)
    assert drawn.std() == pytest.approx(1.2, abs=0.02)


@pytest.mark.parametrize("steps", [0, -1, 101, True, 2.5])
def test_steps_that_there_are_not_are_refused(steps):
    with pytest.raises(genlab.GenlabError, match=r"steps is .*; this model's noise has 100 steps: give 1 to 100"):
        CosineNoise(100).levels(steps)


def test_all_timesteps_are_drawn_alike():
    noise = CosineNoise(4)
    drawn = noise.draw(40_000, torch.Generator().manual_seed(0))
    counts = torch.stack([(drawn == sigma).sum() for sigma in noise.sigmas])
    assert counts.sum() == 40_000
    assert counts.float() == pytest.approx([10_000] * 4, rel=0.03)


@pytest.mark.parametrize("old", PREDICTIONS)
@pytest.mark.parametrize("new", PREDICTIONS)
def test_predictions_of_all_kinds_mean_the_same_image(old, new):
    torch.manual_seed(0)
    image, noise = torch.randn(2, 4, 1, 8, 8, dtype=torch.float64)
    sigma = torch.tensor([0.01, 0.5, 3.0, 80.0], dtype=torch.float64).view(-1, 1, 1, 1)
    noisy = image + sigma * noise
    said = converted(old.output(image, noisy, sigma), noisy, sigma, old, new)
    torch.testing.assert_close(said, new.output(image, noisy, sigma))
    torch.testing.assert_close(new.image(said, noisy, sigma), image)


def test_predictions_are_those_of_the_papers():
    torch.manual_seed(0)
    image, noise = torch.randn(2, 4, 1, 8, 8, dtype=torch.float64)
    signal = torch.tensor([0.99, 0.5, 0.1, 1e-3], dtype=torch.float64).view(-1, 1, 1, 1)  # Ho et al.'s alpha-bar
    sigma = ((1 - signal) / signal).sqrt()
    noisy = image + sigma * noise
    velocity = signal.sqrt() * noise - (1 - signal).sqrt() * image
    torch.testing.assert_close(NoisePrediction().output(image, noisy, sigma), noise)
    torch.testing.assert_close(ImagePrediction().output(image, noisy, sigma), image)
    torch.testing.assert_close(VelocityPrediction().output(image, noisy, sigma), velocity)
    torch.testing.assert_close(KarrasPrediction(1.0).output(image, noisy, sigma), -velocity)
    for prediction in PREDICTIONS[:3]:  # the network sees x_t
        x_t = signal.sqrt() * image + (1 - signal).sqrt() * noise
        torch.testing.assert_close(prediction.scalings(sigma).input * noisy, x_t)


def test_what_karras_networks_see_and_say_has_unit_variance():
    torch.manual_seed(0)
    image, noise = 0.7 * torch.randn(50_000), torch.randn(50_000)
    for level in (0.01, 0.7, 20.0):
        sigma = torch.tensor(level)
        noisy = image + sigma * noise
        assert (KarrasPrediction(0.7).scalings(sigma).input * noisy).std() == pytest.approx(1, abs=0.02)
        assert KarrasPrediction(0.7).output(image, noisy, sigma).std() == pytest.approx(1, abs=0.02)


class Constant(torch.nn.Module):
    """Predicts a learned number everywhere, and stores its inputs."""

    def __init__(self):
        super().__init__()
        self.number = torch.nn.Parameter(torch.tensor(0.25))

    def forward(self, x, time):
        self.seen = x, time
        return self.number.to(x.dtype).expand_as(x)


def test_losses_are_those_of_the_papers():
    torch.manual_seed(0)
    network, (x, noise) = Constant(), torch.randn(2, 3, 1, 4, 4)
    sigma = torch.tensor([0.1, 1.0, 10.0], dtype=torch.float64)
    simple = prediction_error(Denoiser(network, NoisePrediction()), x, noise, sigma)
    torch.testing.assert_close(simple, (noise - 0.25).square().sum((1, 2, 3)))
    torch.testing.assert_close(network.seen[1], sigma.float().log() / 4)
    weighted = image_error(Denoiser(network, ImagePrediction()), x, noise, sigma)
    weights = torch.tensor([5.0, 1.0, 0.01])
    torch.testing.assert_close(weighted, weights * (x - 0.25).square().sum((1, 2, 3)))


@pytest.mark.parametrize("loss", [prediction_error, image_error])
def test_losses_and_levels_keep_their_precision_in_autocast(loss):
    torch.manual_seed(0)
    network, (x, noise) = Constant(), torch.randn(2, 3, 1, 4, 4)
    noise_schedule = CosineNoise()
    sigma = noise_schedule.sigmas[[0, 500, 999]]
    expected = loss(Denoiser(network, VelocityPrediction()), x, noise, sigma)
    with torch.autocast("cpu", torch.bfloat16):
        found = loss(Denoiser(network, VelocityPrediction()), x, noise, sigma)
        assert noise_schedule.levels(10).dtype == torch.float64
        assert noise_schedule.draw(3).dtype == torch.float64
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, expected)
