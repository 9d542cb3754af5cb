"""Inputs of models: images of another range or type, and invalid labels, end in one line."""

from functools import partial

import pytest
import torch
from lightning.pytorch import Trainer
from torch.utils.data import DataLoader

import genlab
from genlab import conditions
from genlab.models import StageSchedule
from genlab.models.shared import image_model
from genlab.networks import DenseLayer, MLPDecoder, MLPDiscriminator, PatchDiscriminator, ResNetGenerator, UNet

SHAPE = (1, 8, 8)
x = torch.rand(4, *SHAPE, generator=torch.Generator().manual_seed(0))
x[:, :, 0, 0], x[:, :, 7, 7] = 0, 1
labels, attributes = torch.tensor([0, 1, 2, 0]), torch.tensor([[0.0, 1], [1, 1], [0, 0], [1, 0]])
players = {"generator": partial(MLPDecoder, hidden=(8,)), "discriminator": partial(MLPDiscriminator, hidden=(8,))}
patches = {"discriminator": partial(PatchDiscriminator, channels=4)}


def stacked():
    stage = [StageSchedule(1)]
    layers = [partial(DenseLayer, size=8)]
    return genlab.StackedAutoencoder(SHAPE, layers, stage, classifier=stage, num_classes=3)


FAMILIES = {
    "autoencoder": (lambda: genlab.Autoencoder(SHAPE, 4), {"image": x}),
    "vae": (lambda: genlab.VAE(SHAPE, 4), {"image": x}),
    "cvae": (lambda: genlab.CVAE(SHAPE, 3, code_size=4), {"image": x, "label": labels}),
    "cvae of attributes": (
        lambda: genlab.CVAE(SHAPE, attribute_names=("a", "b"), code_size=4),
        {"image": x, "attributes": attributes},
    ),
    "cvae of pairs": (lambda: genlab.CVAE(SHAPE, source_shape=SHAPE, code_size=4), {"source": x, "target": x}),
    "gan": (lambda: genlab.GAN(SHAPE, 4, **players), {"image": x}),
    "cgan": (lambda: genlab.CGAN(SHAPE, 3, code_size=4, **players), {"image": x, "label": labels}),
    "stacked": (stacked, {"image": x, "label": labels}),
    "pix2pix": (
        lambda: genlab.Pix2Pix(SHAPE, SHAPE, partial(UNet, channels=4), **patches),
        {"source": x, "target": x},
    ),
    "cyclegan": (
        lambda: genlab.CycleGAN(SHAPE, SHAPE, partial(ResNetGenerator, channels=4, blocks=1), **patches),
        {"a": x, "b": x},
    ),
}
CONDITIONS = {"label", "attributes"}


def trainer(**options):
    quiet = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False}
    return Trainer(max_epochs=1, enable_model_summary=False, num_sanity_val_steps=0, **quiet, **options)


def loader(batch, count=1):
    return DataLoader([batch] * count, batch_size=None)


def refusal(function, *arguments, **options):
    with pytest.raises(genlab.GenlabError) as error:
        function(*arguments, **options)
    assert "\n" not in str(error.value)
    return str(error.value)


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_refuses_to_train_on_images_in_minus_one_to_one(family):
    build, batch = FAMILIES[family]
    for name in batch.keys() - CONDITIONS:
        told = refusal(trainer().fit, build(), loader(batch | {name: 2 * batch[name] - 1}))
        what = "images" if name == "image" else f"'{name}' images"
        assert told == f"{what} lie between -1 and 1; genlab takes [0, 1]: (x + 1) / 2"


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (x * 255, "images lie between 0 and 255; genlab takes [0, 1]: x / 255"),
        ((x - 0.5) / 0.2, "images lie between -2.5 and 2.5; genlab takes [0, 1]: leave out their normalisation"),
        (1.3 * x - 0.15, "images lie between -0.15 and 1.15; genlab takes [0, 1]: x.clamp(0, 1)"),
        (x > 0.5, "images are bool; genlab takes floats in [0, 1]: x.float()"),
        (x.double(), "images are float64, the model's weights float32; convert them: x.to(torch.float32)"),
        (torch.where(x > 0.9, torch.nan, x), "images hold NaN or infinite values"),
        (torch.where(x > 0.9, torch.inf, x), "images hold NaN or infinite values"),
        (x[..., 1:], "built for 'image' of shape (1, 8, 8), the data gives (1, 8, 7)"),
    ],
)
def test_what_are_no_images_is_said_in_training_and_to_callers(images, message):
    for build in (lambda: genlab.VAE(SHAPE, 4), lambda: genlab.Autoencoder(SHAPE, 4)):
        assert message in refusal(build().encode, images)
        assert message in refusal(build().reconstruct, images)
        if isinstance(images, torch.Tensor):
            assert message in refusal(trainer().fit, build(), loader({"image": images}))


@pytest.mark.parametrize(
    ("images", "message"),
    [
        ((x * 255).byte(), "images are uint8; genlab takes floats in [0, 1]: x.float() / 255"),
        (x[0], "takes batches, (B, C, H, W); a single image becomes one with x[None]"),
        (x[:, 0], "built for 'image' of shape (1, 8, 8), the data gives (8, 8)"),
        (x.numpy(), "takes 'image' as a tensor, not as ndarray"),
    ],
)
def test_batches_are_tensors_of_floats(images, message):
    assert message in refusal(genlab.VAE(SHAPE, 4).images, {"image": images})


@pytest.mark.parametrize("stage", ["validate", "test", "predict"])
def test_the_first_batch_of_every_stage_is_checked(stage):
    model = genlab.VAE(SHAPE, 4)
    assert "(x + 1) / 2" in refusal(getattr(trainer(), stage), model, loader({"image": 2 * x - 1}))


