"""genlab's models with hooks, schedules and callbacks of users' own, in a plain Trainer."""

import pickle
from functools import partial

import pytest
import torch
from lightning.pytorch import Trainer, seed_everything
from lightning.pytorch.callbacks import EarlyStopping
from lightning.pytorch.tuner import Tuner
from torch import nn
from torch.optim.lr_scheduler import ReduceLROnPlateau
from torch.utils.data import ConcatDataset, DataLoader, TensorDataset

import genlab
from genlab.models import StageSchedule
from genlab.networks import DenseLayer, MLPDecoder, MLPDiscriminator, MLPEncoder

SHAPE = (1, 8, 8)
IMAGES = torch.rand(96, *SHAPE, generator=torch.Generator().manual_seed(0))
SMALL = {"encoder": partial(MLPEncoder, hidden=(8,)), "decoder": partial(MLPDecoder, hidden=(8,))}
NETWORKS = {
    "generator": partial(MLPDecoder, hidden=(8,)),
    "discriminator": partial(MLPDiscriminator, hidden=(8,), dropout=0.0),
}


def loader(images=IMAGES):
    return DataLoader(TensorDataset(images), batch_size=32)


def trainer(**options):
    quiet = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False}
    return Trainer(**quiet | {"max_epochs": 2, "enable_model_summary": False} | options)


class OwnSteps(genlab.GAN):
    """A GAN that a user trains by an algorithm of their own."""

    def training_step(self, batch, batch_idx):
        discriminator, generator = self.optimizers()
        for optimizer, loss in (
            (discriminator, -self.discriminator(batch["image"]).mean()),
            (generator, self.generator(torch.randn(32, 4)).square().mean()),
        ):
            optimizer.zero_grad()
            self.manual_backward(loss)
            optimizer.step()


class OwnOptimizerStep(genlab.Diffusion):
    """A diffusion model with the hook in which Lightning's documentation warms up learning rates."""

    def optimizer_step(self, epoch, batch_idx, optimizer, optimizer_closure):
        optimizer.step(closure=optimizer_closure)


class OwnAdam(torch.optim.Adam):
    """An optimizer whose step calls that of its base class, as many do."""

    def step(self, closure=None):
        return super().step(closure)


class OwnOptimizers(genlab.Diffusion):
    """A diffusion model with a user's own optimizer."""

    def configure_optimizers(self):
        torch.optim.Adam(self.network.parameters())  # the base class's step is patched once there is one
        return OwnAdam(self.network.parameters(), lr=1e-3)


@pytest.mark.parametrize(
    "build",
    [
        lambda: OwnOptimizers(SHAPE, partial(genlab.networks.DenoisingUNet, channels=8)),
        lambda: OwnSteps(SHAPE, 4, **NETWORKS),
        lambda: OwnOptimizerStep(SHAPE, partial(genlab.networks.DenoisingUNet, channels=8)),
    ],
)
def test_averages_follow_the_weights_whoever_takes_the_steps(build):
    seed_everything(0)
    model = build()
    trainer(max_epochs=1).fit(model, loader())
    assert model.average.n_averaged == 3


def test_a_plateau_of_the_users_own_waits_for_the_metric_that_they_name():
    class Own(genlab.VAE):
        def configure_optimizers(self):
            optimizer = torch.optim.SGD(self.parameters(), lr=1e-4)
            self.values = []
            schedule = ReduceLROnPlateau(optimizer, mode="max")
            step = schedule.step
            schedule.step = lambda metric: self.values.append(float(metric)) or step(metric)
            return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "monitor": "val/elbo"}}

    seed_everything(0)
    model = Own(SHAPE, 4, **SMALL)
    trainer(num_sanity_val_steps=0).fit(model, loader(), loader())
    assert len(model.values) == 2
    assert max(model.values) < 0  # a bound of the log-likelihood, not the loss


@pytest.mark.parametrize(
    ("model", "metric"),
    [(genlab.VAE(SHAPE, 4, **SMALL), "train/loss"), (genlab.GAN(SHAPE, 4, **NETWORKS), "train/generator")],
)
def test_every_metric_of_training_can_be_monitored(model, metric):
    stopping = EarlyStopping(metric, check_on_train_epoch_end=True)
    trainer(callbacks=[stopping]).fit(model, loader())
    assert stopping.best_score < 1e6


