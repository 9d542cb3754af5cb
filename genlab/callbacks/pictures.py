"""Pictures of a model while it trains."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.loggers import TensorBoardLogger, WandbLogger
from PIL import Image
from torch import Tensor

from genlab.pictures.figures import rgb, write_figure
from genlab.ranges import at_least, between
from genlab.sheets import Lines, in_training, subject_of


class Pictures(Callback):
    """Draw what a model can do: reconstructions or translations of the first validation images, and samples.

    A conditional model samples under each class or attribute in turn. If its conditions are images, it samples under
    those of the validation images, drawn above the samples and the truth.

    Images and noise are the same each time, so that pictures can be compared. They are named after the tools that
    draw the same, written to `pictures/<tool>-epoch<epoch>.png` in the trainer's `default_root_dir`, and passed to W&B
    and TensorBoard loggers. For a model of sentences, they are lines of text: `.txt` files, and text for the loggers.

    Args:
        every_n_epochs: epochs between pictures, which are always drawn after the last one; 0 draws none.
        count: number of images per picture.
        seed: seed of the noise of samples and corruption.
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
        """Start to gather images in the first validation, except in Lightning's sanity check before training."""
        self._gathers = not self._batch and not trainer.sanity_checking

    def on_validation_batch_start(
        self, trainer: Trainer, model: LightningModule, batch: Any, batch_idx: int, dataloader_idx: int = 0
    ) -> None:
        """Keep the first validation images, from as many batches as needed."""
        full = self._batch and len(next(iter(self._batch.values()))) >= self.count
        if not self._gathers or full or not isinstance(batch, dict):
            return
        parts = {name: value for name, value in batch.items() if isinstance(value, Tensor) and value.ndim}
        kept = {name: [self._batch[name], value] if self._batch else [value] for name, value in parts.items()}
        self._batch = {name: _joined(values)[: self.count] for name, values in kept.items()}

    def on_train_epoch_end(self, trainer: Trainer, model: LightningModule) -> None:
        """Draw if a picture is due."""
        epoch = trainer.current_epoch + 1
        if self.every_n_epochs and epoch % self.every_n_epochs == 0:
            self._draw(trainer, model, epoch)

    def on_train_end(self, trainer: Trainer, model: LightningModule) -> None:
        """Draw a picture of the last epoch, whatever ended training."""
        if self.every_n_epochs and self._drawn != trainer.current_epoch:
            self._draw(trainer, model, trainer.current_epoch)

    def _draw(self, trainer: Trainer, model: LightningModule, epoch: int) -> None:
        self._drawn = epoch
        if not trainer.is_global_zero or trainer.fast_dev_run:  # type: ignore[attr-defined]
            return
        modes = [(module, module.training) for module in model.modules()]  # some may be frozen, in evaluation mode
        model.eval()
        sheets = in_training(model, self._batch, self.count, self.seed)
        for module, mode in modes:
            module.training = mode
        data = getattr(trainer, "datamodule", None)
        subject = subject_of(model, getattr(data, "hparams", {}), epoch)
        for name, sheet in sheets.items():
            if isinstance(sheet, Lines):
                self._write(trainer, name, sheet, epoch)
                continue
            figure = sheet.of(subject).figure()
            path = Path(trainer.default_root_dir) / "pictures" / f"{name}-epoch{epoch:04}.png"
            write_figure(figure, path, getattr(sheet, "description", ""))
            for logger in trainer.loggers:
                if isinstance(logger, WandbLogger):
                    pixels = [Image.fromarray(rgb(figure))]
                    logger.log_image(name, pixels, step=trainer.global_step, caption=[f"{name}, epoch {epoch}"])
                elif isinstance(logger, TensorBoardLogger):
                    logger.experiment.add_image(name, rgb(figure), trainer.global_step, dataformats="HWC")

    def _write(self, trainer: Trainer, name: str, lines: Lines, epoch: int) -> None:
        lines.save(Path(trainer.default_root_dir) / "pictures" / f"{name}-epoch{epoch:04}.txt")
        for logger in trainer.loggers:
            if isinstance(logger, WandbLogger):
                logger.log_text(name, columns=["line"], data=[[line] for line in lines.lines], step=trainer.global_step)
            elif isinstance(logger, TensorBoardLogger):
                as_it_is = "\n".join(f"    {line}" for line in lines.lines)  # indented, which Markdown shows unchanged
                logger.experiment.add_text(name, as_it_is, trainer.global_step)


def _joined(batches: Sequence[Tensor]) -> Tensor:
    """Concatenate a tensor from several batches; sentences, (B, T), are padded to the longest."""
    if batches[0].ndim != 2:
        return torch.cat([*batches])
    longest = max(part.shape[1] for part in batches)
    return torch.cat([F.pad(part, (0, longest - part.shape[1])) for part in batches])
