"""Diffusion models: training, its average, samples, codes, variations, completions and the bound."""

import copy
from functools import partial
from io import StringIO

import pytest
import torch
from lightning.pytorch import Trainer, seed_everything
from lightning.pytorch.callbacks import ModelCheckpoint
from torch.optim import SGD, Adam
from torch.utils.data import DataLoader
from tqdm import tqdm

import genlab
from genlab.capabilities import Conditional, abilities
from genlab.diffusion import (
    SAMPLERS,
    CosineNoise,
    ImagePrediction,
    KarrasNoise,
    KarrasPrediction,
    LinearNoise,
    NoisePrediction,
    Sampling,
    VelocityPrediction,
    ddim,
    heun,
    image_error,
)
from genlab.losses import Gaussian
from genlab.networks import DenoisingUNet, MapDecoder, MapEncoder
from genlab.networks.denoising_unet import waves

SHAPE = (1, 8, 8)


class Tiny(torch.nn.Module, genlab.networks.Recorded):
    """A fully connected network, which trains quickly."""

    supplied = 3

    def __init__(self, image_shape, out_channels, condition_size, hidden=96):
        super().__init__()
        pixels, outputs = (depth * image_shape[1] * image_shape[2] for depth in (image_shape[0], out_channels))
        self.first = torch.nn.Linear(pixels + 8 + condition_size, hidden)
        self.middle = torch.nn.Linear(hidden, hidden)
        self.last = torch.nn.Linear(hidden, outputs)
        self.shape = out_channels, *image_shape[1:]

    def forward(self, x, time, condition=None):
        seen = [x.flatten(1), waves(time, 8).to(x.dtype)] + ([] if condition is None else [condition])
        hidden = torch.nn.functional.silu(self.first(torch.cat(seen, 1)))
        hidden = hidden + torch.nn.functional.silu(self.middle(hidden))
        return self.last(hidden).unflatten(1, self.shape)


SMALL = {"network": Tiny}
QUIET = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False, "limit_val_batches": 1}


def diffusion(**options):
    seed_everything(0)
    return genlab.Diffusion(SHAPE, **SMALL | options)


def conditional(**options):
    seed_everything(0)
    return genlab.ConditionalDiffusion(**{"image_shape": SHAPE, "num_classes": 10} | SMALL | options)


def fitted(model, batches=6, data=None, **options):
    trainer = Trainer(max_steps=batches, **QUIET | options)
    trainer.fit(model, data or genlab.Digits(batch_size=32))
    return trainer


class Blank(torch.nn.Module, genlab.networks.Recorded):
    """Predicts a learned value at each pixel, whatever its input."""

    supplied = 3

    def __init__(self, image_shape, out_channels, condition_size):
        super().__init__()
        self.image = torch.nn.Parameter(torch.zeros(out_channels, *image_shape[1:]))
        self.by_condition = torch.nn.Linear(condition_size, 1, bias=False) if condition_size else None

    def forward(self, x, time, condition=None):
        moved = 0 if condition is None else self.by_condition(condition)[:, :, None, None]
        return self.image.expand(len(x), *self.image.shape) + moved


