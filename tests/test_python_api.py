"""genlab from Python, as someone uses it who has a DataLoader, a picture and a checkpoint."""

from functools import partial

import pytest
import torch
import torchvision
from lightning.pytorch import Callback, LightningDataModule, Trainer
from torch.utils.data import DataLoader, TensorDataset
from torchvision.transforms import ToTensor

import genlab
from genlab.models import Schedule
from genlab.networks import (
    DenseLayer,
    MLPDecoder,
    MLPDiscriminator,
    PatchDiscriminator,
    ResNetGenerator,
    UNet,
)

MNIST = (1, 28, 28)
SHAPE = (1, 8, 8)
PLAYERS = {"generator": partial(MLPDecoder, hidden=(16,)), "discriminator": partial(MLPDiscriminator, hidden=(16,))}
random = torch.Generator().manual_seed(0)
x, y = torch.rand(12, *SHAPE, generator=random), torch.rand(12, *SHAPE, generator=random)
labels = torch.arange(12) % 3
attributes = torch.rand(12, 2, generator=random).round()


def quick_trainer(**options):
    quiet = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False}
    return Trainer(**{"max_epochs": 1, "enable_model_summary": False, **quiet, **options})


def stacked(shape, **options):
    return genlab.StackedAutoencoder(shape, [partial(DenseLayer, size=16)], [Schedule(1)], **options)


OF_DIGITS = {
    "autoencoder": lambda: genlab.Autoencoder(MNIST),
    "stacked": lambda: stacked(MNIST),
    "stacked with labels": lambda: stacked(MNIST, classifier=[Schedule(1)], num_classes=10),
    "vae": lambda: genlab.VAE(image_shape=MNIST),
    "cvae": lambda: genlab.CVAE(MNIST, 10),
    "gan": lambda: genlab.GAN(MNIST, **PLAYERS),
    "cgan": lambda: genlab.CGAN(MNIST, 10, **PLAYERS),
}


@pytest.mark.parametrize("family", OF_DIGITS)
def test_torchvision_data_in_a_plain_loader_train_and_test_every_family_of_images(family, data_dir):
    digits = torchvision.datasets.MNIST(data_dir, transform=ToTensor())
    loader = DataLoader(digits, batch_size=50, shuffle=True)
    model = OF_DIGITS[family]()
    before = {name: weights.clone() for name, weights in model.named_parameters() if weights.requires_grad}
    trainer = quick_trainer(limit_train_batches=2, limit_val_batches=2, limit_test_batches=2)
    trainer.fit(model, loader, DataLoader(digits, batch_size=30))
    after = dict(model.named_parameters())
    changed = [name for name, weights in before.items() if not torch.equal(weights, after[name])]
    assert changed
    trainer.test(model, DataLoader(digits, batch_size=30), verbose=False)
    assert trainer.callback_metrics


SHAPES_OF_BATCHES = {
    "autoencoder": (lambda: genlab.Autoencoder(SHAPE, 4), [(x,), (x, labels), (x, attributes), (x, labels, x)]),
    "gan": (lambda: genlab.GAN(SHAPE, 4, **PLAYERS), [(x,), (x, labels)]),
    "cvae of attributes": (
        lambda: genlab.CVAE(SHAPE, attribute_names=("a", "b")),
        [(x, attributes), (x, attributes.long())],
    ),
    "cgan of attributes": (lambda: genlab.CGAN(SHAPE, attribute_names=("a", "b"), **PLAYERS), [(x, attributes.long())]),
    "cvae of pairs": (lambda: genlab.CVAE(SHAPE, source_shape=SHAPE), [(y, x)]),
    "pix2pix": (
        lambda: genlab.Pix2Pix(SHAPE, SHAPE, partial(UNet, width=4), partial(PatchDiscriminator, width=4)),
        [(y, x), (y, x, labels)],
    ),
    "cyclegan": (
        lambda: genlab.CycleGAN(
            SHAPE, SHAPE, partial(ResNetGenerator, width=4, blocks=1), partial(PatchDiscriminator, width=4)
        ),
        [(y, x)],
    ),
}


