"""`genlab fit | validate | test | predict`: Lightning's command line with genlab's models, data, runs and callbacks."""

import contextlib
import os
import re
import sys
from pathlib import Path
from typing import Any, Self

os.environ.setdefault("JSONARGPARSE_DEPRECATION_WARNINGS", "off")  # they concern Lightning's calls, not the user's

import torch
import yaml
from jsonargparse import Namespace
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.fabric.utilities.rank_zero import rank_zero_only
from lightning.pytorch import LightningDataModule, Trainer
from lightning.pytorch.callbacks import Callback
from lightning.pytorch.callbacks import Checkpoint as CheckpointCallback
from lightning.pytorch.cli import LightningArgumentParser, LightningCLI
from lightning.pytorch.utilities.model_helpers import is_overridden

import genlab.data
import genlab.models  # noqa: F401
from genlab import runs, trust
from genlab.callbacks import RunConfig, Stopped
from genlab.checkpoints import Checkpoint, read
from genlab.cli import slurm
from genlab.cli.arguments import add_of_command, add_sections, require_possible
from genlab.cli.assembly import require_usable, trainer_arguments
from genlab.cli.completion import complete_from_checkpoint, complete_from_run, find_configs, typed_classes
from genlab.cli.process import keep_freed_memory, quieten
from genlab.cli.resume import (
    explained,
    meant_checkpoint,
    model_section,
    require_progress,
    require_same_data,
    require_same_model,
)
from genlab.cli.run_folder import claimed, run_name, with_trackers_in
from genlab.data import own as own_data
from genlab.errors import GenlabError
from genlab.facts import Facts, adopt, require_same, stated
from genlab.hparams import arguments_of
from genlab.parsing.own_code import imported
from genlab.parsing.parser import ExplainingParser
from genlab.tables import rounded

OBSERVATIONS = {"image_shape": "images", "vocabulary": "sentences"}
"""Kind of observations by the fact about the data that a model of them needs."""


def main(arguments: list[str]) -> None:
    """Run a command of Lightning's trainer; `arguments` begin with its name.

    Raises:
        GenlabError: for errors that a user can fix.
    """
    quieten()
    command, *rest = (re.sub("^--ckpt(?==|$)", "--ckpt_path", argument) for argument in arguments)  # the tools' name
    try:
        with trust.granted("--trust" in rest):
            fits = command == "fit"
            complete, opened = (complete_from_run(rest), None) if fits else complete_from_checkpoint(rest)
            TrainerCLI([command, *find_configs(complete)], typed_classes(rest), opened)
    except MisconfigurationException as error:
        raise GenlabError(" ".join(str(error).split())) from None
    except _wandb_errors() as error:
        raise GenlabError(
            f"W&B: {str(error).splitlines()[0]} --config overlays/wandb.yaml stays offline without account or network"
        ) from None
    except Stopped as stop:
        if stop.requeue:
            rank_zero_only(slurm.requeue)()
        raise


def _wandb_errors() -> tuple[type[Exception], ...]:
    """Return the exceptions that W&B raises; none if no logger has imported it."""
    return (sys.modules["wandb"].Error,) if "wandb" in sys.modules else ()


