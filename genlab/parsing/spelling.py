"""Checks of names on the command line and in configs, before anything heavy is imported.

Classes that are not genlab's (those of torch or of the user) are left to the parser.
"""

import os
import warnings
from collections.abc import Collection
from pathlib import Path
from typing import Any

import yaml

from genlab import catalogue, renames
from genlab.catalogue import Argument, Entry
from genlab.catalogue.groups import Group, choices, data_groups, model_groups
from genlab.configs import find_config
from genlab.errors import GenlabError, nearest, suggestion
from genlab.parsing import safe_yaml
from genlab.parsing.trees import Tree, flattened, merged, nested, options, plain

SECTIONS = (
    "config",
    "model",
    "data",
    "trainer",
    "seed_everything",
    "ckpt_path",
    "pictures",
    "best_checkpoint",
    "last_checkpoint",
    "print_config",
    "trust",
    "weights_only",
)
"""The first part of every key."""
OF_COMMANDS = {
    "fit": ("name",),
    "validate": ("verbose",),
    "test": ("verbose",),
    "predict": ("out", "force", "return_predictions"),
}
"""Additional keys of single commands."""
ON_THE_COMMAND_LINE = ("c", "ckpt", "h", "help", "help-all")
"""Additional options that are not keys of a config."""
SYNONYMS = {
    "epochs": ("trainer.max_epochs",),
    "num_epochs": ("trainer.max_epochs",),
    "n_epochs": ("trainer.max_epochs",),
    "steps": ("trainer.max_steps",),
    "gpus": ("trainer.devices",),
    "gpu": ("trainer.devices",),
    "device": ("trainer.accelerator",),
    "grad_clip": ("trainer.gradient_clip_val", "model.generator_clip"),
    "lr": ("model.optimizer.lr", "model.generator_optimizer.lr"),
    "learning_rate": ("model.optimizer.lr", "model.generator_optimizer.lr"),
    "weight_decay": ("model.optimizer.weight_decay", "model.generator_optimizer.weight_decay"),
    "lr_scheduler": ("model.schedule", "model.generator_schedule"),
    "scheduler": ("model.schedule", "model.generator_schedule"),
    "latent_dim": ("model.code_size",),
    "latent_size": ("model.code_size",),
    "z_dim": ("model.code_size",),
    "nz": ("model.code_size",),
    "n_critic": ("model.critic_steps",),
    "kl_weight": ("model.beta",),
    "batch_size": ("data.batch_size",),
    "workers": ("data.num_workers",),
    "root": ("data.data_dir",),
    "img_size": ("data.image_size",),
    "dataset": ("data",),
    "datamodule": ("data",),
    "seed": ("seed_everything",),
    "resume": ("ckpt_path",),
    "checkpoint": ("ckpt_path",),
    "resume_from_checkpoint": ("ckpt_path",),
    "experiment": ("name",),
    "run_name": ("name",),
    "output_dir": ("trainer.default_root_dir",),
}
"""Names from other libraries, and the keys that they may stand for: the first one that exists."""

NOTHING_GIVEN = "say what to train and on what: --config NAME (`genlab configs` lists them), or --model and --data"
"""Message of `genlab fit` without arguments."""


def check(command: str, arguments: list[str]) -> Tree:
    """Combine the arguments of a training command with the configs that they name, and check their names.

    Raises:
        GenlabError: for a config that is missing or not YAML, and for names that are not valid where they are given.
    """
    tree: Tree = {}
    sections = (*SECTIONS, *OF_COMMANDS.get(command, ()))
    for key, value in options(arguments):
        section = key.partition(".")[0]
        if section not in sections + ON_THE_COMMAND_LINE:
            known = [f"--{name}" for name in sections]
            raise GenlabError(f"there is no option --{key}; {_meant(f'--{section}', key, known, tree)}")
        if section in ("config", "c"):
            given = _read(find_config(value or ""), sections)
        elif section in ("model", "data", "trainer") and not key.endswith(".help"):
            if value is None:
                raise GenlabError(f"--{key} needs a value")
            given = nested(key.rstrip("+").split("."), plain(value, key))
        else:
            continue
        tree = merged(tree, given)
    for name in renames.old_classes(tree):
        _warn(name, renames.class_now(name))
    _check_class(tree.get("model"), "model", model_groups(), tree)
    _check_class(tree.get("data"), "data", data_groups()[:-1], tree)
    if not isinstance(tree.get("trainer", {}), dict | str | None):
        raise GenlabError("trainer takes names with values, such as `max_epochs: 10`")
    trainer = catalogue.of_library("lightning.pytorch.trainer.trainer", "Trainer")
    if trainer and isinstance(tree.get("trainer"), dict):
        _check_keys(tree["trainer"], trainer, "trainer", tree)
    return tree


