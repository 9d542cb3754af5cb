"""`genlab evaluate`: how good a model is, in figures that can be compared."""

import argparse
import json
from collections.abc import Callable
from typing import Any

from genlab.atomic import whole_file
from genlab.commands.shared.trained import Trained
from genlab.errors import GenlabError
from genlab.evaluation.likelihood import likelihood
from genlab.evaluation.outliers import write_outliers
from genlab.evaluation.reconstructions import reconstruction_quality
from genlab.evaluation.samples import sample_quality
from genlab.evaluation.translations import translation_quality
from genlab.models.capabilities import Samples, Translates
from genlab.tables import metrics_table


def main(args: argparse.Namespace) -> None:
    """Evaluate a model on the test images of its data; print and write the metrics."""
    trained = Trained(args)
    if args.input:
        write_outliers(trained)
        return
    path = trained.out("evaluate.json")
    evaluation = evaluation_of(trained, args)
    if args.samples and evaluation is not likelihood:
        raise GenlabError("--samples is for likelihoods; as many images are made as are compared: give --limit")
    found = {
        "model": type(trained.model).__name__,
        "checkpoint": str(trained.checkpoint),
        "seed": args.seed,
        **evaluation(trained, args),
    }
    with whole_file(path) as part:
        part.write_text(json.dumps(found, indent=1))
    print(metrics_table(found))
    print(path)


def evaluation_of(
    trained: Trained, args: argparse.Namespace
) -> Callable[[Trained, argparse.Namespace], dict[str, Any]]:
    """What the model is judged by."""
    model = trained.model
    if isinstance(model, Translates):
        return translation_quality
    if args.fid or args.features:
        return sample_quality
    if hasattr(model, "likelihood"):
        return likelihood
    if isinstance(model, Samples):
        return sample_quality
    return reconstruction_quality
