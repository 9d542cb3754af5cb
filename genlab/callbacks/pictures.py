"""Pictures of a model while it trains."""

from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.loggers import TensorBoardLogger, WandbLogger
from torch import Tensor

from genlab import images
from genlab.models.capabilities import Reconstructs, Samples, reconstructed


class Pictures(Callback):
    """Draws what a model can: reconstructions of the first validation images, and samples.

    The same images and the same noise each time, so that pictures can be compared. They are written to
    `pictures/<kind>-<epoch>.png` in the trainer's `default_root_dir` and handed to W&B and TensorBoard loggers.

    Args:
        every_n_epochs: how often; after the last epoch always. 0 draws none.
        count: images per picture.
        seed: of the samples' and the corruption's noise.
    """

    def __init__(self, every_n_epochs: int = 10, count: int = 64, seed: int = 0) -> None:
        self.every_n_epochs = every_n_epochs
        self.count = count
        self.seed = seed
        self._originals: Tensor | None = None
        self._drawn = 0

    def on_validation_batch_start(
        self, trainer: Trainer, model: LightningModule, batch: Any, batch_idx: int, dataloader_idx: int = 0
    ) -> None:
        """Keep the first validation images."""
        if self._originals is None and isinstance(batch, dict) and "image" in batch:
            self._originals = batch["image"][: self.count]

    def on_train_epoch_end(self, trainer: Trainer, model: LightningModule) -> None:
        """Draw, when it is time to."""
        epoch = trainer.current_epoch + 1
        if self.every_n_epochs and epoch % self.every_n_epochs == 0:
            self._draw(trainer, model, epoch)

    def on_train_end(self, trainer: Trainer, model: LightningModule) -> None:
        """Draw the last epoch, whatever ended training."""
        if self.every_n_epochs and self._drawn != trainer.current_epoch:
            self._draw(trainer, model, trainer.current_epoch)

    @torch.no_grad()
    def _draw(self, trainer: Trainer, model: LightningModule, epoch: int) -> None:
        self._drawn = epoch
        if not trainer.is_global_zero or trainer.fast_dev_run:  # type: ignore[attr-defined]
            return
        model.eval()
        pictures = {}
        if isinstance(model, Samples):
            samples = model.sample(self.count, generator=torch.Generator().manual_seed(self.seed))
            pictures["samples"] = images.grid(samples, columns=8)
        if isinstance(model, Reconstructs) and self._originals is not None:
            rows = reconstructed(model, self._originals, torch.Generator().manual_seed(self.seed))
            pictures["reconstructions"] = images.beside(*rows, columns=8)
        model.train()
        for name, picture in pictures.items():
            images.save(picture, Path(trainer.default_root_dir) / "pictures" / f"{name}-{epoch:04}.png")
            for logger in trainer.loggers:
                if isinstance(logger, WandbLogger):
                    logger.log_image(name, [picture], step=trainer.global_step)
                elif isinstance(logger, TensorBoardLogger):
                    logger.experiment.add_image(name, picture, trainer.global_step)