def require_known(name: str, place: str, groups: list[Group]) -> None:
    """Raise GenlabError for a class name that is not valid at its place, but close to one that is, or valid elsewhere.

    Other names without a dot, such as those of torch's optimizers, are left to the parser.
    """
    names = [known for group in groups for known in group.names]
    entry = catalogue.find(name)
    if entry and entry.is_function and name in names and "." not in name:
        raise GenlabError(f"{place}: a function is given by its import path, genlab.losses.{name}")
    if "." in name or name in names or not names or Path(name).exists():
        return
    if found := nearest(name, names):
        raise GenlabError(f"{place}: there is no class {name} here; did you mean {found}?")
    if entry:
        raise GenlabError(f"{place} does not take {name}; choose from {', '.join(names)}")


def entry_at(key: str, tree: Tree) -> Entry | None:
    """Find genlab's class for a key such as model.encoder: the given one, else the default."""
    section, *rest = key.split(".")
    node = tree.get(section)
    entry = _entry_of(node)
    for name in rest:
        argument = _argument(entry, name)
        node = node.get(name) if isinstance(node, dict) else None
        entry = _entry_of(node) or _entry_of(argument.default if argument else None)
    return entry


def argument_at(key: str, tree: Tree) -> Argument | None:
    """Find the argument for a key such as model.encoder, if it belongs to a class of genlab."""
    owner, _, name = key.rpartition(".")
    return _argument(entry_at(owner, tree), name) if owner else None


def _read(path: Path, sections: tuple[str, ...]) -> Tree:
    """Read a config as a tree."""
    try:
        found = safe_yaml.load(path.read_text(encoding="utf-8"))
    except yaml.MarkedYAMLError as error:
        line = f", line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise GenlabError(f"{path}{line}: {error.problem or error.context}; the config is not valid YAML") from None
    except yaml.YAMLError as error:
        raise GenlabError(f"{path} is not valid YAML: {' '.join(str(error).split())}") from None
    if not isinstance(found, dict):
        raise GenlabError(
            f"{path}: a config must have sections, such as `model:` and `data:`; "
            "`genlab configs vae_digits.yaml` prints one"
        )
    for section in found:
        if section in ("fit", "validate", "test", "predict"):
            raise GenlabError(
                f"{path}: leave out the line `{section}:`; sections such as `model:` belong at the top level"
            )
        if section not in sections:
            raise GenlabError(
                f"{path}: there is no section {section}; {_meant(str(section), str(section), sections, {})}"
            )
    return {section: flattened(value, section) for section, value in found.items()}


def _check_class(node: Any, place: str, groups: list[Group], tree: Tree, default: str | None = None) -> None:
    """Raise GenlabError for an unknown class name, and for arguments that a class of genlab does not have."""
    if isinstance(node, list):
        for item in node:
            _check_class(item, place, groups, tree, default)
        return
    given = node.get("class_path") if isinstance(node, dict) else node
    if isinstance(given, str):
        require_known(renames.class_now(given) or given, place, groups)
    entry = _entry_of(node) or _entry_of(default)
    if entry and isinstance(node, dict) and ("class_path" not in node or _entry_of(node)):
        _check_keys(node, entry, place, tree)


def _check_keys(node: Tree, entry: Entry, place: str, tree: Tree) -> None:
    known = {argument.name: argument for argument in entry.arguments}
    renamed = {old: new for name in (entry.name, *entry.bases) for old, new in renames.arguments_now(name).items()}
    for given, value in node.items():
        if given in ("class_path", "help"):
            continue
        name = given if given in known else renamed.get(given, given)
        if name != given:
            _warn(f"{place}.{given}", name)
        if name not in known:
            hint = _meant(str(name), f"{place}.{name}", list(known), tree)
            raise GenlabError(f"{place}: {entry.name} has no argument {name}; {hint}")
        group = choices(known[name])
        if group:
            _check_class(value, f"{place}.{name}", [group], tree, known[name].default)


def _warn(old: str, new: str | None) -> None:
    """Warn about an old name, only in the process that the user started."""
    if os.environ.get("LOCAL_RANK", "0") == "0":
        warnings.warn(f"{old} is called {new} now; the next release will not know the old name", stacklevel=2)


def _meant(name: str, key: str, known: Collection[str], tree: Tree) -> str:
    """Suggest a name in place of an unknown one."""
    for meant in SYNONYMS.get(name.lstrip("-").casefold(), ()):
        if meant != key and _is_there(meant, tree):
            return f"did you mean --{meant}?"
    return suggestion(name, known)


def _is_there(key: str, tree: Tree) -> bool:
    """Tell whether a key can exist; any key of a class that is not genlab's can."""
    section, *rest = key.split(".")
    entry = _entry_of(tree.get(section))
    return (section in SECTIONS or key == "name") and (
        not rest or entry is None or _argument(entry, rest[0]) is not None
    )


def _argument(entry: Entry | None, name: str) -> Argument | None:
    return next((argument for argument in entry.arguments if argument.name == name), None) if entry else None


def _entry_of(node: Any) -> Entry | None:
    name = node.get("class_path") if isinstance(node, dict) else node
    return catalogue.find(renames.class_now(name) or name) if isinstance(name, str) else None
