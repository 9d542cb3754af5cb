"""PixelCNNs of pixels: training, exact likelihoods, samples, completions, conditions."""

import copy
import itertools
import math
import warnings
from functools import partial

import pytest
import torch
from lightning.pytorch import Trainer, seed_everything
from lightning.pytorch.callbacks import ModelCheckpoint
from torch.optim import SGD, Adam
from torch.utils.data import DataLoader

import genlab
from genlab.capabilities import abilities
from genlab.networks import GatedPixelCNN, Recorded
from genlab.schedules import Cosine

SHAPE = (1, 8, 8)
SMALL = {"network": partial(GatedPixelCNN, channels=8, layers=2, kernel=3)}
QUIET = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False, "limit_val_batches": 1}


def pixelcnn(image_shape=SHAPE, **options):
    seed_everything(0)
    return genlab.PixelCNN(image_shape, **{"levels": 17} | SMALL | options)


def conditional(image_shape=SHAPE, num_classes=10, **options):
    seed_everything(0)
    return genlab.ConditionalPixelCNN(image_shape, num_classes, **{"levels": 17} | SMALL | options)


def fitted(model, batches=6, data=None, **options):
    trainer = Trainer(max_steps=batches, **QUIET | options)
    trainer.fit(model, data or genlab.Digits(batch_size=32))
    return trainer


def binary_images(shape):
    return torch.tensor([*itertools.product((0.0, 1.0), repeat=math.prod(shape))]).view(-1, *shape)


class Frequencies(torch.nn.Module, Recorded):
    """The same logits at each value, whatever came before; they differ between conditions."""

    supplied = 4

    def __init__(self, grid_shape, values, condition_size, map_channels):
        super().__init__()
        self.logits = torch.nn.Parameter(torch.randn(values))
        self.by_condition = torch.nn.Linear(condition_size, values) if condition_size else None

    def forward(self, grid, condition=None, map=None):
        logits = self.logits.expand(len(grid), -1)
        if condition is not None:
            logits = logits + self.by_condition(condition)
        return logits[:, :, None, None, None].expand(-1, -1, *grid.shape[1:])


def test_the_probability_of_an_image_is_that_of_its_levels():
    model = pixelcnn(levels=4, network=Frequencies)
    levels = torch.randint(4, (5, *SHAPE))
    values = torch.distributions.Categorical(logits=model.network.logits)
    expected = values.log_prob(levels).flatten(1).sum(1)
    torch.testing.assert_close(model.log_prob(levels / 3), expected)
    torch.testing.assert_close(model.log_prob(levels[2] / 3), expected[2])


@pytest.mark.parametrize("shape", [(1, 2, 3), (2, 2, 2)])
def test_probabilities_of_all_binary_images_sum_to_one_under_each_class(shape):
    images = binary_images(shape)
    models = [pixelcnn(shape, levels=2), *(conditional(shape, 3, levels=2).given(label) for label in range(3))]
    for model in models:
        log_probs = model.log_prob(images)
        assert log_probs.exp().sum().item() == pytest.approx(1, abs=1e-5)
        assert log_probs.std() > 0.01


def test_training_is_gradient_descent_on_the_negative_log_probability_in_nats():
    model = conditional(levels=2, optimizer=partial(SGD, lr=1e-2))
    network, numbers, batches = copy.deepcopy(model.network), copy.deepcopy(model.embedding), []
    images = model.images
    model.images = lambda batch: (batches.append(batch), images(batch))[1]
    with pytest.warns(UserWarning, match="images have values between the 2 levels of this ConditionalPixelCNN"):
        fitted(model, 2, limit_val_batches=0)
    weights = [*network.parameters(), *numbers.parameters()]
    for batch in batches:
        black = network((batch["image"] > 0.5).long(), numbers(batch["label"])).softmax(1)[:, 0]
        probabilities = torch.where(batch["image"] > 0.5, 1 - black, black)
        loss = -probabilities.log().sum((1, 2, 3)).mean()
        for weight, gradient in zip(weights, torch.autograd.grad(loss, weights), strict=True):
            weight.data -= 1e-2 * gradient
    trained = [*model.network.parameters(), *model.embedding.parameters()]
    for weight, expected in zip(trained, weights, strict=True):
        torch.testing.assert_close(weight, expected, rtol=1e-3, atol=1e-5)