def test_a_learning_rate_that_was_found_is_used():
    seed_everything(0)
    model, fits = genlab.VAE(SHAPE, 4, **SMALL), trainer(max_epochs=1, enable_checkpointing=True)
    found = Tuner(fits).lr_find(model, loader(IMAGES.repeat(20, 1, 1, 1)), num_training=50, attr_name="optimizer_lr")
    fits.fit(model, loader())
    assert fits.optimizers[0].param_groups[0]["lr"] == found.suggestion() != 1e-3


class Mirroring(genlab.Digits):
    """Digits that are mirrored, or not, once they are on the device."""

    def on_after_batch_transfer(self, batch, dataloader_idx):
        return batch | {"image": batch["image"].flip(-1) if torch.rand(()) < 0.5 else batch["image"]}


class Numbered(TensorDataset):
    """A user's own images with their positions."""

    def __getitem__(self, index):
        return {"image": self.tensors[0][index], "index": index}


@pytest.mark.parametrize(
    "data",
    [
        {"datamodule": Mirroring(batch_size=64)},
        {"train_dataloaders": DataLoader(ConcatDataset([Numbered(IMAGES[:48]), Numbered(IMAGES[48:])]), 48)},
        {"train_dataloaders": loader(), "val_dataloaders": [loader()]},
        {"train_dataloaders": [DataLoader(Numbered(IMAGES), 48)]},
    ],
    ids=["mirrored", "joined", "listed", "list"],
)
def test_codes_are_not_kept_of_images_that_may_change(data):
    class Checked(genlab.StackedAutoencoder):
        """Compares kept codes with new ones."""

        values_compared = 0

        def frozen_outputs(self, split, batch, x, compute, values):
            found = super().frozen_outputs(split, batch, x, compute, values)
            torch.testing.assert_close(found, compute(x))
            self.values_compared += 1
            return found

    seed_everything(0)
    layers = [partial(DenseLayer, size=16), partial(DenseLayer, size=4)]
    model = Checked(SHAPE, layers, [StageSchedule(2)])
    if isinstance(data.get("train_dataloaders"), list):
        model.named = lambda batch: genlab.batches.named(batch[0] if isinstance(batch, list) else batch, ("image",), "")
    trainer(max_epochs=-1).fit(model, **data)
    assert model.values_compared > 2


def test_hooks_of_the_users_own_need_not_call_the_models():
    class Own(genlab.GAN):
        def on_train_start(self):
            pass

        def on_validation_start(self):
            pass

        def on_save_checkpoint(self, checkpoint):
            pass

    fits = trainer(max_epochs=1)
    fits.fit(Own(SHAPE, 4, **NETWORKS), loader(), loader())
    assert fits.global_step == 3


def test_models_can_be_pickled():
    seed_everything(0)
    model = genlab.StyleGAN(SHAPE, 4).eval()
    assert torch.equal(pickle.loads(pickle.dumps(model)).sample(2, seed=0), model.sample(2, seed=0))


class Lazy(nn.Sequential):
    """A generator with a layer that finds its size in the first batch."""

    def __init__(self, image_shape, size):
        super().__init__(nn.LazyLinear(64), nn.Unflatten(1, image_shape))


def test_lazy_layers_are_told_to_have_sizes():
    with pytest.raises(genlab.GenlabError, match="Lazy has lazy layers, .* or ema_decay None"):
        genlab.GAN(SHAPE, 4, generator=Lazy)


def test_a_target_beside_images_is_none_of_the_models_business():
    labels = torch.arange(4)
    batch = {"image": IMAGES[:4], "label": labels, "target": labels}
    assert torch.equal(genlab.CGAN(SHAPE, 10, **NETWORKS).images(batch), IMAGES[:4])


def test_clipping_survives_a_fit_that_failed():
    class Failing(genlab.Digits):
        def prepare_data(self):
            raise OSError("no network")

    model = genlab.StackedAutoencoder(SHAPE, [partial(DenseLayer, size=4)], [StageSchedule(1)])
    fits = trainer(gradient_clip_val=0.5, max_epochs=-1)
    for data in (Failing(), Failing()):
        with pytest.raises(OSError, match="no network"):
            fits.fit(model, data)
    fits.fit(model, genlab.Digits())
    assert fits.gradient_clip_val == 0.5
