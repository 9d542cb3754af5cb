"""Config of a run, with all defaults written out."""

from pathlib import Path
from typing import Any

import yaml
from jsonargparse import Namespace
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.cli import LightningArgumentParser, SaveConfigCallback
from lightning.pytorch.loggers import TensorBoardLogger, WandbLogger
from lightning.pytorch.trainer.states import TrainerFn
from lightning.pytorch.utilities import rank_zero_info

from genlab import runs
from genlab.atomic import whole_file
from genlab.callbacks.best_checkpoint import monitored
from genlab.facts import FACTS
from genlab.runs.summaries import differing, flat

OF_ONE_RUN = ("ckpt_path", "name", "trust")
"""Options that are left out of the config, since it starts a new run."""
EXPECTED = ("trainer.max_", "weights_only", "model")
"""Prefixes of settings that are expected to change when a run resumes, or must be the checkpoint's."""
PLAIN = (bool, int, float, str)
"""Types of values in TensorBoard's table of hyperparameters."""
UNREADABLE = "Unable to serialize instance"
"""First words of what jsonargparse writes for objects that it cannot describe."""


class RunConfig(SaveConfigCallback):
    """Write `config.yaml` to the folder of a new run, and pass it to W&B and TensorBoard loggers.

    The config starts a new run, so it leaves out the checkpoint, facts that come from the data, and values that cannot
    be read back.

    Args:
        parser: the command's parser.
        config: the parsed config.
        dumped: the config as plain values.
    """

    def __init__(self, parser: LightningArgumentParser, config: Namespace, dumped: dict[str, Any]) -> None:
        super().__init__(parser, config)
        self._dumped = dumped

    def setup(self, trainer: Trainer, model: LightningModule, stage: str) -> None:
        if not trainer.is_global_zero or self.already_saved or trainer.state.fn != TrainerFn.FITTING:
            return
        self.already_saved = True
        config = {key: readable(value) for key, value in self._dumped.items() if key not in OF_ONE_RUN}
        arguments = config["model"].get("init_args", {})
        for fact in arguments.keys() & FACTS:
            del arguments[fact]
        best = config["best_checkpoint"]  # `genlab runs` shows its metric
        best["monitor"] = monitored(model, best["monitor"]) or best["monitor"]
        text = yaml.safe_dump(config, sort_keys=False)
        run = Path(trainer.default_root_dir)
        path = run / runs.CONFIG
        if path.exists():  # the run is resumed
            tell_changes(path, config)
        else:
            with whole_file(path) as part:
                part.write_text(runs.signed(text, run), encoding="utf-8")
        for logger in trainer.loggers:
            if isinstance(logger, WandbLogger):
                logger.experiment.config.update(config, allow_val_change=True)
            elif isinstance(logger, TensorBoardLogger):
                logger.experiment.add_text("config", f"```yaml\n{text}\n```")
                settings = flat({"model": config["model"], "data": config["data"]})
                self._hparams = {name: value if isinstance(value, PLAIN) else str(value) for name, value in settings}

    def on_train_end(self, trainer: Trainer, model: LightningModule) -> None:
        """Fill TensorBoard's table of hyperparameters with the validation metrics."""
        metrics = {name: float(value) for name, value in trainer.callback_metrics.items() if name.startswith("val/")}
        for logger in trainer.loggers:
            if isinstance(logger, TensorBoardLogger) and trainer.is_global_zero:
                from torch.utils.tensorboard.summary import hparams  # here, since it takes a second

                for summary in hparams(self._hparams, metrics):  # the metrics' values come from their curves
                    logger.experiment._get_file_writer().add_summary(summary)


def tell_changes(path: Path, config: dict[str, Any]) -> None:
    """Report settings that differ from those in the config of a resumed run, which keeps its config."""
    kept, now = (
        {name: str(value) for name, value in flat(settings)}
        for settings in (yaml.safe_load(path.read_text(encoding="utf-8")), config)
    )
    changed = [
        f"{name} {now[name]} in place of {kept[name]}"
        for name in differing([kept, now])
        if name in kept.keys() & now.keys() and not name.startswith(EXPECTED)
    ]
    if changed:
        rank_zero_info(f"{', '.join(changed)}: {path} stays as it is, so give this again when you resume again")


def readable(config: Any) -> Any:
    """Return a config without the entries that could not be read back."""
    if isinstance(config, dict):
        return {key: readable(value) for key, value in config.items() if not unreadable(value)}
    if isinstance(config, list):
        return [readable(value) for value in config if not unreadable(value)]
    return config


def unreadable(value: Any) -> bool:
    """Tell whether jsonargparse wrote a value that it could not describe."""
    return isinstance(value, str) and value.startswith(UNREADABLE)