class Halves(torch.utils.data.Dataset):
    """Images whose left half is white or black at random, and whose right half is so by class: 2 rows, 4 columns."""

    def __len__(self):
        return 64_000

    def __getitem__(self, index):
        image = torch.zeros(1, 2, 4)
        image[..., :2], image[..., 2:] = index // 2 % 2, index % 2
        return {"image": image, "label": index % 2}


def test_the_loss_falls_to_the_entropy_of_the_data_and_samples_follow_their_class():
    """Two fair choices, one of which is the class: log 4 nats, and log 2 given the class."""
    options = {"image_shape": (1, 2, 4), "optimizer": partial(Adam, lr=5e-3), "schedule": Cosine, "levels": 2}
    every = torch.stack([Halves()[index]["image"] for index in range(4)])
    unconditional, model = pixelcnn(**options), conditional(num_classes=2, **options)
    for each in (unconditional, model):
        fitted(each, 120, DataLoader(Halves(), 64), limit_val_batches=0)
    assert unconditional.log_prob(every).tolist() == pytest.approx([-math.log(4)] * 4, abs=0.1)
    assert model.given([0, 1, 0, 1]).log_prob(every).tolist() == pytest.approx([-math.log(2)] * 4, abs=0.1)
    assert model.given(1).log_prob(every[:1]) < -4
    black, white = (model.given(label).sample(20, seed=0)[..., 2:].mean().item() for label in (0, 1))
    assert (black, white) == pytest.approx((0, 1), abs=0.05)


def test_samples_are_images_of_the_levels_and_depend_on_the_seed():
    model = pixelcnn(levels=3).eval()
    samples = model.sample(7, seed=0)
    assert samples.unique().tolist() == [0, 0.5, 1]
    assert torch.equal(model.sample(7, seed=0), samples)
    assert torch.equal(model.sample(7, generator=torch.Generator().manual_seed(0)), samples)
    assert not torch.equal(model.sample(7, seed=1), samples)
    torch.manual_seed(0)
    assert torch.equal(model.sample(7), samples)
    assert model.sample(0).shape == (0, *SHAPE)


def test_completions_keep_the_first_pixels_and_draw_the_rest_given_them():
    model, mask = pixelcnn(levels=2).eval(), torch.zeros(8, 8)
    images = model.sample(300, seed=3)
    mask[5, 3:], mask[6:] = 1, 1
    made = model.complete(images, mask, seed=0)
    assert torch.equal(made[..., mask == 0], images[..., mask == 0])
    differ = (made != images).float().mean((0, 1))[mask == 1]
    assert (differ > 0.02).all()
    assert torch.equal(made, model.complete(images, mask[None, None], seed=0))
    assert model.complete(images[0], mask, seed=0).shape == SHAPE
    network = model.network
    with torch.no_grad():  # at the first unknown pixel, against its probability given the known ones
        white = network(images.long())[:, 1, 0, 5, 3].sub(network(images.long())[:, 0, 0, 5, 3]).sigmoid()
    expected, spread = white.sum().item(), (white * (1 - white)).sum().sqrt().item()
    assert made[:, 0, 5, 3].sum().item() == pytest.approx(expected, abs=4 * spread)


@pytest.mark.parametrize(
    ("mask", "message"),
    [
        (torch.ones(8, 7), r"the mask has shape \(8, 7\); give a single one of 8 x 8 pixels for all images"),
        (torch.ones(2, 1, 8, 8), "give a single one of 8 x 8 pixels for all images"),
        (torch.eye(8), "generates pixels row by row, each from those before it: the mask must be white from its"),
    ],
)
def test_masks_that_fit_no_image_or_no_order_are_refused(mask, message):
    with pytest.raises(genlab.GenlabError, match=message):
        pixelcnn().complete(torch.rand(2, *SHAPE), mask)