def test_validation_in_a_fit_is_checked_too():
    assert "x / 255" in refusal(trainer().fit, genlab.VAE(SHAPE, 4), loader({"image": x}), loader({"image": 255 * x}))


@pytest.mark.parametrize("family", FAMILIES)
def test_a_second_fit_of_the_same_model_is_checked_again(family):
    build, batch = FAMILIES[family]
    model = build()
    trainer(limit_train_batches=1).fit(model, loader(batch))
    name = min(batch.keys() - CONDITIONS)
    assert "(x + 1) / 2" in refusal(trainer().fit, model, loader(batch | {name: 2 * x - 1}))


@pytest.mark.parametrize("family", FAMILIES)
def test_values_are_looked_at_once_for_training_and_once_for_validation(family, monkeypatch):
    looked = []
    checks = (image_model, "check_images"), (conditions, "check_labels"), (conditions, "check_attributes")
    for module, check in (*checks, (genlab.models.stacked, "check_labels")):
        monkeypatch.setattr(module, check, lambda values, *rest: looked.append(values))
    build, batch = FAMILIES[family]
    trainer().fit(build(), loader(batch, 5), loader(batch, 3))
    known_twice = family == "cvae of pairs"  # its encoder checks the target again, as an image
    assert 2 <= len(looked) <= 2 * (len(batch) + known_twice)


def test_callers_of_translate_and_of_a_conditional_model_are_told():
    build, _ = FAMILIES["cyclegan"]
    assert "(x + 1) / 2" in refusal(build().translate, 2 * x - 1, direction="b_to_a")
    build, _ = FAMILIES["cvae"]
    given = build().given(labels)
    for function in (given.encode, given.reconstruct, partial(given.log_likelihood, num_samples=2)):
        assert "(x + 1) / 2" in refusal(function, 2 * x - 1)
    build, _ = FAMILIES["pix2pix"]
    assert "or a list of these, not list" in refusal(build().translate, x.tolist())
    build, _ = FAMILIES["cvae of pairs"]
    assert "'source' images lie between -1 and 1" in refusal(build().given, 2 * x - 1)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (labels + 1, "labels lie between 1 and 3; this model has 3 classes, 0 to 2"),
        (labels - 1, "labels lie between -1 and 1"),
        (labels.float(), "labels are float32; genlab takes class indices, int64: labels.long()"),
        (labels.int(), "labels are int32"),
        (
            torch.eye(3)[labels],
            "labels are of shape (4, 3); genlab takes class indices of shape (B,): labels.argmax(1)",
        ),
        (labels[:, None], "labels are of shape (4, 1)"),
    ],
)
def test_labels_that_are_none_are_said(wrong, message):
    for family in ("cvae", "cgan"):
        build, batch = FAMILIES[family]
        assert message in refusal(trainer().fit, build(), loader(batch | {"label": wrong}))
        assert message in refusal(build().given, wrong)
    build, batch = FAMILIES["stacked"]
    assert message in refusal(build().classification_errors, torch.zeros(4, 8), batch | {"label": wrong})
    assert message in refusal(trainer().fit, build(), loader(batch | {"label": wrong}))  # before the classifier's stage


@pytest.mark.parametrize("family", ["cvae", "cgan", "stacked", "pix2pix", "cyclegan"])
def test_a_batch_has_one_of_each_for_every_image(family):
    build, batch = FAMILIES[family]
    last = list(batch)[-1]
    told = refusal(trainer().fit, build(), loader(batch | {last: batch[last][:2]}))
    assert f"takes batches with one of each for every image; the data gave 4 of '{next(iter(batch))}', 2 of" in told


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (
            2 * attributes - 1,
            "attributes lie between -1 and 1; genlab takes 0 (absent) to 1 (present): (attributes + 1)",
        ),
        (attributes[:, :1], "attributes are (4, 1); this model has 2 and takes a tensor (B, 2)"),
        (attributes[0], "attributes are (2,)"),
        (attributes * torch.nan, "attributes lie between nan and nan"),
    ],
)
def test_attributes_that_are_none_are_said(wrong, message):
    build, batch = FAMILIES["cvae of attributes"]
    assert message in refusal(trainer().fit, build(), loader(batch | {"attributes": wrong}))
    if wrong.ndim == 2:  # callers may give a single row
        assert message in refusal(build().given, wrong)
        assert message in refusal(genlab.CGAN(SHAPE, 0, ("a", "b"), code_size=4, **players).given, wrong)


def test_what_is_right_passes():
    model = genlab.VAE(SHAPE, 4)
    rounded = x * 1.002 - 0.001
    for images in (x, rounded, torch.zeros(1, *SHAPE), x[:0]):
        assert model.encode(images).shape == (len(images), 4)
    with torch.autocast("cpu", torch.bfloat16):
        model.encode(x.bfloat16())
    assert genlab.VAE(SHAPE, 4).double().encode(x.double()).isfinite().all()
    assert genlab.VAE(SHAPE, 4).bfloat16().encode(x.bfloat16()).isfinite().all()


def test_checks_are_in_nobodys_way():
    model = genlab.VAE(SHAPE, 4)
    outside = (3 * x - 1).requires_grad_()
    model.encode(outside).sum().backward()  # as a search for images would
    assert outside.grad.abs().sum() > 0
    each = torch.vmap(lambda one: model.encode(one[None])[0])(x)
    torch.testing.assert_close(each, model.encode(x))
    compiled = torch.compile(model.encode, backend="eager", fullgraph=True)
    torch.testing.assert_close(compiled(x), model.encode(x))
