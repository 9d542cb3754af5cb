"""Pictures of a model while it trains."""

from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.loggers import TensorBoardLogger, WandbLogger
from torch import Tensor

from genlab import images
from genlab.models.capabilities import (
    Conditional,
    Reconstructs,
    Samples,
    Translates,
    reconstructed,
    seen_in,
    translated,
)
from genlab.ranges import at_least, between


class Pictures(Callback):
    """Draws what a model can: reconstructions or translations of the first validation images, and samples.

    A conditional model samples under the conditions of these images; of one whose conditions are images, each row of
    them stands above the row of samples and the row of the truth.

    The same images and the same noise each time, so that pictures can be compared. They are written to
    `pictures/<kind>-<epoch>.png` in the trainer's `default_root_dir` and handed to W&B and TensorBoard loggers.

    Args:
        every_n_epochs: how often; after the last epoch always. 0 draws none.
        count: images per picture.
        seed: of the samples' and the corruption's noise.
    """

    def __init__(self, every_n_epochs: int = 10, count: int = 64, seed: int = 0) -> None:
        at_least(0, every_n_epochs=every_n_epochs, seed=seed)
        between(1, 10_000, count=count)
        self.every_n_epochs = every_n_epochs
        self.count = count
        self.seed = seed
        self._batch: dict[str, Tensor] = {}
        self._gathers = False
        self._drawn = 0

    def on_validation_start(self, trainer: Trainer, model: LightningModule) -> None:
        """Gather images in the first validation, but not in Lightning's check before training."""
        self._gathers = not self._batch and not trainer.sanity_checking

    def on_validation_batch_start(
        self, trainer: Trainer, model: LightningModule, batch: Any, batch_idx: int, dataloader_idx: int = 0
    ) -> None:
        """Keep the first validation images, of as many batches as it takes."""
        full = self._batch and len(next(iter(self._batch.values()))) >= self.count
        if not self._gathers or full or not isinstance(batch, dict):
            return
        kept = {name: [self._batch[name], value] if self._batch else [value] for name, value in batch.items()}
        self._batch = {name: torch.cat(values)[: self.count] for name, values in kept.items()}

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
        noise = torch.Generator().manual_seed(self.seed)
        if isinstance(model, Samples) and not isinstance(model, Conditional):
            pictures["samples"] = images.grid(model.sample(self.count, generator=noise), columns=8)
        if self._batch and ("image" in self._batch or isinstance(model, Conditional)):
            seen, originals = seen_in(model, self._batch)
            if isinstance(model, Conditional):
                samples = seen.sample(len(originals), generator=noise)
                rows = [self._batch["source"], samples, originals] if "source" in self._batch else [samples]
                pictures["samples"] = images.beside(*rows, columns=8)
            if isinstance(seen, Reconstructs):
                rows = reconstructed(seen, originals, torch.Generator().manual_seed(self.seed))
                pictures["reconstructions"] = images.beside(*rows, columns=8)
        if self._batch and isinstance(model, Translates):
            for direction, rows in translated(model, self._batch, noise).items():
                pictures[direction] = images.beside(*rows, columns=8)
        model.train()
        for name, picture in pictures.items():
            images.save(picture, Path(trainer.default_root_dir) / "pictures" / f"{name}-{epoch:04}.png")
            for logger in trainer.loggers:
                if isinstance(logger, WandbLogger):
                    drawn = [images.picture_of(picture)]
                    logger.log_image(name, drawn, step=trainer.global_step, caption=[f"{name}, epoch {epoch}"])
                elif isinstance(logger, TensorBoardLogger):
                    logger.experiment.add_image(name, images.eight_bits(picture), trainer.global_step)
