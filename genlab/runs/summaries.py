"""Summaries of runs: settings, progress and best metric, without opening a checkpoint."""

import contextlib
import re
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import yaml

from genlab import runs
from genlab.errors import GenlabError
from genlab.parsing import safe_yaml
from genlab.regular import read_regular
from genlab.renames import translated
from genlab.runs import history
from genlab.runs.history import History

UNKNOWN = "?"
"""Placeholder for the model or data of a run whose config cannot be read."""
NOT_LEARNED = re.compile(
    r"(pictures|best_checkpoint|last_checkpoint)\..*|data\.(.*\.)?(data_dir|num_workers|prefetch)|weights_only|"
    r"trainer\.(enable_.*|logger.*|default_root_dir|log_every_n_steps|profiler.*|max_epochs|num_sanity_val_steps|"
    r"limit_(val|test|predict)_batches)"
)
"""Settings without effect on what is learned, and the number of epochs, which has a column of its own."""

LIBRARY = re.compile(r"^(genlab|torch)\.(\w+\.)*(?=\w+$)")
LARGEST = 2**20
"""Maximum number of bytes of a config."""


@dataclass(frozen=True)
class Summary:
    """A run in brief.

    Args:
        path: its folder.
        settings: its config as text, by the names on the command line, such as "model.optimizer.lr".
        state: running, finished, stopped, "failed: " with the reason, empty, damaged, or "?" if unknown.
        epochs: number of epochs done.
        planned: number of epochs that the config asks for; None without a limit.
        metric: the validation metric that the best checkpoint is chosen by; empty if there is none.
        best: the best value of this metric.
        date: when the run was last trained.
    """

    path: Path
    settings: Mapping[str, str] = field(repr=False)
    state: str
    epochs: int
    planned: int | None
    metric: str
    best: float | None
    date: datetime

    @property
    def model(self) -> str:
        """Class of the model."""
        return self.settings.get("model", UNKNOWN)

    @property
    def data(self) -> str:
        """Class of the data."""
        return self.settings.get("data", UNKNOWN)


def summarise(run: Path) -> Summary:
    """Summarise a run; what cannot be read is left out."""
    settings, metrics, state = settings_of(run), History(run), runs.state(run)
    planned = _whole(settings.get("trainer.max_epochs", ""))
    complete = metrics.ends_validated or (state == "finished" and metrics.epochs == planned)
    epochs = metrics.epochs if complete else max(0, metrics.epochs - 1)
    if not settings:
        state = "damaged"
    elif not state:
        ended = UNKNOWN if planned is None else "finished" if epochs >= planned else "stopped"
        state = ended if metrics.names else "empty"
    metric = _metric(settings, metrics)
    values = metrics.series(metric).values
    best = max if settings.get("best_checkpoint.mode") == "max" else min
    return Summary(
        run, settings, state, epochs, planned, metric, float(best(values)) if len(values) else None, last_trained(run)
    )


def settings_of(run: Path) -> dict[str, str]:
    """Read the settings in a run's config, as in `Summary`; none if they cannot be read."""
    with contextlib.suppress(GenlabError, OSError, ValueError, yaml.YAMLError):
        text = read_regular(run / runs.CONFIG, LARGEST).decode()
        return {name: _text(value) for name, value in flat(translated(safe_yaml.load(text)))}
    return {}


