"""How to train a prior over a VQ-VAE's codes, as a command that can be run as it stands."""

import inspect
import json
import shlex
from typing import Any

from genlab import runs
from genlab.capabilities import Quantizes, Samples, can
from genlab.commands.shared.trained import Trained
from genlab.errors import GenlabError
from genlab.hparams import as_section, plain
from genlab.parsing.own_code import imported


def require_prior(trained: Trained) -> None:
    """Raise GenlabError if the model's codes are grids whose prior is not trained yet."""
    if not can(trained.model, Quantizes) or can(trained.model, Samples):
        return
    model: Any = trained.model
    run = runs.run_of(trained.checkpoint) or trained.checkpoint
    if model.priors is not None:
        epochs = str(model.plan.epochs)
        hint, command = "train its remaining stages", ["--ckpt_path", str(run), "--trainer.max_epochs", epochs]
    else:
        data = options_of_data(as_section(described)) if (described := trained.described_data) else []
        hint, command = "train one", ["--config", "code_prior_mnist.yaml", "--model.first_stage.path", str(run), *data]
    raise GenlabError(
        f"the {type(model).__name__} in {trained.checkpoint} has no prior of its codes yet; "
        f"{hint}: genlab fit {shlex.join(command)}"
    )


def options_of_data(section: dict[str, Any]) -> list[str]:
    """Return the options of `fit` for data: the class, and those arguments that are not its defaults.

    Args:
        section: the data's section of a config.
    """
    path: str = section["class_path"]
    defaults = {}
    if path.startswith("genlab."):  # a user's own module is not imported: its code may not be trusted
        parameters = inspect.signature(imported(path)).parameters.values()
        defaults = {p.name: plain(p.default, path) for p in parameters if p.default is not p.empty}
    changed = {k: value for k, value in section["init_args"].items() if k not in defaults or value != defaults[k]}
    words = (value if isinstance(value, str) else json.dumps(value) for value in changed.values())
    options = [f"--data.{name}={word}" for name, word in zip(changed, words, strict=True)]
    return [f"--data={path.removeprefix('genlab.')}", *options]
