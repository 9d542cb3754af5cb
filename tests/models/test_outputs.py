"""User-defined networks whose outputs do not have the shape that the model needs end in one line with both shapes."""

import copy
from functools import partial

import pytest
import torch
from lightning.pytorch import Trainer
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

import genlab
from genlab.losses import PixelGaussian
from genlab.models import StageSchedule
from genlab.networks import MLPDecoder, MLPDiscriminator, PatchDiscriminator, ResNetGenerator, UNet
from genlab.networks.condition import Projection
from genlab.networks.stack import StackLayer

SHAPE = (1, 8, 8)
HERE = __name__
x, labels = torch.rand(4, *SHAPE), torch.arange(4) % 3


class BadEncoder(nn.Sequential):
    def __init__(self, image_shape, size):
        super().__init__(nn.Flatten(), nn.Linear(image_shape[0] * 64, 5))


class BadDecoder(nn.Sequential):
    """Returns images without channels."""

    def __init__(self, image_shape, size):
        super().__init__(nn.Linear(size, 64), nn.Unflatten(1, (8, 8)))


class BadTranslator(nn.Conv2d):
    """Returns one channel too many."""

    def __init__(self, image_shape, channels):
        super().__init__(image_shape[0], channels + 1, 3, padding=1)


class Shrinking(nn.Conv2d):
    def __init__(self, image_shape, channels):
        super().__init__(image_shape[0], channels, 3)


class BadLayer(StackLayer):
    def __init__(self, input_shape):
        super().__init__(nn.Sequential(nn.Flatten(), nn.Linear(64, 7)), nn.Linear(7, 64), nn.Sigmoid(), (9,))


class BadLayerBack(StackLayer):
    def __init__(self, input_shape):
        super().__init__(nn.Sequential(nn.Flatten(), nn.Linear(64, 7)), nn.Linear(7, 64), nn.Sigmoid(), (7,))


class NoTensor(MLPDecoder):
    def forward(self, z):
        return [super().forward(z)]


QUIET = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False, "enable_model_summary": False}
good = {"generator": partial(MLPDecoder, hidden=(8,)), "discriminator": partial(MLPDiscriminator, hidden=(8,))}
patches = {"discriminator": partial(PatchDiscriminator, channels=4)}
judged_badly = {"discriminator": BadEncoder}


def stack(layer):
    return genlab.StackedAutoencoder(SHAPE, [layer], [StageSchedule(1)])