def test_training_is_the_algorithm_of_the_paper_written_out():
    """Two steps of algorithm 1 of Ho et al. 2020, and the average of the weights."""
    model = diffusion(noise=LinearNoise, prediction=NoisePrediction, optimizer=partial(SGD, lr=1e-3), ema_decay=0.9)
    bare, batches = copy.deepcopy(model.network), []
    images = model.images
    model.images = lambda batch: (batches.append(batch["image"]), images(batch))[1]
    drawn = []
    rand, randn = torch.randint, torch.randn
    model.noise.draw = lambda count, generator=None: (
        drawn.append(rand(1000, (count,))),
        model.noise.sigmas[drawn[-1]],
    )[1]
    noises = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            "genlab.models.diffusion.noise_like", lambda x, generator: (noises.append(randn(x.shape)), noises[-1])[1]
        )
        fitted(model, 2, limit_val_batches=0)
    betas = torch.linspace(1e-4, 0.02, 1000)
    signal = (1 - betas).cumprod(0)
    averages = None
    for count, (x, t, noise) in enumerate(zip(batches, drawn, noises, strict=True)):
        share = signal[t].view(-1, 1, 1, 1)
        x_t = share.sqrt() * (2 * x - 1) + (1 - share).sqrt() * noise
        time = ((1 - signal[t]) / signal[t]).sqrt().log() / 4
        loss = (noise - bare(x_t, time)).square().sum((1, 2, 3)).mean()
        for weight, gradient in zip(bare.parameters(), torch.autograd.grad(loss, bare.parameters()), strict=True):
            weight.data -= 1e-3 * gradient
        decay = min(0.9, (1 + count) / (10 + count)) if count else 0.0
        values = [weight.detach().clone() for weight in bare.parameters()]
        averages = [
            decay * average + (1 - decay) * value for average, value in zip(averages or values, values, strict=True)
        ]
    for trained, expected in zip(model.network.parameters(), bare.parameters(), strict=True):
        torch.testing.assert_close(trained, expected, rtol=1e-3, atol=1e-5)
    for average, expected in zip(model.average.module.parameters(), averages, strict=True):
        torch.testing.assert_close(average, expected, rtol=1e-3, atol=1e-4)


OPTIONS = [
    {"noise": noise, "prediction": prediction}
    for noise, prediction in [
        (CosineNoise, VelocityPrediction),
        (LinearNoise, NoisePrediction),
        (partial(CosineNoise, timesteps=50), ImagePrediction),
        (KarrasNoise, KarrasPrediction),
    ]
] + [
    {"loss": image_error, "ema_decay": None},
    {"network": partial(DenoisingUNet, channels=8, multipliers=(1, 2), blocks=1, attention=4)},
]


@pytest.mark.parametrize("options", OPTIONS)
def test_each_kind_trains_and_its_checkpoint_gives_the_same_samples(options, working_folder):
    model = diffusion(**options)
    trainer = fitted(model, 20)
    trainer.save_checkpoint("diffusion.ckpt")
    samples = model.sample(5, seed=1)
    assert samples.shape == (5, *SHAPE)
    assert 0 <= samples.min()
    assert samples.max() <= 1
    loaded = genlab.load("diffusion.ckpt")
    assert torch.equal(loaded.sample(5, seed=1), samples)
    torch.testing.assert_close(loaded.encode(samples), model.encode(samples))


class Knows(torch.nn.Module, genlab.networks.Recorded):
    """Predicts, for any input, what corresponds to the only image that exists."""

    supplied = 3

    def __init__(self, image_shape, out_channels, condition_size, prediction):
        super().__init__()
        self.image, self.prediction = torch.nn.Parameter(torch.full(image_shape, 0.25)), prediction()

    def forward(self, x, time):
        sigma = (4 * time).exp().view(-1, 1, 1, 1)
        return self.prediction.output(self.image, x / self.prediction.scalings(sigma).input, sigma)


@pytest.mark.parametrize("sampler", SAMPLERS.values(), ids=SAMPLERS)
@pytest.mark.parametrize("options", OPTIONS[:4])
def test_samples_are_what_the_network_says_whatever_it_says_it_as(options, sampler):
    model = diffusion(**options, network=partial(Knows, prediction=options["prediction"])).eval()
    model.sampling = Sampling(sampler, steps=10)
    torch.testing.assert_close(model.sample(3, seed=0), torch.full((3, *SHAPE), 0.625), rtol=0, atol=1e-3)


def test_training_makes_validation_better():
    model = diffusion(optimizer=partial(Adam, lr=3e-3))
    losses = []
    for batches in (1, 150):
        trainer = fitted(model, batches, limit_val_batches=0)
        (found,) = Trainer(**QUIET).validate(model, genlab.Digits(), verbose=False)
        losses.append(found["val/loss"])
    assert trainer.global_step == 150
    assert losses[1] < 0.7 * losses[0]


