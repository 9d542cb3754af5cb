"""genlab's parts in other people's Lightning projects."""

import subprocess
import sys
from functools import partial

import torch
import torch.nn.functional as F
from lightning.pytorch import LightningModule, Trainer, seed_everything
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.loggers import CSVLogger

import genlab
from genlab.networks import ConvEncoder, MLPDecoder, MLPDiscriminator


def quick_trainer(**options):
    return Trainer(**{"max_epochs": 2, "logger": False, "enable_progress_bar": False, **options})


class ForeignClassifier(LightningModule):
    def __init__(self):
        super().__init__()
        self.body = ConvEncoder((1, 8, 8), 10, channels=8)

    def training_step(self, batch, batch_idx):
        return F.cross_entropy(self.body(batch["image"]), batch["label"])

    def validation_step(self, batch, batch_idx):
        self.log("accuracy", (self.body(batch["image"]).argmax(1) == batch["label"]).float().mean())

    def configure_optimizers(self):
        return torch.optim.Adam(self.parameters(), lr=3e-3)


def test_a_foreign_module_uses_a_network_and_a_data_module():
    torch.manual_seed(0)
    trainer = quick_trainer(max_epochs=5)
    trainer.fit(ForeignClassifier(), genlab.Digits())
    assert trainer.callback_metrics["accuracy"] > 0.8


class CapacityVAE(genlab.VAE):
    """A user's VAE whose KL divergence is pulled towards a capacity."""

    def __init__(self, capacity: float, **kwargs):
        super().__init__(**kwargs)
        self.capacity = capacity

    def evidence(self, x, beta=1.0):
        figures = super().evidence(x, beta)
        return figures | {"loss": figures["reconstruction"] + beta * (figures["kl"] - self.capacity).abs()}


def test_a_subclass_changes_one_thing_and_keeps_the_rest(working_folder):
    trainer = quick_trainer()
    model = CapacityVAE(4.0, image_shape=(1, 8, 8), code_size=2, beta=2.0)
    trainer.fit(model, genlab.Digits())
    metrics = trainer.callback_metrics
    assert metrics["val/loss"] >= metrics["val/reconstruction"] + 2 * (metrics["val/kl"] - 4).abs() - 1e-3
    torch.testing.assert_close(metrics["val/elbo"], -metrics["val/reconstruction"] - metrics["val/kl"])
    trainer.save_checkpoint("capacity.ckpt")
    rebuilt = genlab.load("capacity.ckpt")
    assert type(rebuilt) is CapacityVAE
    assert (rebuilt.capacity, rebuilt.beta, rebuilt.code_size) == (4.0, 2.0, 2)


def test_a_plain_trainer_fits_a_plain_model(working_folder):
    data = genlab.MNIST(batch_size=64)
    trainer = quick_trainer(logger=CSVLogger("logs"), max_epochs=2, log_every_n_steps=5)
    trainer.fit(genlab.VAE(image_shape=(1, 28, 28)), data)
    lines = (working_folder / "logs/lightning_logs/version_0/metrics.csv").read_text().splitlines()
    columns = lines[0].split(",")
    rows = [dict(zip(columns, line.split(","), strict=True)) for line in lines[1:]]
    trained = [row for row in rows if row["train/loss"]]
    assert [int(row["step"]) for row in trained] == list(range(16))  # 540 images: 8 batches an epoch, each a row
    assert [row["epoch"] for row in trained] == ["0"] * 8 + ["1"] * 8
    assert len([row for row in rows if row["val/elbo"]]) == 2


def test_the_public_names_are_lazy():
    script = (
        "import sys, genlab; assert 'torch' not in sys.modules; assert 'VAE' in dir(genlab); "
        "genlab.VAE; assert 'torch' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


def test_training_in_a_plain_trainer_goes_on_exactly_from_inside_an_epoch():
    def trained(max_steps: int, checkpoint: str | None = None) -> dict[str, torch.Tensor]:
        seed_everything(0)
        model = genlab.GAN((1, 8, 8), 4, partial(MLPDecoder, hidden=(16,)), partial(MLPDiscriminator, hidden=(16,)))
        saving = ModelCheckpoint("steps", "{step}", every_n_train_steps=9, save_top_k=-1)
        trainer = quick_trainer(max_epochs=None, max_steps=max_steps, callbacks=[saving])
        trainer.fit(model, datamodule=genlab.Digits(), ckpt_path=checkpoint, weights_only=True)
        return model.state_dict()

    whole = trained(50)  # two epochs of 22 batches, and more
    trained(33)
    parts = trained(50, "steps/step=27.ckpt")
    assert all(torch.equal(parts[name], value) for name, value in whole.items())


def test_a_loaded_model_does_not_bring_its_random_state(run):
    def numbers_after_training(seed: int) -> torch.Tensor:
        torch.manual_seed(seed)
        quick_trainer(max_epochs=1, limit_train_batches=1).fit(genlab.load(run), genlab.Digits())
        return torch.rand(3)

    assert not torch.equal(numbers_after_training(1), numbers_after_training(2))
