"""Latent diffusion: the first stage, the scale of its codes, and what is computed only once."""

from functools import partial

import pytest
import torch
import torch.nn.functional as F
from lightning.pytorch import LightningModule, Trainer, seed_everything
from lightning.pytorch.callbacks import ModelCheckpoint
from torch import nn

import genlab
from genlab.cli import main
from genlab.diffusion import Sampling
from genlab.losses import Gaussian
from genlab.networks import DenoisingUNet, MapDecoder, MapEncoder, Recorded

SHAPE = (1, 8, 8)
QUIET = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False, "limit_val_batches": 1}
SMALL = partial(DenoisingUNet, channels=8, multipliers=(1, 2), blocks=1, attention=0)


@pytest.fixture
def vae():
    seed_everything(0)
    small = {"channels": 8, "halvings": 1}
    return genlab.VAE(
        SHAPE, 2, encoder=partial(MapEncoder, **small), decoder=partial(MapDecoder, **small), likelihood=Gaussian
    ).eval()


def fitted(model, batches=5, **options):
    trainer = Trainer(max_steps=batches, **QUIET | options)
    trainer.fit(model, genlab.Digits(batch_size=32))
    return trainer


def test_a_vae_has_codes_that_are_maps(vae):
    fitted(vae, 20)
    images = torch.rand(3, *SHAPE)
    codes = vae.encode(images)
    assert vae.code_shape == (2, 4, 4)
    assert codes.shape == (3, 2, 4, 4)
    assert vae.decode(codes).shape == images.shape
    assert vae.sample(2).shape == (2, *SHAPE)
    assert vae.log_likelihood(images, 3).shape == (3,)
    assert vae.interpolate(images[0], images[1], steps=3).shape == (3, *SHAPE)
    evidence = vae.evidence(images)
    mean, log_variance = vae.encoder(images).chunk(2, 1)
    kl = 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum((1, 2, 3)).mean()
    torch.testing.assert_close(evidence["kl"], kl)


@pytest.mark.parametrize("shape", [(3, 64, 64), (1, 28, 20), (1, 27, 21)])
def test_maps_are_of_any_shape(shape):
    encoder, decoder = MapEncoder(shape, 8, channels=6), MapDecoder(shape, 4, channels=6)
    maps = encoder(torch.rand(2, *shape))
    assert maps.shape == (2, 8, *encoder.map_size)
    assert decoder(maps[:, :4]).shape == (2, *shape)


def test_the_first_stage_is_frozen_kept_in_the_checkpoint_and_its_codes_are_scaled(vae, working_folder):
    before = {name: value.clone() for name, value in vae.state_dict().items()}
    model = genlab.LatentDiffusion(SHAPE, vae, network=SMALL)
    assert model.scale == 1
    first = []
    images = model.images
    model.images = lambda batch: (first.append(batch["image"]), images(batch))[1]
    trainer = fitted(model, num_sanity_val_steps=0)
    torch.testing.assert_close(model.scale, vae.encode(first[0]).std(correction=0))
    assert model.inner(first[0]).std(correction=0).item() == pytest.approx(1)
    assert all(torch.equal(value, before[name]) for name, value in vae.state_dict().items())
    trainer.save_checkpoint("latent.ckpt")
    loaded = genlab.load("latent.ckpt")
    assert torch.equal(loaded.scale, model.scale)
    loaded.sampling = model.sampling = Sampling(steps=5)
    torch.testing.assert_close(loaded.sample(3, seed=0), model.sample(3, seed=0))
    assert loaded.encode(first[0]).shape == (32, 2, 4, 4)
    assert loaded.vary(first[0], 0.3, seed=0).shape == first[0].shape
    with pytest.raises(genlab.GenlabError, match="adds noise to codes, not pixels, so it cannot complete images"):
        loaded.complete(first[0], torch.ones(8, 8))


def test_codes_of_images_that_are_the_same_each_time_are_computed_once(vae, monkeypatch):
    monkeypatch.setattr("genlab.models.shared.code_cache.AT_ONCE", 1)
    model = genlab.LatentDiffusion(SHAPE, vae, network=SMALL)
    encoded, encode = [], vae.encode
    object.__setattr__(vae, "encode", lambda x: (encoded.append(len(x)), encode(x))[1])
    trainer = Trainer(max_epochs=3, **QUIET | {"limit_val_batches": 0})
    data = genlab.Digits(batch_size=128)
    trainer.fit(model, data)
    assert sum(encoded) == len(data.train_set) + 128  # one batch more, to measure the scale


def test_training_is_resumed_exactly_in_an_epoch_that_meets_known_and_unknown_codes(vae, working_folder):
    saved = ModelCheckpoint(working_folder, "{step}", every_n_train_steps=11, save_top_k=-1)
    epochs = {"max_epochs": 3, "limit_train_batches": 8}
    whole = genlab.LatentDiffusion(SHAPE, vae, network=SMALL)
    fitted(whole, 24, **epochs, callbacks=[saved], enable_checkpointing=True)
    seed_everything(7)
    resumed = genlab.LatentDiffusion(SHAPE, vae, network=SMALL)
    Trainer(**QUIET | epochs).fit(resumed, genlab.Digits(batch_size=32), ckpt_path="step=11.ckpt")
    assert resumed.scale != 1
    for name, weight in whole.state_dict().items():
        assert torch.equal(resumed.state_dict()[name], weight), name


def test_the_first_stage_of_a_config_is_another_on_the_command_line(capsys):
    with pytest.raises(SystemExit, match="0"):
        main(["fit", "--config=latent_diffusion_celeba.yaml", "--model.first_stage.path=runs/mine", "--print_config"])
    assert "path: runs/mine" in capsys.readouterr().out


def test_other_first_stages_are_refused(vae):
    with pytest.raises(
        genlab.GenlabError, match=r"codes of the first stage, a VAE, are of shape \(5,\), but must be maps"
    ):
        genlab.LatentDiffusion(SHAPE, genlab.VAE(SHAPE, 5))
    with pytest.raises(genlab.GenlabError, match="the first stage is a GAN, which does not encode"):
        genlab.LatentDiffusion(SHAPE, genlab.GAN(SHAPE, 5))
    with pytest.raises(genlab.GenlabError, match=r"for images of shape \(1, 8, 8\), the data has \(1, 16, 16\)"):
        genlab.LatentDiffusion((1, 16, 16), vae)
    with pytest.raises(genlab.GenlabError, match="appends its condition to codes, which must be vectors"):
        genlab.CVAE(SHAPE, 10, code_size=2, encoder=partial(MapEncoder, channels=8))


class Halves(LightningModule, Recorded):
    """A first stage that is not genlab's, with a layer that behaves differently in training."""

    code_shape = (1, 4, 4)

    def __init__(self):
        super().__init__()
        self.image_shape, self.drop = SHAPE, nn.Dropout()

    def encode(self, x):
        return self.drop(F.avg_pool2d(x, 2))

    def decode(self, z):
        return F.interpolate(z, scale_factor=2)


def test_a_first_stage_of_ones_own_stays_in_evaluation_mode():
    model = genlab.LatentDiffusion(SHAPE, Halves(), network=SMALL)
    model.eval()
    model.train()
    assert model.training
    assert not model.first_stage.drop.training


def test_errors_are_computed_without_a_trainer(vae):
    model = genlab.LatentDiffusion(SHAPE, vae, network=SMALL)
    assert model.errors({"image": torch.rand(2, *SHAPE)}, model.network).isfinite().all()