def test_images_take_the_nearest_level_and_those_of_other_levels_are_warned_of():
    model, x = pixelcnn(levels=3), torch.tensor([0.0, 0.24, 0.26, 0.74, 0.76, 1.0])
    with pytest.warns(UserWarning, match="between the 3 levels of this PixelCNN and are rounded; give it more"):
        assert model.grid(x).tolist() == [0, 0, 1, 1, 2, 2]
    digits = genlab.Digits()
    digits.setup()
    with warnings.catch_warnings(action="error"):
        grid = pixelcnn(levels=17).grid(digits.test_set[torch.arange(20)]["image"])
        assert grid.unique().tolist() == [*range(17)]
        eight_bits = torch.arange(256)
        assert torch.equal(pixelcnn(levels=256).grid(eight_bits / 255), eight_bits)
    overshot = torch.tensor([-0.04, 0.5, 1.04]).view(3, 1, 1, 1).expand(3, *SHAPE)  # bicubic resizing overshoots
    model = pixelcnn(levels=256, network=Frequencies)
    torch.testing.assert_close(model.log_prob(overshot), model.log_prob(overshot.clamp(0, 1)))
    for levels in (1, 257):
        with pytest.raises(genlab.GenlabError, match=f"levels is {levels}; it must be from 2 to 256"):
            pixelcnn(levels=levels)


@pytest.mark.parametrize("options", [{"image_shape": (3, 8, 9), "levels": 256}, {"attribute_names": ("round", "dark")}])
def test_its_checkpoint_gives_the_same_samples_and_likelihoods(options, working_folder):
    attributes = {"attributes": torch.ones(2)} if "attribute_names" in options else {}
    model = conditional(num_classes=0, **options) if attributes else pixelcnn(**options)
    rows = [{"image": torch.randint(256, model.image_shape) / 255, **attributes} for _ in range(16)]
    trainer = fitted(model, 3, DataLoader(rows, 8))
    trainer.save_checkpoint("pixelcnn.ckpt")
    loaded = genlab.load("pixelcnn.ckpt")
    if attributes:
        model, loaded = model.given({"dark": 1}), loaded.given({"dark": 1})
    samples = model.sample(3, seed=1)
    assert samples.shape == (3, *options.get("image_shape", SHAPE))
    assert torch.equal(loaded.sample(3, seed=1), samples)
    assert torch.equal(loaded.log_prob(samples), model.log_prob(samples))


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
    small = partial(GatedPixelCNN, channels=4, layers=1, kernel=3)  # convolutions in half precision are slow on a CPU
    model, losses = conditional(network=small, optimizer=partial(Adam, lr=1e-2)), []
    log = model.log_batch
    model.log_batch = lambda metrics, progress_bar: (losses.append(metrics["loss"].item()), log(metrics, progress_bar))
    fitted(model, 500, genlab.Digits(batch_size=8), limit_val_batches=0, precision="bf16-mixed")
    losses = torch.tensor(losses)
    assert len(losses) == 500
    assert losses.isfinite().all()
    assert losses[-50:].mean() < 0.7 * losses[:10].mean()


@pytest.mark.parametrize("precision", ["bf16-true", "64-true"])
def test_weights_may_be_of_half_or_of_double_precision(precision):
    model = conditional()
    fitted(model, 3, precision=precision)
    samples = model.sample(2, seed=0)
    assert samples.dtype == next(model.parameters()).dtype
    assert model.given(3).log_prob(samples).isfinite().all()


def test_what_it_can_do_is_said_and_what_it_cannot_too():
    assert abilities(pixelcnn()) == ["sample", "compute likelihoods", "complete images"]
    under_a_condition = [f"{verb} under a condition" for verb in ("compute likelihoods", "complete images")]
    assert abilities(conditional()) == ["sample", *under_a_condition]
    with pytest.raises(genlab.GenlabError, match="needs data with labels or attributes; otherwise use a PixelCNN"):
        conditional(num_classes=0)
    with pytest.raises(genlab.GenlabError, match="PixelCNN of 5 levels needs"):
        fitted(pixelcnn(levels=5, network=partial(Missing)))


class Missing(Frequencies):
    """Returns logits for one value too few."""

    def forward(self, grid, condition=None, map=None):
        return super().forward(grid, condition, map)[:, 1:]
