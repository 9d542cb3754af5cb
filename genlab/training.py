"""`genlab fit | validate | test | predict`: Lightning's command line with genlab's models, data, runs and callbacks."""

import argparse
import contextlib
import json
import logging
import os
import re
import warnings
from pathlib import Path
from typing import Any

os.environ.setdefault("JSONARGPARSE_DEPRECATION_WARNINGS", "off")  # of what Lightning calls, not of what users do

import torch
from lightning.fabric.utilities.rank_zero import rank_zero_only
from lightning.pytorch import Trainer
from lightning.pytorch.callbacks import ModelCheckpoint, ProgressBar
from lightning.pytorch.cli import LightningArgumentParser, LightningCLI
from lightning.pytorch.loggers import Logger

import genlab.data
import genlab.models  # (both: so that the short names of their classes are known)
from genlab import runs
from genlab.callbacks import MetricsFile, Pictures, Predictions, SteadyBar
from genlab.commands.configs import find_config
from genlab.errors import GenlabError
from genlab.mistakes import ExplainingParser
from genlab.models.checkpoint import read


def main(arguments: list[str]) -> None:
    """Run a command of Lightning's trainer; `arguments` begin with its name.

    Raises GenlabError for what a user can mend.
    """
    quieten()
    command, *rest = arguments
    if command != "fit":
        rest = _describe_by_checkpoint(rest)
    TrainerCLI([command, *_find_configs(rest)])


class TrainerCLI(LightningCLI):
    """LightningCLI in subclass mode, with a run folder for every `fit`."""

    run: Path
    """The run's folder."""
    saved: dict[str, Any]
    """The hyperparameters in the checkpoint that is used or resumed; empty without one."""

    def __init__(self, arguments: list[str]) -> None:
        # Adam's averages of rare gradients (MNIST's border pixels) fade into denormal numbers, which slow a CPU down
        torch.set_flush_denormal(True)
        super().__init__(
            datamodule_class=genlab.data.ImageDataModule,
            subclass_mode_data=True,
            auto_configure_optimizers=False,
            save_config_kwargs={"overwrite": True},  # a run's folder is its own; only resuming finds a config there
            parser_class=ExplainingParser,
            parser_kwargs={"default_env": True, "env_prefix": "GENLAB"},
            args=arguments,
        )

    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        """Link what the data know to the model, and offer genlab's callbacks as sections of the config."""
        for fact in ("image_shape", "num_classes", "attribute_names"):
            parser.link_arguments(f"data.{fact}", f"model.init_args.{fact}", apply_on="instantiate")
        parser.add_lightning_class_args(Pictures, "pictures")
        parser.add_lightning_class_args(ModelCheckpoint, "best_checkpoint")
        parser.add_lightning_class_args(ModelCheckpoint, "last_checkpoint")
        parser.set_defaults(
            {
                "best_checkpoint.filename": "best",
                "best_checkpoint.monitor": "val/loss",
                "last_checkpoint.filename": "last",
                "last_checkpoint.save_on_train_epoch_end": True,
                "last_checkpoint.save_on_exception": True,
                "last_checkpoint.enable_version_counter": False,  # each replaces the one before
            }
        )

    def instantiate_trainer(self, **kwargs: Any) -> Trainer:
        """A trainer that works in the run's folder."""
        config = self.config_init[self.subcommand].trainer
        trackers = config.logger if isinstance(config.logger, list) else [config.logger]
        trackers = [tracker for tracker in trackers if isinstance(tracker, Logger)]
        files = [MetricsFile(self.run)] if self.subcommand == "fit" else []
        callbacks = list(config.callbacks or [])
        if self.subcommand == "predict":
            callbacks.append(Predictions())
        if config.enable_progress_bar is not False and not any(isinstance(c, ProgressBar) for c in callbacks):
            callbacks.append(SteadyBar())
        return super().instantiate_trainer(
            default_root_dir=self.run, logger=[*files, *trackers], callbacks=callbacks, **kwargs
        )

    def fit(self, **kwargs: Any) -> None:
        """Train; leave no empty folder where training did not even begin."""
        try:
            self.trainer.fit(**kwargs)
        finally:
            with contextlib.suppress(OSError):
                self.run.rmdir()

    def after_fit(self) -> None:
        """Say how it went and where everything is."""
        if not self.trainer.is_global_zero or not self.run.exists():
            return
        figures = {k: float(v) for k, v in self.trainer.callback_metrics.items() if k.startswith("val/")}
        print(f"\n{self.run}: " + ", ".join(f"{name} {value:.2f}" for name, value in sorted(figures.items())))
        print(f"pictures in {self.run / 'pictures'}, checkpoints in {self.run / 'checkpoints'}")

    def _parse_ckpt_path(self) -> None:
        """Decide on the checkpoint and the run's folder.

        Lightning then lets the checkpoint's model overrule the config's in silence; here different ones are an error.
        """
        config = self.config[self.config.subcommand]
        self.saved = {}
        root, name = Path(config.trainer.default_root_dir or runs.ROOT), _run_name(config)
        if config.ckpt_path is None:
            self.run = rank_zero_only(runs.claim_run, default=root / name)(root, name)
            return
        last = runs.newest_run(root, name) if config.ckpt_path == "last" else config.ckpt_path
        checkpoint = runs.find_checkpoint(last, prefer="last")
        self.saved = read(checkpoint)["hyper_parameters"]
        config.ckpt_path = str(checkpoint)
        self.run = runs.run_of(checkpoint) or (
            runs.claim_run(root, name) if self.config.subcommand == "fit" else checkpoint.parent
        )
        given = config.model.clone()
        super()._parse_ckpt_path()
        found = self.config[self.config.subcommand].model
        keys = ["class_path", *(f"init_args.{key}" for key, value in given.init_args.items() if value is not None)]
        different = [key for key in keys if _without_modules(given[key]) != _without_modules(found.get(key))]
        if different:
            raise GenlabError(
                f"{checkpoint} holds another model than the config's {given.class_path}: {', '.join(different)} differ; "
                "use the config that it was trained with, or train anew without --ckpt_path"
            )

    def after_instantiate_classes(self) -> None:
        """Refuse data of another shape than the checkpoint's."""
        shape = self.datamodule.image_shape
        if tuple(self.saved.get("image_shape", shape)) != shape:
            raise GenlabError(
                f"the checkpoint's model was trained on images of shape {tuple(self.saved['image_shape'])}, "
                f"{type(self.datamodule).__name__} has {shape}"
            )