def test_samples_and_validation_are_by_the_average_and_codes_by_it_too():
    model = diffusion()
    fitted(model, 4)
    samples, codes = model.sample(3, seed=0), model.encode(torch.rand(2, *SHAPE))
    for weights in model.network.parameters():
        weights.data.zero_()
    assert torch.equal(model.sample(3, seed=0), samples)
    model.average = None
    assert not torch.equal(model.sample(3, seed=0), samples)
    assert codes.shape == (2, *SHAPE)


def test_samples_are_the_same_for_any_number_at_once_and_depend_on_the_seed(monkeypatch):
    model = diffusion().eval()
    all_at_once = model.sample(7, seed=0)
    monkeypatch.setattr("genlab.models.shared.denoising.AT_ONCE", 3 * 64)
    torch.testing.assert_close(model.sample(7, seed=0), all_at_once)
    assert not torch.equal(model.sample(7, seed=1), all_at_once)


USES = {
    "sample": lambda able, images: able.sample(len(images), seed=0),
    "decode": lambda able, images: able.decode(able.draw_codes(len(images))),
    "encode": lambda able, images: able.encode(images),
    "vary": lambda able, images: able.vary(images, seed=0),
    "on the way": lambda able, images: able.on_the_way(len(images), 4),
    "complete": lambda able, images: able.complete(images, torch.ones(8, 8), seed=0),
    "bound": lambda able, images: able.bound(images, 3),
}


@pytest.mark.parametrize("use", USES)
def test_networks_see_a_few_images_at_a_time_whatever_their_number(use, monkeypatch):
    monkeypatch.setattr("genlab.models.shared.denoising.AT_ONCE", 3 * 64)
    maps = {"encoder": partial(MapEncoder, channels=8), "decoder": partial(MapDecoder, channels=8)}
    latent = genlab.LatentDiffusion(SHAPE, genlab.VAE(SHAPE, 2, **maps, likelihood=Gaussian), **SMALL).eval()
    stage = latent.first_stage
    for model, parts, count in (
        (diffusion().eval(), {"network": 3}, 10),
        (conditional().eval(), {"network": 3}, 10),
        (latent, {"network": 48, "encoder": 3, "decoder": 3}, 100),  # codes are 2 x 2
    ):
        if model is latent and use in ("complete", "bound"):
            continue
        model.sampling, largest = Sampling(steps=3), dict.fromkeys(parts, 0)
        networks = {"network": model.best_network, "encoder": stage.encoder, "decoder": stage.decoder}
        for name in parts:

            def look(net, given, name=name, largest=largest):
                largest[name] = max(largest[name], len(given[0]))

            networks[name].register_forward_pre_hook(look)
        USES[use](model.given(3) if model.capabilities[0] is Conditional else model, torch.rand(count, *SHAPE))
        assert largest["network"] > 0
        assert all(largest[name] <= most for name, most in parts.items()), largest


def test_codes_give_their_images_again_and_interpolate():
    model = diffusion(optimizer=partial(Adam, lr=2e-3))
    data = genlab.Digits()
    fitted(model, 150, data)
    images = data.test_set[torch.arange(16)]["image"]
    model.sampling = Sampling(steps=100)
    codes = model.encode(images)
    assert codes.shape == images.shape
    assert (model.reconstruct(images) - images).abs().mean() < 0.05
    between = model.interpolate(images[0], images[1], steps=5)
    assert between.shape == (5, *SHAPE)
    assert (between[[0, -1]] - images[:2]).abs().mean() < 0.05
    assert torch.equal(model.encode(images[3]), model.encode(images[3:4])[0])


def test_variations_are_nearer_to_the_image_for_less_strength():
    model = diffusion()
    fitted(model, 60)
    images = genlab.Digits()
    images.setup()
    images = images.test_set[torch.arange(32)]["image"]
    away = [(model.vary(images, strength, seed=0) - images).abs().mean() for strength in (0.1, 0.4, 0.8)]
    assert away[0] < away[1] < away[2]
    with pytest.raises(genlab.GenlabError, match="strength is 1.5; it must be from 0 to 1"):
        model.vary(images, 1.5)


