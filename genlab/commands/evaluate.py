"""`genlab evaluate`: measure how good a model is, in comparable metrics."""

import argparse
import csv
import itertools
import json
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from genlab.atomic import whole_file
from genlab.capabilities import abilities
from genlab.commands.shared.shown import Shown, condition_asked, shown
from genlab.commands.shared.stepwise import set_sampling
from genlab.commands.shared.trained import Trained
from genlab.commands.shared.truncation import set_truncation
from genlab.devices import full_precision
from genlab.errors import GenlabError, counted
from genlab.evaluation.mixing import require_styles
from genlab.evaluation.outliers import CODES, score_for, scores
from genlab.evaluation.path_length import require_paths
from genlab.evaluation.protocols import PROTOCOLS, Protocol, judging_capability
from genlab.evaluation.rows import as_dict
from genlab.evaluation.splits import Options
from genlab.tables import as_json, as_text, metrics_table

LISTED = 20
"""Maximum number of files in the printed table."""
HOW = ("data", "split", "condition", "sampler", "steps", "guidance", "truncation", "eta", "thinning")
"""Options of data and sampling that the stamps of metrics do not record."""


def main(args: argparse.Namespace) -> None:
    """Evaluate a model on the test images of its data, or score how unusual the user's own images are to it."""
    trained = Trained(args)
    with full_precision():
        if args.input:
            write_outliers(trained)
        else:
            write_metrics(trained)


def write_metrics(trained: Trained) -> None:
    """Print and write the metrics of a model.

    Raises:
        GenlabError: for a model that cannot be evaluated as asked, and for options that its protocol does not take.
    """
    args = trained.args
    path = trained.written_to("evaluate.json")
    asked = args.sampler, args.steps, args.guidance, args.truncation
    samplings = [*itertools.product(*([*values] if values else [None] for values in asked))]
    by_features = asks_for_samples(args)
    for sampling in reversed(samplings):  # check that all are possible before measuring the first
        set_how(trained, *sampling)
    capability = judging_capability(trained.model, by_features)
    trained.require(capability)
    if args.ppl:
        require_paths(trained.model)
    if args.mixing:
        require_styles(trained.model)
    protocol = PROTOCOLS[capability]
    if args.samples and not protocol.estimates:
        raise GenlabError("--samples is for likelihoods that are estimated; for fewer images give --limit")
    if args.temperatures and not protocol.anneals:
        raise GenlabError("--temperatures is for the partition functions of Boltzmann machines; leave it out")
    options = Options(
        limit=args.limit,
        seed=args.seed,
        codes=args.samples,
        temperatures=args.temperatures,
        by_features=by_features,
        network=args.features,
        path_length=args.ppl,
        mixing=args.mixing,
        device=trained.device,
        condition=condition_asked(trained),
    )
    found = {
        "model": type(trained.model).__name__,
        "checkpoint": str(trained.checkpoint),
        "seed": args.seed,
        **asked_how(args),
    }
    if len(samplings) == 1:
        found |= as_dict(protocol.judge(trained.model, trained.splits, options))
    else:
        stamp, found["samplings"] = judged_by_samplings(trained, protocol, options, samplings)
        found |= stamp
    text = as_json(found)
    kept = None if args.out else keep_earlier(path, json.loads(text))
    with whole_file(path) as part:
        part.write_text(text)
    table = found.pop("samplings", None)
    print(metrics_table(found))
    if table:
        print(f"\n{as_text(table)}")
    if kept:
        print(f"earlier metrics are kept in {kept}")
    print(path)


def keep_earlier(path: Path, found: dict[str, Any]) -> Path | None:
    """Copy the metrics in a file that is about to be replaced, unless the new ones are measured in the same way.

    Args:
        path: the file, such as evaluate.json; the copy is evaluate-1.json, or the first number that is free or has
            metrics measured like those in the file.
        found: the new metrics.

    Returns:
        The copy, or None if none is needed.
    """
    if not path.is_file() or (how := how_measured(path)) == without_values(found):
        return None
    names = (path.with_stem(f"{path.stem}-{number}") for number in itertools.count(1))
    copy = next(name for name in names if not name.exists() or (name.is_file() and how_measured(name) == how))
    with whole_file(copy) as part:
        part.write_bytes(path.read_bytes())
    return copy


def how_measured(path: Path) -> Any:
    """Return what a file of metrics says without their values; if it is no such file, its bytes."""
    content = path.read_bytes()
    try:
        return without_values(json.loads(content))
    except ValueError:
        return content


