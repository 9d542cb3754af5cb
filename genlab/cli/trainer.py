"""`genlab fit | validate | test | predict`: Lightning's command line with genlab's models, data, runs and callbacks."""

import contextlib
import os
import re
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("JSONARGPARSE_DEPRECATION_WARNINGS", "off")  # of what Lightning calls, not of what users do

import torch
from jsonargparse import Namespace
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.fabric.utilities.rank_zero import rank_zero_only
from lightning.pytorch import LightningDataModule, Trainer
from lightning.pytorch.accelerators import CPUAccelerator
from lightning.pytorch.callbacks import Callback, Checkpoint, ModelSummary, ProgressBar
from lightning.pytorch.cli import LightningArgumentParser, LightningCLI
from lightning.pytorch.loggers import Logger
from lightning.pytorch.trainer.connectors import checkpoint_connector
from lightning.pytorch.utilities.model_helpers import is_overridden

import genlab.data
import genlab.models  # noqa: F401
from genlab import runs, trust
from genlab.callbacks import (
    BestCheckpoint,
    Curves,
    LastCheckpoint,
    ParameterTable,
    Pictures,
    Predictions,
    Requirements,
    Results,
    RunConfig,
    SteadyBar,
    Stopped,
)
from genlab.checkpoints import WholeCheckpoints, read
from genlab.cli import slurm
from genlab.cli.completion import complete_from_checkpoint, complete_from_run, find_configs, typed_classes
from genlab.cli.process import keep_freed_memory, quieten
from genlab.data import own as own_data
from genlab.errors import GenlabError
from genlab.facts import FACTS, Facts, require_same, stated
from genlab.hparams import arguments_of
from genlab.loggers import MetricsFile
from genlab.models.adversarial import AdversarialModel
from genlab.models.stacked import StackedAutoencoder
from genlab.parsing.own_code import imported
from genlab.parsing.parser import ExplainingParser, require_possible
from genlab.tables import rounded


def main(arguments: list[str]) -> None:
    """Run a command of Lightning's trainer; `arguments` begin with its name.

    Raises GenlabError for what a user can mend.
    """
    quieten()
    command, *rest = (re.sub("^--ckpt(?==|$)", "--ckpt_path", argument) for argument in arguments)  # as tools have it
    try:
        with trust.granted("--trust" in rest):
            complete = complete_from_run if command == "fit" else complete_from_checkpoint
            TrainerCLI([command, *find_configs(complete(rest))], typed_classes(rest))
    except MisconfigurationException as error:
        raise GenlabError(" ".join(str(error).split())) from None
    except _wandb_errors() as error:
        raise GenlabError(
            f"W&B: {str(error).splitlines()[0]} --config overlays/wandb.yaml stays offline where it has to"
        ) from None
    except Stopped as stop:
        if stop.requeue:
            rank_zero_only(slurm.requeue)()
        raise


def _wandb_errors() -> tuple[type[Exception], ...]:
    """Return the errors that W&B raises, or nothing when no logger has imported it."""
    return (sys.modules["wandb"].Error,) if "wandb" in sys.modules else ()