def test_completions_keep_what_is_known_and_masks_of_another_size_are_refused():
    model = diffusion().eval()
    model.sampling = Sampling(steps=5)
    images, mask = torch.rand(3, *SHAPE), torch.zeros(8, 8)
    mask[:, 4:] = 1
    made = model.complete(images, mask, seed=0)
    torch.testing.assert_close(made[..., :4], images[..., :4])
    assert (made[..., 4:] - images[..., 4:]).abs().mean() > 0.05
    assert not torch.equal(made, model.complete(images, mask, seed=1))
    with pytest.raises(genlab.GenlabError, match="the mask has 8 x 7 pixels, but the images have 8 x 8"):
        model.complete(images, mask[:7])
    with pytest.raises(genlab.GenlabError, match="there are 2 masks for 3 images"):
        model.complete(images, torch.stack([mask, mask]))
    each = torch.stack([mask, 1 - mask, mask])
    torch.testing.assert_close(model.complete(images, each, seed=0)[1, :, :, 4:], images[1, :, :, 4:])


@pytest.mark.parametrize("use", ["sample", "decode", "encode", "vary", "complete"])
def test_the_bar_of_steps_ends_full(use, monkeypatch):
    """Also if steps are repeated."""
    bars = []
    monkeypatch.setattr(
        "genlab.models.shared.denoising.tqdm",
        lambda **options: bars.append(tqdm(**options, file=StringIO())) or bars[-1],
    )
    model = diffusion().eval()
    model.sampling, model.progress = Sampling(ddim, steps=4), True
    USES[use](model, torch.rand(2, *SHAPE))
    (bar,) = bars
    assert bar.n == bar.total > 1


def test_what_is_no_setting_is_said():
    with pytest.raises(genlab.GenlabError, match="sampler is 'heun'; give a function, such as genlab.diffusion.heun"):
        Sampling(sampler="heun")
    with pytest.raises(genlab.GenlabError, match=r"Diffusion\(noise=...\) cannot be kept in a checkpoint"):
        diffusion(noise=CosineNoise())
    with pytest.raises(genlab.GenlabError, match="timesteps is 1; it must be from 2"):
        diffusion(noise=partial(LinearNoise, timesteps=1))
    with pytest.raises(genlab.GenlabError, match="strength is 0; it must be above 0"):
        diffusion().vary(torch.rand(1, *SHAPE), 0)
    assert conditional().sample(0).shape == (0, *SHAPE)


def test_the_way_from_noise_ends_in_the_samples():
    model = diffusion().eval()
    way = model.on_the_way(3, 4, generator=torch.Generator().manual_seed(0))
    assert way.shape == (3, 4, *SHAPE)
    torch.testing.assert_close(way[:, -1], model.sample(3, seed=0))
    last = model.on_the_way(3, 1, generator=torch.Generator().manual_seed(0))
    assert torch.equal(last[:, 0], way[:, -1])


def test_the_bound_of_a_model_that_knows_nothing_and_the_parts():
    """A network that predicts a velocity of 0 everywhere: its estimates are known."""
    model = diffusion(network=Blank, noise=partial(CosineNoise, timesteps=100), ema_decay=None)
    x = torch.randint(256, (4, *SHAPE)).float() / 255
    parts = model.bound(x, 98, torch.Generator().manual_seed(0))
    assert parts.shape == (4, 100)
    exact = model.bound(x, 10_000, torch.Generator().manual_seed(0))
    assert exact.shape == (4, 99 + 2)
    torch.testing.assert_close(parts.sum(1), exact.sum(1), rtol=0.1, atol=0)
    assert (parts >= 0).all()
    signed = 2 * x - 1
    now, then = model.noise.levels(100)[40:42]
    error = signed * now**2 / (1 + now**2)  # the estimate is x_t scaled, whose noise has mean 0
    variance = now**2 / (1 + now**2) ** 2
    expected = 0.5 * (then**-2 - now**-2) * (error.square() + variance).flatten(1).sum(1)
    torch.testing.assert_close(exact[:, 41], expected.float(), rtol=0.6, atol=0)