def flat(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """Iterate over the settings in a config: names as on the command line, and values."""
    if isinstance(value, list) and any(isinstance(part, dict) for part in value):
        value = dict(enumerate(value))
    if not isinstance(value, dict):
        yield name, value
        return
    if "class_path" in value:
        yield name, value["class_path"]
        value = {**(value.get("init_args") or {}), **(value.get("dict_kwargs") or {})}
    for key, part in value.items():
        yield from flat(part, f"{name}.{key}" if name else str(key))


def differing(settings: Sequence[Mapping[str, str]]) -> list[str]:
    """Find the settings that are not the same in all runs; arguments only if they differ between runs of one class."""
    found = unequal(settings)
    known = {name for each in settings for name in each}
    peers = {name: _by_class(settings, _owner(name, known)) for name in found}
    return [name for name in found if any(len({each.get(name) for each in same}) > 1 for same in peers[name])]


def unequal(settings: Sequence[Mapping[str, str]]) -> list[str]:
    """Find the settings that are not the same in all runs, including arguments that only some classes have."""
    names = dict.fromkeys(name for each in settings for name in each)
    return [name for name in names if len({each.get(name) for each in settings}) > 1]


def differences(summaries: Sequence[Summary], usual: bool = True) -> list[dict[str, str]]:
    """Find, for each run, the settings that differ among runs of its model and data, by short names such as "lr".

    Args:
        summaries: the runs.
        usual: whether to include values that most of these runs have.
    """
    groups: dict[tuple[str, str], list[Mapping[str, str]]] = defaultdict(list)
    for run in summaries:
        groups[run.model, run.data].append(run.settings)
    names = {
        group: short_names([name for name in differing(members) if not NOT_LEARNED.fullmatch(name)])
        for group, members in groups.items()
    }
    found = []
    for run in summaries:
        group = run.model, run.data
        peers = {name: [member.get(name) for member in groups[group]] for name in names[group]}
        found.append(
            {
                names[group][name]: run.settings[name]
                for name, values in peers.items()
                if name in run.settings and (usual or 2 * values.count(run.settings[name]) <= len(values))
            }
        )
    return found


def short_names(names: Sequence[str]) -> dict[str, str]:
    """Shorten names of settings to the shortest suffix that begins with a word and is unique."""
    ends = {name: _ends(name) for name in names}
    return {name: next(end for end in ends[name] if sum(end in ends[o] for o in names) == 1) for name in names}


def labels(summaries: Sequence[Summary]) -> list[str]:
    """Name runs uniquely, by the settings in which they differ, or by their paths if there are none."""
    several = [fact for fact in ("model", "data") if len({getattr(each, fact) for each in summaries}) > 1]
    found = []
    for each, settings in zip(summaries, differences(summaries), strict=True):
        classes = " on ".join(getattr(each, fact) for fact in several)
        found.append(", ".join([classes] * bool(classes) + [f"{name} {value}" for name, value in settings.items()]))
    return [
        label if label and found.count(label) == 1 else f"{label} ({each.path})" if label else str(each.path)
        for label, each in zip(found, summaries, strict=True)
    ]


def _owner(name: str, known: Collection[str]) -> str:
    """Name the setting whose class takes a setting as an argument; empty if there is none."""
    while (name := name.rpartition(".")[0]) and name not in known:
        pass
    return name


def _by_class(settings: Sequence[Mapping[str, str]], owner: str) -> list[list[Mapping[str, str]]]:
    """Group runs by the class of a setting; without one, all are in one group."""
    groups: dict[str | None, list[Mapping[str, str]]] = defaultdict(list)
    for each in settings:
        groups[each.get(owner)].append(each)
    return [*groups.values()]


def _text(value: Any) -> str:
    """Format a value as in YAML, so that equal values look the same; names in genlab and torch lose their package."""
    if isinstance(value, str):
        return LIBRARY.sub("", value)
    if isinstance(value, float):
        return f"{value:.12g}"
    if isinstance(value, list):
        return f"[{', '.join(map(_text, value))}]"
    return "null" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def _ends(name: str) -> list[str]:
    """List the suffixes of a setting's name, from short to long, that begin with a word not preceded by a number."""
    parts = name.split(".")
    numbers = [part.isdecimal() for part in parts]
    starts = [i for i in range(len(parts)) if not numbers[i] and not (i and numbers[i - 1])]
    return [".".join(parts[i:]) for i in reversed(starts)]


def _metric(settings: Mapping[str, str], metrics: History) -> str:
    """Find the metric that the best checkpoint is chosen by; with stages, whose losses differ, that of the last one."""
    monitor = settings.get("best_checkpoint.monitor", "val/loss")
    stages = [name for name in metrics.names if re.fullmatch(r"val/.+/loss", name)] if monitor == "val/loss" else []
    known = [name for name in stages or [monitor] if len(metrics.series(name).steps)]
    return max(known, key=lambda name: metrics.series(name).steps[-1], default="")


def _whole(text: str) -> int | None:
    return int(text) if text.isdecimal() else None


def last_trained(run: Path) -> datetime:
    """Tell when a run was last trained, by its files."""
    times = [0.0]
    for name in (runs.CONFIG, history.FILE):
        with contextlib.suppress(OSError):
            times.append((run / name).stat().st_mtime)
    return datetime.fromtimestamp(max(times))