class TrainerCLI(LightningCLI):
    """LightningCLI in subclass mode, with a run folder for every `fit`.

    Args:
        arguments: what to run, completed and with the paths of configs.
        typed: the sections for which the user typed a class: it becomes a part of the run's name.
    """

    run: Path
    """The run's folder."""
    saved: dict[str, Any]
    """The hyperparameters in the checkpoint that is used or resumed; empty without one."""
    steps_before: int | None
    """The steps that this checkpoint has seen."""

    def __init__(self, arguments: list[str], typed: tuple[str, ...] = ()) -> None:
        self.typed = typed
        # Adam's averages of rare gradients (MNIST's border pixels) fade into denormal numbers, which slow a CPU down
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
            with contextlib.suppress(AttributeError):  # it ended before there was a run
                runs.discard_empty(self.run)

    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        """Link what the data know to the model, and offer genlab's callbacks as sections of the config."""
        for fact in FACTS:
            parser.link_arguments(
                "data", f"model.init_args.{fact}", compute_fn=self._linked(fact), apply_on="instantiate"
            )
        parser.add_argument(
            "--trust", action="store_true", help="import what a checkpoint names, also one of no run of your own"
        )
        parser.add_lightning_class_args(Pictures, "pictures")
        parser.add_lightning_class_args(BestCheckpoint, "best_checkpoint")
        parser.add_lightning_class_args(LastCheckpoint, "last_checkpoint")
        parser.set_defaults(
            {
                "trainer.enable_autolog_hparams": False,  # trackers get the whole config
                "best_checkpoint.filename": "best",
                "best_checkpoint.monitor": "val/loss",
                "best_checkpoint.enable_version_counter": False,  # each replaces the one before
                "last_checkpoint.filename": "last",
                "last_checkpoint.enable_version_counter": False,
            }
        )

    def _prepare_subcommand_parser(self, klass: type, subcommand: str, **kwargs: Any) -> LightningArgumentParser:
        """Add what only one of the commands takes."""
        parser = super()._prepare_subcommand_parser(klass, subcommand, **kwargs)
        if subcommand == "fit":
            parser.add_argument(
                "--name",
                type=str | None,
                default=None,
                help="name of the run; by default that of the config, and of a model and data typed beside it",
            )
        if subcommand == "predict":
            parser.add_argument("--force", action="store_true", help="replace a file that already exists")
        return parser

    def _linked(self, fact: str) -> Callable[[LightningDataModule], Any]:
        """What gives a fact of the data to the model; of data that do not tell it, only to a model that needs it."""

        def told(data: LightningDataModule) -> Any:
            value = stated(data, fact)
            if value is not None or isinstance(data, Facts):
                return value
            if fact in self.saved:
                return self.saved[fact]
            model = self.config[self.subcommand].model.class_path
            return own_data.fact_of(data, fact) if fact in arguments_of(imported(model)) else None

        told.__name__ = fact  # as help calls it
        return told

    def parse_arguments(self, parser: LightningArgumentParser, args: Any) -> None:
        """Parse the arguments; raises GenlabError for numbers that Lightning's trainer does not refuse by itself."""
        super().parse_arguments(parser, args)
        config = self.config[self.config.subcommand]
        require_possible(config)
        if config.trust and not trust.is_granted():
            raise GenlabError("no config and no variable can grant trust; give --trust on the command line")

    def before_instantiate_classes(self) -> None:
        """Let trackers keep what they write in the run's folder, and W&B call the run as its folder is called."""
        self.stated, self.config = self.config, self.config.clone()  # config.yaml is to name no folder of this run
        for tracker in _as_list(self.config[self.subcommand].trainer.logger):
            if not isinstance(tracker, Namespace) or "init_args" not in tracker:
                continue
            arguments = tracker.init_args
            if arguments.get("save_dir") == ".":
                arguments.save_dir = str(self.run)
            if tracker.class_path.endswith("WandbLogger"):
                arguments.name = arguments.name or f"{self.run.parent.name}-{self.run.name}"
                arguments.id = arguments.id or runs.wandb_id(self.run)

    def instantiate_trainer(self, **kwargs: Any) -> Trainer:
        """A trainer that works in the run's folder."""
        self.config = self.stated
        config = self.config_init[self.subcommand].trainer
        trackers = [tracker for tracker in _as_list(config.logger) if isinstance(tracker, Logger)]
        files = [MetricsFile(self.run)] if self.subcommand == "fit" else []
        callbacks = [Requirements(), Results(), *_as_list(config.callbacks)]
        if self.subcommand == "predict":
            callbacks.append(Predictions(force=self.config[self.subcommand].force))
        if self.config_init[self.subcommand].pictures.every_n_epochs:
            callbacks.append(Curves())
        if config.enable_progress_bar is not False and not any(isinstance(c, ProgressBar) for c in callbacks):
            callbacks.append(SteadyBar())
        if config.enable_model_summary is not False and not any(isinstance(c, ModelSummary) for c in callbacks):
            callbacks.append(ParameterTable())
        return super().instantiate_trainer(
            default_root_dir=self.run,
            logger=[*files, *trackers],
            callbacks=callbacks,
            plugins=[*_as_list(config.plugins), WholeCheckpoints()],
            **kwargs,
        )

    def _instantiate_trainer(self, config: dict[str, Any], callbacks: list[Callback]) -> Trainer:
        """Leave genlab's own checkpoints out where there are to be none."""
        if config["enable_checkpointing"] is False:
            callbacks = [callback for callback in callbacks if not isinstance(callback, Checkpoint)]
        return super()._instantiate_trainer(config, callbacks)

    def _run_subcommand(self, subcommand: str) -> None:
        """Run the trainer; raise GenlabError for a checkpoint that it cannot restore."""
        try:
            super()._run_subcommand(subcommand)
        except Exception as error:
            if "You restored a checkpoint with current_epoch=" in str(error):
                raise GenlabError(
                    f"{self.config[subcommand].ckpt_path} has been trained for more epochs than max_epochs, "
                    f"{self.trainer.max_epochs}; give --trainer.max_epochs, with more than these, to resume"
                ) from None
            if isinstance(error, GenlabError | MisconfigurationException):
                raise
            if "`val_check_interval` (" in str(error):
                raise GenlabError(
                    f"val_check_interval is {self.trainer.val_check_interval}, and an epoch has only "
                    f"{self.trainer.num_training_batches} batches; give no more than these, or "
                    "--trainer.check_val_every_n_epoch null, which counts batches across epochs"
                ) from None
            if not _restoring(error):
                raise
            reason = " ".join(str(error).split()) or type(error).__name__
            raise GenlabError(
                f"{self.config[subcommand].ckpt_path} cannot be restored: {reason}; take another checkpoint"
            ) from error

    def after_fit(self) -> None:
        """Say how it went and where everything is; raise GenlabError when there was nothing to do."""
        if self.trainer.global_step == self.steps_before:
            epochs = self.trainer.current_epoch
            if isinstance(self.model, StackedAutoencoder) and epochs == self.model.course.epochs:
                raise GenlabError(
                    f"nothing is left to train: {self.config.fit.ckpt_path} has been through all stages, of {epochs} "
                    "epochs; give stages of other lengths without --ckpt_path, to train from scratch"
                )
            limits = {"limit_train_batches": range(1), "max_epochs": range(epochs + 1)}
            reached = (limit for limit, values in limits.items() if getattr(self.trainer, limit) in values)
            limit = next(reached, "max_steps")
            raise GenlabError(
                f"nothing is left to train: {self.config.fit.ckpt_path} has {epochs} epochs and "
                f"{self.steps_before} steps, and {limit} is {getattr(self.trainer, limit)}; give more to go on"
            )
        if not self.trainer.is_global_zero:
            return
        figures = {k: float(v) for k, v in self.trainer.callback_metrics.items() if k.startswith("val/")}
        if figures:
            print(f"\n{self.run}: " + ", ".join(f"{name} {rounded(value)}" for name, value in sorted(figures.items())))
        made = [f"{kind} in {self.run / kind}" for kind in ("pictures", "checkpoints") if (self.run / kind).exists()]
        print(", ".join(made) or "no pictures and no checkpoints were made")

    def _parse_ckpt_path(self) -> None:
        """Decide on the checkpoint and the run's folder.

        Lightning then lets the checkpoint's model overrule the config's in silence; here different ones are an error.
        """
        config = self.config[self.config.subcommand]
        self.saved, self.steps_before = {}, None
        root, name = Path(config.trainer.default_root_dir or runs.ROOT), self._run_name(config)
        if slurm.requeued():
            config.ckpt_path = runs.run_of_job(root, name, slurm.step()) or config.ckpt_path
        if config.ckpt_path is None:
            self._claim_run(root, name)
            return
        last = runs.newest_run(root, name) if config.ckpt_path == "last" else config.ckpt_path
        checkpoint = runs.find_checkpoint(last, prefer="last")
        content = read(checkpoint)
        self.saved, self.steps_before = content["hyper_parameters"], content["global_step"]
        config.ckpt_path, config.weights_only = str(checkpoint), True
        if self.config.subcommand == "fit":
            self._claim_run(root, name, runs.run_of(checkpoint))
        else:
            self.run = runs.run_of(checkpoint) or checkpoint.parent
        given = config.model.clone()
        saved = {name: value for name, value in self.saved.items() if not name.startswith("_")}
        if "_class_path" in self.saved:
            saved = {"class_path": self.saved["_class_path"], "dict_kwargs": saved}
        self.config = self.parser.parse_object({self.config.subcommand: {"model": saved}}, self.config)
        difference = _difference(self.config[self.config.subcommand].model, given)
        if difference:
            raise GenlabError(
                f"{checkpoint} has {difference}; use the config it was trained with, or train from scratch without "
                "--ckpt_path"
            )

    def _claim_run(self, root: Path, name: str, run: Path | None = None) -> None:
        """Resume a run, or else make a new one, which the first process alone makes, knows and holds."""
        asked = self.config.fit.get("name") if self.config.subcommand == "fit" else None
        if run and asked and run.absolute().parent.name != asked:
            raise GenlabError(f"{run} keeps its name when it is resumed; leave --name out")
        self.run = run or rank_zero_only(runs.claim_run, default=root / name)(root, name)
        rank_zero_only(self._held.enter_context)(runs.training(self.run))
        rank_zero_only(runs.note_job)(self.run, slurm.step())

    def _run_name(self, config: Any) -> str:
        """What the run is called: as the user says, else after its config and the classes typed, else after all."""
        if (name := config.get("name")) is not None:
            return runs.require_name(name)
        base = runs.config_name(config.config)
        sections = ("model", "data") if base is None else self.typed
        classes = (runs.class_part(config[section].class_path) for section in sections)
        return "-".join([*filter(None, [base]), *classes])

    def after_instantiate_classes(self) -> None:
        """Refuse data of another shape than the checkpoint's, or with other classes or attributes.

        And settings of the trainer that models of several players have for each of them, or that CPUs have not; and to
        predict with these. Data without batches for prediction give their test images.
        """
        if self.subcommand == "predict" and not is_overridden("predict_dataloader", self.datamodule):
            self.datamodule = own_data.as_genlabs(self.datamodule)
        if isinstance(self.model, AdversarialModel):
            if self.subcommand == "predict":
                self.model.predict_step(None, 0)
            name = type(self.model).__name__
            if self.trainer.gradient_clip_val is not None:
                raise GenlabError(
                    f"a {name} clips the gradients of each player for itself: give --model.generator_clip and "
                    "--model.discriminator_clip instead of --trainer.gradient_clip_val"
                )
        given = self.config[self.subcommand].trainer
        if given.sync_batchnorm and isinstance(self.trainer.accelerator, CPUAccelerator):
            raise GenlabError("batch norm is synchronised between GPUs only; leave --trainer.sync_batchnorm out")
        require_same(self.datamodule, self.saved)