def test_what_it_can_do_is_said_and_what_it_cannot_too():
    able = ["encode", "decode", "reconstruct", "sample", "bound likelihoods", "sample in steps", "complete images"]
    assert abilities(diffusion()) == able
    assert abilities(conditional())[0] == "sample"
    model = diffusion().eval()
    model.sampling = Sampling(guidance=2.0)
    with pytest.raises(genlab.GenlabError, match="guidance is 2, but a Diffusion has no condition"):
        model.sample(1)
    model.sampling = Sampling(steps=1001)
    with pytest.raises(genlab.GenlabError, match="steps is 1001; this model's noise has 1,000 steps"):
        model.sample(1)
    for wrong in ({"steps": 0}, {"guidance": -1.0}):
        with pytest.raises(genlab.GenlabError, match="it must be"):
            Sampling(**wrong)
    with pytest.warns(UserWarning, match="the largest noise is 2.0 times an image, which still shows through"):
        diffusion(noise=partial(KarrasNoise, sigma_max=2.0))
    with pytest.raises(genlab.GenlabError, match="needs data with labels"):
        conditional(num_classes=0)


def test_few_timesteps_make_few_steps_of_samples():
    model = diffusion(noise=partial(LinearNoise, timesteps=8)).eval()
    assert model.sampling.steps == 8
    assert model.sample(1).shape == (1, *SHAPE)


class Classes(torch.utils.data.Dataset):
    """Images that are all black in class 0 and all white in class 1."""

    def __len__(self):
        return 6400

    def __getitem__(self, index):
        return {"image": torch.full(SHAPE, float(index % 2)), "label": index % 2}


def test_samples_follow_their_class_and_guidance_follows_it_more():
    model = conditional(
        num_classes=2,
        network=Blank,
        prediction=ImagePrediction,
        optimizer=partial(Adam, lr=1e-2),
        ema_decay=None,
        condition_dropout=0.3,
    )
    fitted(model, 300, DataLoader(Classes(), 64), limit_val_batches=0)
    model.has_range = False
    black, white = (model.inner(model.given(label).sample(4, seed=0)).mean().item() for label in (0, 1))
    assert (black, white) == pytest.approx((-1, 1), abs=0.1)
    estimates = []
    for guidance in (0.0, 0.5, 1.0, 3.0):
        denoise = model.given([0, 1]).denoiser(torch.arange(2), 2, guidance)
        estimates.append(denoise(torch.randn(2, *SHAPE), 1.0).mean((1, 2, 3)))
    without, half, with_, more = torch.stack(estimates).detach()
    assert without.tolist() == pytest.approx([0, 0], abs=0.2)  # the mean of both classes
    torch.testing.assert_close(half, (without + with_) / 2)
    torch.testing.assert_close(more, without + 3 * (with_ - without))


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"num_classes": 0, "attribute_names": ("round", "dark")},
        {"source_shape": (3, 8, 8)},
        {"source_shape": (1, 2, 2)},
    ],
)
def test_conditions_of_all_kinds_train_and_are_seen(options, working_folder):
    model = conditional(**options)
    torch.manual_seed(0)
    if "source_shape" in options:
        rows = [{"source": torch.rand(options["source_shape"]), "target": torch.rand(SHAPE)} for _ in range(64)]
        conditions = torch.stack([row["source"] for row in rows[:2]])
    elif "attribute_names" in options:
        rows = [{"image": torch.rand(SHAPE), "attributes": torch.randint(2, (2,)).float()} for _ in range(64)]
        conditions = torch.eye(2)
    else:
        rows = [{"image": torch.rand(SHAPE), "label": index % 10} for index in range(64)]
        conditions = torch.tensor([0, 1])
    trainer = fitted(model, 8, DataLoader(rows, 8))
    trainer.save_checkpoint("conditional.ckpt")
    model = genlab.load("conditional.ckpt")
    model.sampling = Sampling(steps=4)
    first, second = (model.given(condition[None]).sample(3, seed=0) for condition in conditions)
    assert first.shape == (3, *SHAPE)
    assert not torch.equal(first, second)
    both = model.given(conditions).sample(2, seed=0)
    torch.testing.assert_close(both[0], first[0])
    code = model.given(conditions[:1]).encode(both[:1])
    assert model.given(conditions[:1]).decode(code).shape == (1, *SHAPE)


