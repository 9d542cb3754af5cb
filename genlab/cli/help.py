"""Help for the commands that train and test, shown before anything heavy is imported."""

import os
from textwrap import wrap

from genlab import catalogue
from genlab.catalogue import groups, pages
from genlab.errors import GenlabError
from genlab.parsing import spelling
from genlab.parsing.spelling import NOTHING_GIVEN, argument_at, entry_at
from genlab.parsing.trees import Tree

HELP = ("-h", "--help")
ABOUT = {
    "fit": "Train a model, in a run folder of its own.",
    "validate": "Measure a trained model on the validation images.",
    "test": "Measure a trained model on the test images.",
    "predict": "Write codes and reconstructions of the test images to a file.",
}
WHAT = (
    ("--config CONFIG", "a shipped config (`genlab configs`) or a file; several stack"),
    ("--model MODEL", "a model (`genlab models`), or a class by its import path"),
    ("--model.KEY VALUE", "an argument: `genlab fit --model VAE --help` shows them"),
    ("--data DATA", "a data set (`genlab datasets`), or a class by its import path"),
    ("--data.KEY VALUE", "an argument: `genlab fit --data MNIST --help` shows them"),
    ("--seed_everything N", "random seed, of the initial weights and everything else"),
)
HOW = (
    ("--trainer.max_epochs N", "passes over the training images (1000)"),
    ("--trainer.max_steps N", "batches, at most"),
    ("--trainer.max_time TIME", "at most, as DAYS:HOURS:MINUTES:SECONDS"),
    ("--trainer.check_val_every_n_epoch N", "epochs from one validation to the next (1)"),
    ("--trainer.gradient_clip_val NORM", "clip gradients to this norm"),
    ("--trainer.accumulate_grad_batches N", "batches per optimizer step (1)"),
    ("--trainer.overfit_batches N", "train on the same few batches, as a check"),
)
MACHINE = (
    ("--trainer.accelerator NAME", "cpu, gpu or mps (auto: whichever is available)"),
    ("--trainer.devices N", "how many (auto: all)"),
    ("--trainer.precision NAME", "32-true, bf16-mixed or 16-mixed (32-true)"),
)
RUN = (
    ("--name NAME", "name of the run (that of its config)"),
    ("--trainer.default_root_dir FOLDER", "where runs are kept (runs)"),
    ("--pictures.every_n_epochs N", "epochs from one picture to the next (10)"),
    ("--best_checkpoint.monitor METRIC", "metric that is lowest in the best checkpoint (val/loss)"),
    ("--last_checkpoint.every_n_train_steps N", "save every N steps too, not only after each epoch"),
)
RESUMED = ("--ckpt_path RUN", "resume a run; last: the newest run of the config")
INPUT = ("--input PATH ...", "images of your own: files, folders or patterns")
OUT = ("--out FILE", "where predictions go (predictions.npz in the run)")
FORCE = ("--force", "replace predictions that already exist")
MEASURED = ("--ckpt_path RUN", "a run or a checkpoint (the newest run)")
MORE = (
    ("--print_config", "print the resulting config, and stop"),
    ("--help-all", "every option, about a thousand lines"),
    ("--debug", "show the traceback of an error"),
)


def answer(command: str, arguments: list[str]) -> str | None:
    """Return the help page that the arguments ask for; None if they ask to train, or for help that only the parser has.

    Raises:
        GenlabError: for names that are not valid where they are given.
    """
    if command == "fit" and not arguments and not any(name.startswith("GENLAB_FIT") for name in os.environ):
        raise GenlabError(NOTHING_GIVEN)
    tree = spelling.check(command, arguments)
    for number, argument in enumerate(arguments):
        option, _, name = argument.partition("=")
        if option.startswith(("--model", "--data")) and option.endswith(".help"):
            following = arguments[number + 1 : number + 2]
            return _on_key(option[2:].removesuffix(".help"), name or "".join(following), tree)
    if not {*HELP} & {*arguments}:
        return None
    entries = [entry for entry in (entry_at("model", tree), entry_at("data", tree)) if entry]
    if entries:
        return "\n\n".join([*map(pages.page, entries), f"`genlab {command} --help` shows the other options."])
    return overview(command)


def overview(command: str) -> str:
    """List the most useful options of a command."""
    trains = command == "fit"
    sections: list[tuple[str, tuple[tuple[str, str], ...]]] = [
        ("model and data" if trains else "in place of the checkpoint's", WHAT),
        *([("training", HOW)] if trains else []),
        ("machine", MACHINE),
        ("run", (RESUMED, *RUN) if trains else (MEASURED, *([INPUT, OUT, FORCE] if command == "predict" else []))),
        ("more", MORE),
    ]
    indent = 2 + max(len(option) for _, options in sections for option, _ in options) + 2
    lines = [f"usage: genlab {command} [OPTION VALUE ...]", "", ABOUT[command]]
    for title, options in sections:
        lines += ["", f"{title}:"]
        for option, meaning in options:
            first, *rest = wrap(meaning, pages.columns() - indent)
            lines += [f"  {option:{indent - 2}}{first}", *(" " * indent + line for line in rest)]
    return "\n".join(lines)


def _on_key(key: str, name: str, tree: Tree) -> str | None:
    """Return help for the class given for a key such as model.encoder, or for the classes that it takes."""
    if name and not name.startswith("-"):
        of_sections = {"model": groups.model_groups, "data": groups.data_groups}
        argument = argument_at(key, tree)
        group = groups.choices(argument) if argument else None
        spelling.require_known(name, key, of_sections[key]() if key in of_sections else [group] if group else [])
        entry = catalogue.find(name)
        return pages.page(entry) if entry else None
    if key == "model":
        return pages.listing("models")
    if key == "data":
        return pages.listing("datasets")
    argument = argument_at(key, tree)
    group = groups.choices(argument) if argument else None
    return pages.choices_page(key, argument, group) if argument and group else None
