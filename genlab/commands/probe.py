"""`genlab probe`: measure how useful a trained model's codes are."""

import argparse
from typing import Any

import torch

from genlab.atomic import whole_file
from genlab.capabilities import Encodes, flat_code_size, with_real_codes
from genlab.commands.shared.data import attribute_of
from genlab.commands.shared.trained import Trained
from genlab.data import WithoutClass
from genlab.errors import GenlabError
from genlab.evaluation.codes import Seen, measured, seen
from genlab.tables import as_json, as_text, metrics_table


def main(args: argparse.Namespace) -> None:
    """Measure a model's codes in comparison with those of PCA; print and write the tables."""
    trained = Trained(args)
    trained.require(Encodes)
    with_real_codes(trained.model)
    flat_code_size(trained.model)
    path = trained.written_to("probe.json")
    train, test = (some_seen(trained, images) for images in (trained.splits.training_images(), trained.images()))
    if len(train.pixels) < 2:
        raise GenlabError(f"probing needs 2 or more of the training {train.names[0]}; give --limit 2 or more")
    data = trained.splits.data
    found: dict[str, Any] = {
        "model": type(trained.model).__name__,
        "checkpoint": str(trained.checkpoint),
        "data": type(data).__name__,
        "code_size": train.codes.shape[1],
        f"training_{train.names[0]}": len(train.pixels),
        f"{trained.split}_{test.names[0]}": len(test.pixels),
        "seed": args.seed,
    }
    print(metrics_table(found))
    left_out = data.label if isinstance(data, WithoutClass) else None
    tables = measured(train, test, counts=args.labels, draws=args.draws, left_out=left_out, seed=args.seed)
    for name, title, table in tables:
        found[name] = table
        print(f"\n{title}\n{as_text(table)}", flush=True)
    with whole_file(path) as part:
        part.write_text(as_json(found))
    print(f"\n{path}")


def some_seen(trained: Trained, images: Any) -> Seen:
    """Encode and reconstruct at most --limit images of a data set, drawn at random."""
    order = torch.randperm(len(images), generator=torch.Generator().manual_seed(trained.args.seed))
    attribute = trained.args.attribute
    classes = attribute_of(images, trained.data("fit"), attribute) if attribute else getattr(images, "labels", None)
    return seen(trained.model, images, order[: trained.args.limit].sort().values, classes)
