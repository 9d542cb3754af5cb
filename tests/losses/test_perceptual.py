"""Images compared by feature maps."""

from functools import partial
from urllib.error import URLError

import pytest
import torch
from lightning.pytorch import Trainer
from torch import nn

import genlab
from genlab.losses import Perceptual
from genlab.metrics import FeatureMaps, VGG16Features
from genlab.models import EncoderFeatures

x = torch.rand(3, 1, 8, 8, generator=torch.Generator().manual_seed(0))


class Halves(FeatureMaps):
    """Feature maps that are the images' left halves, and twice these."""

    def __init__(self):
        super().__init__([LeftHalf(), Twice(), nn.ReLU()], [0, 1])


class LeftHalf(nn.Module):
    def forward(self, images):
        return images[..., :4]


class Twice(nn.Linear):
    def __init__(self):
        super().__init__(4, 4, bias=False)
        nn.init.eye_(self.weight)

    def forward(self, images):
        return 2 * super().forward(images)


def test_it_is_half_the_mean_squared_difference_of_the_maps():
    outputs = torch.randn(3, 1, 8, 8)
    away = (outputs.sigmoid() - x)[..., :4].square().flatten(1).mean(1)
    expected = -10 * (away + 4 * away) / 2
    torch.testing.assert_close(Perceptual(Halves, weight=10).log_prob(outputs, x), expected)


def test_what_lies_behind_the_last_map_is_left_out():
    assert len(Halves().layers) == 2


def test_the_network_is_neither_trained_nor_kept():
    likelihood = Perceptual(Halves)
    assert not list(likelihood.parameters())
    assert not likelihood.state_dict()
    outputs = torch.randn(3, 1, 8, 8, requires_grad=True)
    likelihood.log_prob(outputs, x).sum().backward()
    assert outputs.grad[..., :4].abs().sum() > 0
    assert outputs.grad[..., 4:].abs().sum() == 0


def test_a_vae_learns_by_the_features_of_a_trained_encoder(run, tmp_path):
    torch.manual_seed(0)
    likelihood = partial(Perceptual, features=partial(EncoderFeatures, checkpoint=str(run)))
    model = genlab.VAE((1, 8, 8), 4, likelihood=likelihood, optimizer=partial(torch.optim.Adam, lr=3e-3))
    data = genlab.Digits()
    quiet = {"logger": False, "enable_progress_bar": False, "default_root_dir": tmp_path}
    trainer = Trainer(max_epochs=5, **quiet)
    before = trainer.validate(model, data, verbose=False)[0]
    trainer.fit(model, data)
    after = trainer.validate(model, data, verbose=False)[0]
    assert after["val/reconstruction"] < 0.6 * before["val/reconstruction"]
    assert after["val/bits_per_dim"] != after["val/bits_per_dim"]
    loaded = genlab.load(trainer.checkpoint_callback.best_model_path)
    images = data.val_set[torch.arange(9)]["image"]
    torch.testing.assert_close(loaded.reconstruct(images), model.eval().reconstruct(images))


def test_the_maps_of_an_encoder_are_the_inputs_of_its_layers(run):
    model, maps = genlab.load(run), EncoderFeatures(str(run))(x)
    assert [tuple(m.shape) for m in maps] == [(3, 256), (3, 256), (3, 128)]
    torch.testing.assert_close(model.encoder[-1](maps[-1]), model.encoder(x))


def test_vgg_without_weights_says_where_to_put_them(monkeypatch):
    def refuse(*args, **kwargs):
        raise URLError("no network")

    monkeypatch.setattr("genlab.metrics.features.vgg16", refuse)
    with pytest.raises(
        genlab.GenlabError, match=r"cannot be downloaded .*no network.*; put the file https://.*pth into"
    ):
        VGG16Features()


def test_vgg_has_three_maps_of_grey_and_colour_images(monkeypatch):
    from torchvision.models import vgg16

    monkeypatch.setattr("genlab.metrics.features.vgg16", lambda weights: vgg16(weights=None))
    torch.manual_seed(0)
    network = VGG16Features()
    for channels in (1, 3):
        maps = network(torch.rand(2, channels, 32, 24))
        assert [tuple(m.shape) for m in maps] == [(2, 64, 32, 24), (2, 128, 16, 12), (2, 256, 8, 6)]
        assert all((m >= 0).all() for m in maps)