def quieten() -> None:
    """Drop Lightning's advertisements, and its warnings that do not hold for batches cut from memory."""
    logging.getLogger("lightning.pytorch.utilities.rank_zero").addFilter(lambda record: "Tip:" not in record.msg)
    for message in (
        ".*does not have many workers.*",
        ".*smaller than the logging interval.*",
        ".*Couldn't infer the batch indices.*",
        ".*args parameter is intended to run from within Python.*",
        ".*isinstance.treespec, LeafSpec.*",
    ):
        warnings.filterwarnings("ignore", message)


def _find_configs(arguments: list[str]) -> list[str]:
    """The arguments with every config's name replaced by its path."""
    found = []
    for previous, argument in zip([None, *arguments], arguments, strict=False):
        option, equals, value = argument.partition("=")
        if previous in ("-c", "--config"):
            argument = str(find_config(argument))
        elif option == "--config" and equals:
            argument = f"--config={find_config(value)}"
        found.append(argument)
    return found


def _describe_by_checkpoint(arguments: list[str]) -> list[str]:
    """Complete the arguments of `validate`, `test` and `predict` from what a checkpoint says of itself.

    Without --ckpt_path the newest run is meant (of the config, when one is given); without --config and --model, the
    model and the data are those that the checkpoint was trained with.
    """
    if {"-h", "--help"} & {*arguments} or any(argument.startswith("--print_config") for argument in arguments):
        return arguments
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--ckpt_path")
    parser.add_argument("--config", "-c", action="append", default=[])
    parser.add_argument("--model")
    parser.add_argument("--data")
    given, _ = parser.parse_known_args(arguments)
    names = [Path(config).stem for config in given.config if not _is_overlay(config)]
    path = runs.find_checkpoint(given.ckpt_path or runs.newest_run(name=names[0] if names else "*"))
    checkpoint = read(path)
    described = []
    if not names and given.model is None:
        described.append("--model=" + json.dumps(_class_with_arguments(checkpoint["hyper_parameters"])))
        if given.data is None and "datamodule_hyper_parameters" in checkpoint:
            described.append("--data=" + json.dumps(_class_with_arguments(checkpoint["datamodule_hyper_parameters"])))
    return [*described, *arguments, f"--ckpt_path={path}"]


def _class_with_arguments(hparams: dict[str, Any]) -> dict[str, Any]:
    arguments = {key: value for key, value in hparams.items() if not key.startswith("_") and key != "image_shape"}
    return {"class_path": hparams["_class_path"], "init_args": arguments}


def _run_name(config: Any) -> str:
    """The name of the first config that is no overlay, else those of the model's and the data's classes."""
    paths = [Path(str(path)) for path in config.config or [] if not _is_overlay(path)]
    if not paths:
        classes = (config.model.class_path, config.data.class_path)
        return "_".join(name.rpartition(".")[2].lower() for name in classes)
    first = paths[0]
    return first.absolute().parent.parent.name if first.name == "config.yaml" else first.stem


def _without_modules(value: Any) -> str:
    """A text that is the same for genlab.VAE, a class by its public name, and for genlab.models.vae.VAE."""
    return re.sub(r"'[\w.]+\.(\w+)'", r"'\1'", repr(value))


def _is_overlay(config: Any) -> bool:
    return Path(str(config)).parent.name == "overlays"


def _folder_of(checkpoint: str) -> Path:
    return runs.run_of(Path(checkpoint)) or Path(checkpoint).parent