class TrainerCLI(LightningCLI):
    """LightningCLI in subclass mode, with a run folder for every `fit`.

    Args:
        arguments: the command and its arguments, completed, with configs as paths.
        typed: the sections for which the user typed a class, which becomes part of the run's name.
        opened: a checkpoint that has already been read.
    """

    subcommand: str
    run: Path
    """The run's folder."""
    checkpoint: Checkpoint | None = None
    """The checkpoint that is used or resumed."""

    def __init__(self, arguments: list[str], typed: tuple[str, ...] = (), opened: Checkpoint | None = None) -> None:
        self._command, self._typed, self._opened = arguments[0], typed, opened
        # Adam's averages of rare gradients (MNIST's border pixels) decay to denormal numbers, which slow down a CPU
        torch.set_flush_denormal(True)
        keep_freed_memory()
        self._held = contextlib.ExitStack()
        try:
            with self._held:
                super().__init__(
                    datamodule_class=LightningDataModule,
                    subclass_mode_data=True,
                    auto_configure_optimizers=False,
                    seed_everything_default=0,
                    save_config_callback=RunConfig,
                    parser_class=ExplainingParser,
                    parser_kwargs={"default_env": True, "env_prefix": "GENLAB"},
                    args=arguments,
                )
        finally:
            with contextlib.suppress(AttributeError):  # raised if there was no run yet
                runs.discard_empty(self.run)

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        """Return the same object: a copied model, as in Lightning's weight averaging, refers to it in its settings."""
        return self

    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        """Add genlab's sections."""
        add_sections(parser, self._fact_for_model)

    def subcommands(self) -> dict[str, set[str]]:  # type: ignore[override]
        """Return only the command to run, since building the parsers of the others takes a tenth of a second."""
        return {self._command: LightningCLI.subcommands()[self._command]}

    def _prepare_subcommand_parser(self, klass: type, subcommand: str, **kwargs: Any) -> LightningArgumentParser:
        parser = super()._prepare_subcommand_parser(klass, subcommand, **kwargs)
        add_of_command(parser, subcommand)
        return parser

    def _fact_for_model(self, data: LightningDataModule, fact: str) -> Any:
        """Get a fact of the data for the model; if the data do not state it, only for a model that takes it.

        Raises:
            GenlabError: for a model of images or sentences and data that have none.
        """
        if self.checkpoint:
            adopt(data, self.checkpoint.hyperparameters)
        value, model = stated(data, fact), self.config[self.subcommand].model.class_path
        needed = fact in OBSERVATIONS and not value and fact in arguments_of(imported(model))
        if isinstance(data, Facts) and needed:
            raise GenlabError(
                f"{model.rpartition('.')[2]} is a model of {OBSERVATIONS[fact]}, and {type(data).__name__} has "
                "none; use other --data, or another --model"
            )
        if value is not None or isinstance(data, Facts):
            return value
        if self.checkpoint and fact in self.checkpoint.hyperparameters:
            return self.checkpoint.hyperparameters[fact]
        return own_data.fact_of(data, fact) if fact in arguments_of(imported(model)) else None

    def parse_arguments(self, parser: LightningArgumentParser, args: Any) -> None:
        """Parse the arguments with the command's own parser: the parser of all commands would do everything twice.

        Raises:
            GenlabError: for invalid values that Lightning's trainer accepts.
        """
        command, *rest = args
        config = self._parser(command).parse_args(rest)
        if hasattr(parser, "print_config"):  # only the parser of all commands prints the config
            super().parse_arguments(parser, args)
        require_possible(config)
        self.config = Namespace(subcommand=command, **{command: config})  # type: ignore[no-untyped-call]

    def _parse_ckpt_path(self) -> None:
        """Choose the checkpoint and the run's folder, and take the model from the checkpoint."""
        command = self.config.subcommand
        config = self.config[command]
        root, name = Path(config.trainer.default_root_dir or runs.ROOT), run_name(config, self._typed)
        path = meant_checkpoint(config.ckpt_path, root, name)
        resumed = None
        if path is not None:
            opened = self._opened
            self.checkpoint = opened if opened and opened.path == path else read(path)
            config.ckpt_path, config.weights_only = str(path), True
            resumed = runs.run_of(path)
        if command == "fit" or path is None:
            self.run = claimed(resumed, root / name, config.get("name"), self._held)
        else:
            self.run = resumed or path.parent
        if self.checkpoint:
            described = {"model": model_section(self.checkpoint)}
            self.config[command] = self._parser(command).parse_object(described, config)
            require_same_model(self.checkpoint, self.config[command].model, config.model)
            if command == "fit":
                require_same_data(self.checkpoint, config.data)

    def _dump_config(self) -> None:
        """Dump the config once, for the hyperparameters of model and data; parsing has already checked it."""
        if not hasattr(self, "config_dump"):
            text = self.parser.dump(self.config, skip_link_targets=False, skip_none=False, skip_validation=True)
            self.config_dump = yaml.safe_load(text)[self.subcommand]
            self.save_config_kwargs = {"dumped": self.config_dump}

    def instantiate_classes(self) -> None:
        """Build the data, the model and the Trainer, whose trackers write in the run's folder."""
        placed = with_trackers_in(self.run, self.config, self.subcommand)
        self.config_init = self.parser.instantiate_classes(placed)
        built = self.config_init[self.subcommand]
        self.datamodule, self.model = built.data, built.model
        settings = trainer_arguments(self.subcommand, built, self.run, self.checkpoint)
        try:
            self.trainer = self.instantiate_trainer(**settings)
        except ValueError as error:  # for an unknown strategy or accelerator
            raise GenlabError(" ".join(str(error).split())) from error

    def _instantiate_trainer(self, config: dict[str, Any], callbacks: list[Callback]) -> Trainer:
        """Leave out genlab's own checkpoint callbacks if checkpointing is off."""
        if config["enable_checkpointing"] is False:
            callbacks = [callback for callback in callbacks if not isinstance(callback, CheckpointCallback)]
        return super()._instantiate_trainer(config, callbacks)

    def after_instantiate_classes(self) -> None:
        """Refuse settings and data that do not fit; data without prediction batches predict on their test images."""
        if self.subcommand == "predict" and not is_overridden("predict_dataloader", self.datamodule):
            self.datamodule = own_data.as_genlabs(self.datamodule)
        require_usable(self.subcommand, self.trainer, self.model, self.config[self.subcommand].trainer)
        require_same(self.datamodule, self.checkpoint.hyperparameters if self.checkpoint else {})

    def _run_subcommand(self, subcommand: str) -> None:
        """Run the trainer; raise GenlabError if it cannot restore a checkpoint, or validation is never due."""
        try:
            super()._run_subcommand(subcommand)
        except Exception as error:
            if reason := explained(error, self.trainer, self.checkpoint):
                raise reason from error
            raise

    def after_fit(self) -> None:
        """Print the metrics and where everything is; raise GenlabError when there was nothing to do."""
        require_progress(self.trainer, self.model, self.checkpoint)
        if not self.trainer.is_global_zero:
            return
        metrics = {k: float(v) for k, v in self.trainer.callback_metrics.items() if k.startswith("val/")}
        if metrics:
            print(f"\n{self.run}: " + ", ".join(f"{name} {rounded(value)}" for name, value in sorted(metrics.items())))
        made = [f"{kind} in {self.run / kind}" for kind in ("pictures", "checkpoints") if (self.run / kind).exists()]
        print(", ".join(made) or "no pictures and no checkpoints were made")