@pytest.mark.parametrize("family", SHAPES_OF_BATCHES)
def test_tuples_and_lists_train_and_validate(family):
    build, batches = SHAPES_OF_BATCHES[family]
    for batch in batches:
        whole = DataLoader([batch, batch], batch_size=None, collate_fn=tuple)
        rows = DataLoader(TensorDataset(*batch), batch_size=6)  # lists
        quick_trainer().fit(build(), whole, rows)
        quick_trainer().validate(build(), rows, verbose=False)


class Seen(Callback):
    def on_train_batch_start(self, trainer, model, batch, batch_idx):
        self.batch = batch


def test_a_bare_tensor_is_a_batch_and_callbacks_see_a_dict():
    seen = Seen()
    quick_trainer(callbacks=[seen]).fit(genlab.VAE(SHAPE), DataLoader(x, batch_size=4))
    assert seen.batch.keys() == {"image"}
    quick_trainer(callbacks=[seen]).fit(genlab.VAE(SHAPE), DataLoader(TensorDataset(x, labels), batch_size=4))
    assert torch.equal(seen.batch["label"], labels[8:])
    assert torch.equal(seen.batch["image"], x[8:])


class Inverted(LightningDataModule):
    """Someone's own, with a hook of its own."""

    def train_dataloader(self):
        return DataLoader(TensorDataset(255 * x, labels), batch_size=12)

    def on_before_batch_transfer(self, batch, dataloader_idx):
        images, classes = batch
        return 1 - images / 255, classes


def test_hooks_of_ones_own_data_come_first():
    seen = Seen()
    quick_trainer(callbacks=[seen]).fit(genlab.CVAE(SHAPE, 3), datamodule=Inverted())
    torch.testing.assert_close(seen.batch["image"], 1 - x)


def test_genlabs_own_batches_are_passed_on_untouched():
    batch = {"image": x, "label": labels, "index": labels}
    assert genlab.VAE(SHAPE).named(batch) is batch


def test_direct_calls_take_the_same():
    vae, cvae = genlab.VAE(SHAPE), genlab.CVAE(SHAPE, 3)
    for batch in (x, (x,), [x, labels], {"image": x}):
        assert vae.images(batch) is x
        assert cvae.images(batch) is x
    assert cvae.condition((x, labels)) is labels
    assert vae.predict_step((x, labels), 0)["code"].shape == (12, 20)
    a, b = SHAPES_OF_BATCHES["cyclegan"][0]().domains([x, y])
    torch.testing.assert_close(a, 2 * x - 1)
    torch.testing.assert_close(b, 2 * y - 1)


@pytest.mark.parametrize(
    ("family", "batch", "message"),
    [
        ("pix2pix", x, "Pix2Pix takes batches (source, target), or dicts of these; the data gave one tensor of shape"),
        ("cyclegan", (x,), "CycleGAN takes batches (a, b), or dicts of these; the data gave a list of 1"),
        ("cvae of attributes", (x,), "this CVAE's condition is the 'attributes' of a batch, which has none"),
        ("cgan of attributes", (x, labels), "attributes are (12,); this model knows 2 and takes a tensor (B, 2)"),
        ("autoencoder", "text", "Autoencoder takes batches (image), or dicts with 'image', of shape (B, C, H, W); the"),
        ("autoencoder", {"pixels": x}, "the data gave pixels"),
        ("autoencoder", (255 * x, labels), "genlab takes [0, 1]: x / 255"),
        ("autoencoder", (x, labels[:5]), "the data gave 12 of 'image', 5 of 'label'"),
    ],
)
def test_batches_that_a_model_cannot_use_are_one_line(family, batch, message):
    with pytest.raises(genlab.GenlabError) as error:
        quick_trainer().fit(SHAPES_OF_BATCHES[family][0](), DataLoader([batch], batch_size=None))
    assert message in str(error.value)
    assert "\n" not in str(error.value)