WRONG = {
    "autoencoder": (
        lambda: genlab.Autoencoder(SHAPE, 8, encoder=BadEncoder),
        "BadEncoder gives (4, 5); Autoencoder with code_size 8 needs (4, 8)",
    ),
    "autoencoder back": (
        lambda: genlab.Autoencoder(SHAPE, 8, decoder=BadDecoder),
        "BadDecoder gives (4, 8, 8); Autoencoder for images of shape (1, 8, 8) needs (4, 1, 8, 8)",
    ),
    "vae": (
        lambda: genlab.VAE(SHAPE, 8, encoder=BadEncoder),
        "BadEncoder gives (4, 5); VAE with code_size 8 needs (4, 16)",
    ),
    "vae back": (
        lambda: genlab.VAE(SHAPE, 8, decoder=BadDecoder, likelihood=PixelGaussian),
        "BadDecoder gives (4, 8, 8); VAE with a PixelGaussian likelihood needs (4, 2, 8, 8)",
    ),
    "no tensor": (
        lambda: genlab.VAE(SHAPE, 8, decoder=NoTensor),
        "NoTensor gives list; VAE with a Bernoulli likelihood",
    ),
    "cvae": (
        lambda: genlab.CVAE(SHAPE, 3, code_size=8, encoder=BadEncoder),
        "BadEncoder gives (4, 5); CVAE with code_size 8 needs (4, 16)",
    ),
    "cvae back": (
        lambda: genlab.CVAE(SHAPE, 3, decoder=BadDecoder),
        "BadDecoder gives (4, 8, 8); CVAE with a Bernoulli likelihood needs (4, 1, 8, 8)",
    ),
    "cvae of pairs": (
        lambda: genlab.CVAE(SHAPE, source_shape=SHAPE, condition_size=6, condition_encoder=BadEncoder),
        "BadEncoder gives (4, 5); CVAE with condition_size 6 needs (4, 6)",
    ),
    "gan": (
        lambda: genlab.GAN(SHAPE, 8, **good | {"generator": BadDecoder}),
        "BadDecoder gives (4, 8, 8); GAN for images of shape (1, 8, 8) needs (4, 1, 8, 8)",
    ),
    "gan judged": (
        lambda: genlab.GAN(SHAPE, 8, **good | judged_badly),
        "BadEncoder gives (4, 5); GAN for its logits needs (4, 1)",
    ),
    "cgan": (
        lambda: genlab.CGAN(SHAPE, 3, **good | {"generator": BadDecoder}),
        "BadDecoder gives (4, 8, 8); CGAN for images of shape (1, 8, 8) needs (4, 1, 8, 8)",
    ),
    "cgan judged": (
        lambda: genlab.CGAN(SHAPE, 3, **good | judged_badly),
        "BadEncoder gives (4, 5); CGAN for its logits needs (4, 1)",
    ),
    "cgan projecting": (
        lambda: genlab.CGAN(SHAPE, 3, condition_size=6, conditioning=Projection, **good | judged_badly),
        "BadEncoder gives (4, 5); CGAN with condition_size 6 needs (4, 6)",
    ),
    "pix2pix": (
        lambda: genlab.Pix2Pix(SHAPE, SHAPE, BadTranslator, **patches),
        "BadTranslator gives (4, 2, 8, 8); Pix2Pix for images of shape (1, 8, 8) needs (4, 1, 8, 8)",
    ),
    "pix2pix shrinking": (
        lambda: genlab.Pix2Pix(SHAPE, SHAPE, Shrinking, **patches),
        "Shrinking gives (4, 1, 6, 6); Pix2Pix for images of shape (1, 8, 8) needs (4, 1, 8, 8)",
    ),
    "pix2pix judged": (
        lambda: genlab.Pix2Pix(SHAPE, SHAPE, partial(UNet, channels=4), BadTranslator),
        "BadTranslator gives (4, 2, 8, 8); Pix2Pix for its logits needs (4, 1)",
    ),
    "cyclegan": (
        lambda: genlab.CycleGAN(SHAPE, SHAPE, BadTranslator, **patches),
        "BadTranslator gives (4, 2, 8, 8); CycleGAN for images of shape (1, 8, 8) needs (4, 1, 8, 8)",
    ),
    "cyclegan judged": (
        lambda: genlab.CycleGAN(SHAPE, SHAPE, partial(ResNetGenerator, channels=4, blocks=1), BadTranslator),
        "BadTranslator gives (4, 2, 8, 8); CycleGAN for its logits needs (4, 1)",
    ),
    "stacked": (lambda: stack(BadLayer), "gives (4, 7); layer 1 of this StackedAutoencoder needs (4, 9)"),
    "stacked back": (
        lambda: stack(BadLayerBack),
        "gives (4, 64); layer 1 of this StackedAutoencoder needs (4, 1, 8, 8)",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_the_first_batch_says_both_shapes(case):
    build, message = WRONG[case]
    model = build()
    batch = {"image": x, "label": labels, "source": x, "target": x, "a": x, "b": x}
    with pytest.raises(genlab.GenlabError) as error:
        Trainer(max_epochs=1, **QUIET).fit(model, DataLoader([batch], batch_size=None))
    assert message in str(error.value)
    assert str(error.value).startswith((f"{HERE}.", "torch.nn."))
    assert "\n" not in str(error.value)


def test_a_call_from_outside_says_it_too_each_time():
    model = genlab.GAN(SHAPE, 8, **good | {"generator": BadDecoder})
    for _ in range(2):
        with pytest.raises(genlab.GenlabError, match="BadDecoder gives"):
            model.sample(4)  # with the averaged generator


class NotFlat(nn.Module):
    """A discriminator whose logits are (B,), as in many tutorials."""

    def __init__(self, image_shape, size):
        super().__init__()
        self.body = MLPDiscriminator(image_shape, 1, hidden=(8,))

    def forward(self, images):
        return self.body(images).squeeze(1)


def test_logits_may_be_of_patches_or_without_their_last_dimension():
    for discriminator in (NotFlat, partial(PatchDiscriminator, channels=4)):
        model = genlab.GAN(SHAPE, 8, **good | {"discriminator": discriminator})
        trainer = Trainer(max_epochs=1, **QUIET)
        trainer.fit(model, DataLoader(TensorDataset(x), batch_size=4))
        assert trainer.global_step == 1


def test_a_right_network_is_looked_at_once():
    model = genlab.VAE(SHAPE, 4)
    copied = copy.deepcopy(model)
    for each in (model, copied):
        assert each.encoder._forward_hooks
        each.reconstruct(x)
        assert not each.encoder._forward_hooks
        assert not each.decoder._forward_hooks
    assert torch.compile(genlab.VAE(SHAPE, 4).encode, backend="eager", fullgraph=True)(x).shape == (4, 4)