def test_training_is_resumed_exactly(working_folder):
    saved = ModelCheckpoint(working_folder, "{step}", every_n_train_steps=3, save_top_k=-1)
    whole = conditional()
    fitted(whole, 6, callbacks=[saved], enable_checkpointing=True)
    seed_everything(7)
    resumed = conditional()
    Trainer(max_steps=6, **QUIET).fit(resumed, genlab.Digits(batch_size=32), ckpt_path="step=3.ckpt")
    for name, weight in whole.state_dict().items():
        assert torch.equal(resumed.state_dict()[name], weight), name


def test_500_steps_in_half_precision_are_finite_and_learn():
    model, losses = diffusion(optimizer=partial(Adam, lr=3e-3)), []
    log = model.log_batch
    model.log_batch = lambda metrics, progress_bar: (losses.append(metrics["loss"].item()), log(metrics, progress_bar))
    fitted(model, 500, limit_val_batches=0, precision="bf16-mixed")
    losses = torch.tensor(losses)
    assert len(losses) == 500
    assert losses.isfinite().all()
    assert losses[-50:].mean() < 0.7 * losses[:10].mean()


@pytest.mark.parametrize(("precision", "dtype"), [("bf16-true", torch.bfloat16), ("64-true", torch.float64)])
def test_weights_may_be_of_half_or_of_double_precision(precision, dtype):
    model = conditional(network=OPTIONS[-1]["network"])
    fitted(model, 3, precision=precision)
    assert {weights.dtype for weights in model.parameters()} == {dtype}
    model.sampling = Sampling(steps=3)
    assert model.sample(2, seed=0).isfinite().all()
    assert model.given(3).encode(torch.rand(2, *SHAPE, dtype=dtype)).isfinite().all()
    assert model.given(3).bound(torch.rand(2, *SHAPE, dtype=dtype), 3).isfinite().all()


def optimal(std):
    """Return the estimate of a denoiser of pixels from N(0, std^2), in place of a model's."""
    return lambda rows, count, guidance=1.0: lambda x, sigma: std**2 / (std**2 + sigma**2) * x


@pytest.mark.parametrize(("steps", "least"), [(5, 0.85), (10, 0.9), (100, 0.98)])
def test_codes_of_images_are_nearly_as_the_prior_after_few_steps(steps, least):
    model = diffusion(noise=CosineNoise).eval()
    model.sampling, model.denoiser = Sampling(steps=steps), optimal(0.25)
    images = (0.5 + 0.125 * torch.randn(400, *SHAPE, generator=torch.Generator().manual_seed(0))).clamp(0, 1)
    assert least < model.encode(images).std() < 1.02


def test_the_way_of_a_sampler_that_looks_ahead_is_that_of_its_steps():
    model = diffusion(noise=CosineNoise).eval()
    model.sampling, model.denoiser = Sampling(heun, steps=4), optimal(0.25)
    way = model.on_the_way(2, 5, generator=torch.Generator().manual_seed(0))
    levels = model.noise.levels(4)
    noise = model.draw_codes(2, generator=torch.Generator().manual_seed(0)) * (1 + levels[0] ** 2) ** 0.5
    for step in range(5):
        reached = heun(optimal(0.25)(None, 2), noise, levels[: step + 1]) / (1 + levels[step] ** 2) ** 0.5
        torch.testing.assert_close(way[:, step], ((reached + 1) / 2).clamp(0, 1).float(), rtol=1e-4, atol=1e-4)