def _as_list(value: Any) -> list[Any]:
    """What is given as one thing, as several or not at all, as a list of its own."""
    return [] if value is None else [*value] if isinstance(value, list) else [value]


def _restoring(error: BaseException) -> bool:
    """Whether an error is from Lightning's restoring of a checkpoint."""
    places = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    return any(
        frame.f_globals.get("__name__") == checkpoint_connector.__name__ and "restore" in frame.f_code.co_name
        for frame in places
    )


def _difference(saved: Namespace, given: Namespace) -> str:
    """What a checkpoint's model has that the config's has not, in words; nothing when they are the same."""
    of_saved, of_given = (model.class_path.rpartition(".")[2] for model in (saved, given))
    if of_saved != of_given:
        return f"a model of class {of_saved}, the config one of class {of_given}"
    arguments = given.init_args.items()
    # whether Adam is fused is how it computes, not what
    stated = {k: v for k, v in arguments if v is not None and k not in FACTS and not k.endswith(".fused")}
    had = saved.init_args
    different = [key for key, value in stated.items() if _without_modules(value) != _without_modules(had.get(key))]
    return f"another model than the config: {', '.join(different)} differ" if different else ""


def _without_modules(value: Any) -> str:
    """A text that is the same for genlab.VAE, a class by its public name, and for genlab.models.vae.VAE."""
    return re.sub(r"'[\w.]+\.(\w+)'", r"'\1'", repr(value))
