"""The configuration of a run, with everything that was left to defaults."""

from pathlib import Path
from typing import Any

import yaml
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.cli import SaveConfigCallback
from lightning.pytorch.loggers import TensorBoardLogger, WandbLogger
from lightning.pytorch.trainer.states import TrainerFn

from genlab import runs
from genlab.outputs import whole_file

OF_ONE_RUN = ("ckpt_path", "trust")
"""Options that a config leaves out, since it starts a new run."""
UNREADABLE = "Unable to serialize instance"
"""First words that jsonargparse writes for objects that no config can describe."""


class RunConfig(SaveConfigCallback):
    """Writes `config.yaml` in the folder of a new run, and hands it to W&B and TensorBoard loggers.

    The config starts a new run: it names no checkpoint, and nothing that cannot be read back.
    """

    def setup(self, trainer: Trainer, model: LightningModule, stage: str) -> None:
        if not trainer.is_global_zero or self.already_saved or trainer.state.fn != TrainerFn.FITTING:
            return
        self.already_saved = True
        whole = yaml.safe_load(self.parser.dump(self.config, skip_none=False))
        config = {key: readable(value) for key, value in whole.items() if key not in OF_ONE_RUN}
        text = yaml.safe_dump(config, sort_keys=False)
        run = Path(trainer.default_root_dir)
        path = run / runs.CONFIG
        if not path.exists():  # as it does in a run that is resumed
            with whole_file(path) as part:
                part.write_text(runs.signed(text, run), encoding="utf-8")
        for logger in trainer.loggers:
            if isinstance(logger, WandbLogger):
                logger.experiment.config.update(config, allow_val_change=True)
            elif isinstance(logger, TensorBoardLogger):
                logger.experiment.add_text("config", f"```yaml\n{text}\n```")


def readable(config: Any) -> Any:
    """A config without the entries that could not be read back."""
    if isinstance(config, dict):
        return {key: readable(value) for key, value in config.items() if not unreadable(value)}
    if isinstance(config, list):
        return [readable(value) for value in config if not unreadable(value)]
    return config


def unreadable(value: Any) -> bool:
    """Whether jsonargparse wrote a value for want of a description."""
    return isinstance(value, str) and value.startswith(UNREADABLE)