def without_values(found: Any) -> Any:
    """Return metrics, with how they were measured, without the values, which JSON has as floats or null."""
    if isinstance(found, dict):
        return {name: without_values(value) for name, value in found.items()}
    return None if isinstance(found, float) else found


def asked_how(args: argparse.Namespace) -> dict[str, str]:
    """Return the options that choose the data and the settings of sampling, as typed on the command line."""
    words: list[str] = []
    for name in HOW:
        value = getattr(args, name)
        if value is not None:
            words += [f"--{name}", *map(str, value if isinstance(value, list) else [value])]
    words += args.data_settings
    return {"options": shlex.join(words)} if words else {}


def asks_for_samples(args: argparse.Namespace) -> bool:
    """Return whether to evaluate a model's samples, even if it has a likelihood or a bound on it."""
    settings = args.sampler, args.steps, args.guidance, args.thinning, args.truncation
    return bool(args.fid or args.features or args.ppl or args.mixing or args.eta is not None or any(settings))


def set_how(
    trained: Trained, name: str | None, steps: int | None, guidance: float | None, truncation: float | None
) -> None:
    """Set a model's sampler by name, its number of steps, its guidance and its truncation."""
    set_sampling(trained, name, steps, guidance)
    set_truncation(trained, truncation)


def judged_by_samplings(
    trained: Trained, protocol: Protocol, options: Options, samplings: Sequence[tuple[Any, ...]]
) -> tuple[dict[str, Any], dict[str, dict[str, float]]]:
    """Evaluate a model's samples for each combination of samplers, steps, guidances and truncations.

    Returns:
        The stamp of how they were measured, and the metrics by settings of sampling.
    """
    stamp: dict[str, Any] = {}
    table = {}
    for name, steps, guidance, truncation in samplings:
        set_how(trained, name, steps, guidance, truncation)
        rows = protocol.judge(trained.model, trained.splits, options)
        stamp |= {key: value for row in rows for key, value in row.stamp.items()}
        numbers = {"guidance": guidance, "truncation": truncation}
        words = [name, f"{steps} steps" if steps else None]
        words += [f"{of} {number:g}" for of, number in numbers.items() if number is not None]
        table[" ".join(filter(None, words))] = {row.name: row.value for row in rows if isinstance(row.value, float)}
    return stamp, table


def write_outliers(trained: Trained) -> None:
    """Print and write a table of the files of --input with their outlier scores, the most unusual first.

    Beside each score is the percentage of the data's images that have a lower one.

    Raises:
        GenlabError: for a model that has neither a likelihood nor reconstructions.
    """
    args = trained.args
    if asks_for_samples(args):
        raise GenlabError("--fid, --features and sampling options are for judging a model's samples; leave out --input")
    score = score_for(trained.model)
    if args.samples and not (score and score.estimates):
        raise GenlabError("--samples is for likelihoods, and this model has none; leave it out")
    if score is None:
        raise GenlabError(
            f"the {type(trained.model).__name__} in {trained.checkpoint} can neither estimate likelihoods nor "
            f"reconstruct, so it cannot tell which images are unusual; it can {', '.join(abilities(trained.model))}"
        )
    path = trained.written_to("outliers.csv")
    random = torch.Generator().manual_seed(args.seed)
    own = shown(trained, None, 0, random)
    images = trained.images()
    others = Shown(images, torch.randperm(len(images), generator=random)[: args.limit])
    found, compared = (
        scores(trained.model, part.images, part.rows, score, random, args.samples or CODES) for part in (own, others)
    )
    shares = torch.searchsorted(compared.sort().values, found) / len(compared)
    things = getattr(trained.model, "observations", "images")
    among = counted(len(compared), f"{trained.split} {things.removesuffix('s')}")
    columns = {score.name: found, f"% of {among} below": 100 * shares}
    order = found.argsort(descending=True, stable=True).tolist()
    table = {own.names[i]: {name: float(values[i]) for name, values in columns.items()} for i in order}
    with whole_file(path) as part, part.open("w", newline="", encoding="utf-8", errors="surrogateescape") as file:
        head = ["sentence" if things == "sentences" else "file", *columns]
        csv.writer(file).writerows([head, *([name, *row.values()] for name, row in table.items())])
    print(as_text(dict(list(table.items())[:LISTED])))
    if len(table) > LISTED:
        print(f"and {len(table) - LISTED:,} more")
    print(path)
