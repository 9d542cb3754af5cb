"""The configuration of a run, with everything that was left to defaults."""

from pathlib import Path

import yaml
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.cli import SaveConfigCallback
from lightning.pytorch.loggers import TensorBoardLogger, WandbLogger

from genlab.outputs import whole_file


class RunConfig(SaveConfigCallback):
    """Writes `config.yaml` in the trainer's `default_root_dir`, and hands it to W&B and TensorBoard loggers."""

    def setup(self, trainer: Trainer, model: LightningModule, stage: str) -> None:
        if not trainer.is_global_zero or self.already_saved:
            return
        self.already_saved = True
        text = self.parser.dump(self.config, skip_none=False)
        with whole_file(Path(trainer.default_root_dir) / self.config_filename) as part:
            part.write_text(text)
        for logger in trainer.loggers:
            if isinstance(logger, WandbLogger):
                logger.experiment.config.update(yaml.safe_load(text), allow_val_change=True)
            elif isinstance(logger, TensorBoardLogger):
                logger.experiment.add_text("config", f"```yaml\n{text}\n```")
