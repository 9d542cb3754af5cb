"""Pictures during training: on disk, and in any logger."""

import io
from functools import partial
from pathlib import Path

import numpy as np
import torch
from lightning.pytorch import LightningDataModule, Trainer
from lightning.pytorch.loggers import CSVLogger, TensorBoardLogger, WandbLogger
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from torch.utils.data import DataLoader

import genlab
from genlab.callbacks import Pictures
from genlab.networks import PatchDiscriminator, UNet

GRIDS = {"sample": [(2, 3), (8, 7 * 3)], "reconstruct": [(4, 3 + 9 + 3), (8, 7 * 3)]}
"""Rows of tiles and gaps from top to bottom, and columns from left to right, for 16 images."""


def trained(*loggers, model=None, data=None, **options):
    trainer = Trainer(
        max_epochs=3,
        limit_train_batches=2,
        logger=list(loggers),
        enable_checkpointing=False,
        enable_progress_bar=False,
        callbacks=[Pictures(**{"every_n_epochs": 2, "count": 16, **options})],
    )
    trainer.fit(model or genlab.VAE((1, 8, 8), 2), data or genlab.Digits())
    return trainer


def drawing(trainer):
    return next(callback for callback in trainer.callbacks if isinstance(callback, Pictures))


def names():
    return sorted(path.name for path in Path("pictures").iterdir())


def test_pictures_come_every_so_often_and_at_the_end():
    trained()
    assert names() == [f"{kind}-epoch000{epoch}.png" for kind in ("reconstruct", "sample") for epoch in (2, 3)]


def test_the_last_epoch_is_drawn_whatever_ends_training():
    trainer = Trainer(max_steps=30, logger=False, enable_progress_bar=False, callbacks=[Pictures(every_n_epochs=10)])
    trainer.fit(genlab.VAE((1, 8, 8), 2), genlab.Digits())
    assert names() == ["reconstruct-epoch0002.png", "sample-epoch0002.png"]


def test_a_model_that_cannot_sample_has_reconstructions_alone():
    trained(model=genlab.Autoencoder((1, 8, 8)))
    assert names() == ["reconstruct-epoch0002.png", "reconstruct-epoch0003.png"]


def test_none_when_switched_off():
    trained(every_n_epochs=0)
    assert not Path("pictures").exists()


def test_the_same_noise_and_images_each_time():
    model = genlab.VAE((1, 8, 8), 2, optimizer=torch.optim.SGD)
    model.optimizer = lambda parameters: torch.optim.SGD(parameters, lr=0.0)
    trained(model=model)
    for kind in ("sample", "reconstruct"):
        one, two = (np.asarray(Image.open(f"pictures/{kind}-epoch000{epoch}.png")) for epoch in (2, 3))
        height, width = (64 * rows + gaps for rows, gaps in GRIDS[kind])
        of_grid = slice(-3 - height, -3), slice(-3 - width, -3)
        assert (one[of_grid] == two[of_grid]).all()
        assert (one != two).any()  # titles show the epoch


class InTraining(genlab.VAE):
    """A model that checks that it is in training mode whenever it is trained."""

    def on_train_batch_start(self, batch, batch_idx):
        assert all(module.training for module in self.modules())


def test_drawing_changes_neither_the_random_state_nor_the_mode():
    def weights(**options):
        torch.manual_seed(0)
        model = InTraining((1, 8, 8), 2)
        trained(model=model, **options)
        return torch.cat([p.flatten() for p in model.parameters()])

    assert torch.equal(weights(every_n_epochs=1), weights(every_n_epochs=0))


class Resting(genlab.VAE):
    """A model with a part in evaluation mode."""

    def on_train_start(self):
        super().on_train_start()
        self.own = torch.nn.BatchNorm1d(2).eval()

    def on_train_batch_start(self, batch, batch_idx):
        assert self.training
        assert not self.own.training


def test_parts_that_rest_go_on_resting():
    trained(model=Resting((1, 8, 8), 2), every_n_epochs=1)


def test_tensorboard_gets_them_and_csv_does_not_break():
    trained(CSVLogger("csv"), TensorBoardLogger("tb", name="", version=""))
    events = EventAccumulator("tb").Reload()
    assert sorted(events.Tags()["images"]) == ["reconstruct", "sample"]
    assert [event.step for event in events.Images("sample")] == [4, 6]
    sent = Image.open(io.BytesIO(events.Images("sample")[-1].encoded_image_string))
    assert (np.asarray(sent) == np.asarray(Image.open("pictures/sample-epoch0003.png"))).all()


def test_wandb_gets_them_offline(monkeypatch):
    monkeypatch.setenv("WANDB_SILENT", "true")
    logger = WandbLogger(save_dir=".", offline=True)
    trained(logger)
    logger.experiment.finish()
    sent = sorted(Path("wandb").rglob("*.png"), key=lambda path: (path.name.split("_")[0], path.stat().st_mtime_ns))
    assert [path.name.split("_")[0] for path in sent] == ["reconstruct"] * 2 + ["sample"] * 2
    for path, name in zip(sent, names(), strict=True):
        assert (np.asarray(Image.open(path)) == np.asarray(Image.open(f"pictures/{name}"))).all()


def test_pictures_have_their_count_whatever_the_batch_size():
    data = genlab.data.DegradedPairs(genlab.Digits(batch_size=1), genlab.data.Edges())
    translator = {"generator": partial(UNet, channels=4), "discriminator": partial(PatchDiscriminator, channels=4)}
    pictures = drawing(trained(model=genlab.Pix2Pix((1, 8, 8), (1, 8, 8), **translator), data=data, count=12))
    assert len(pictures._batch["source"]) == 12
    width, height = Image.open("pictures/translate-epoch0002.png").size
    assert width > 8 * 64
    assert 6 * 64 < height < 7 * 64


def test_no_image_is_drawn_twice():
    """Neither because the sanity check saw it already, nor because every validation does."""
    pictures = drawing(trained(count=1000))
    assert len(pictures._batch["image"]) == 180


class Files(LightningDataModule):
    """Images with two integer attributes and the names of their files."""

    def train_dataloader(self):
        images = torch.rand(40, 1, 8, 8)
        rows = [{"image": x, "attributes": torch.tensor([i % 2, 1]), "name": f"{i}.png"} for i, x in enumerate(images)]
        return DataLoader(rows, batch_size=8)

    val_dataloader = train_dataloader


def test_batches_may_hold_more_than_tensors():
    model = genlab.CVAE((1, 8, 8), attribute_names=["left", "round"], code_size=2)
    pictures = drawing(trained(model=model, data=Files()))
    assert sorted(pictures._batch) == ["attributes", "image"]
    assert Path("pictures/sample-epoch0002.png").exists()
